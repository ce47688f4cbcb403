import * as v from "valibot";
import * as backup from "../backup/schema.ts";
import * as events from "../events/schema.ts";
import * as fsck from "../fsck/schema.ts";
import * as gc from "../gc/schema.ts";
import { REASONS, RegistryError } from "../oci/errors.ts";
import * as quota from "../quota/schema.ts";
import * as retention from "../retention/schema.ts";
import * as scanPolicy from "../scan/policy-schema.ts";
import * as scan from "../scan/schema.ts";
import * as signatures from "../signatures/schema.ts";
import * as trash from "../trash/schema.ts";
import * as accounts from "./schema/accounts.ts";
import * as common from "./schema/common.ts";
import * as contents from "./schema/contents.ts";
import * as namespaces from "./schema/namespaces.ts";
import * as repositories from "./schema/repositories.ts";
import * as sessions from "./schema/sessions.ts";

/** A refusal (RFC 9457). */
export const Problem = v.pipe(
  v.object({
    type: v.string(),
    title: v.string(),
    status: v.number(),
    detail: v.string(),
    code: v.pipe(
      v.picklist([...REASONS, "UNKNOWN"]),
      v.description(
        [
          ...REASONS.map((reason) => `${reason}: ${new RegistryError(reason).message}.`),
          "UNKNOWN: internal error; the log has the cause.",
        ].join(" "),
      ),
    ),
    errors: v.optional(v.array(v.unknown())),
  }),
  v.description(
    "RFC 9457. `code` is for programs, `detail` says what to do. `errors` has the fields that are wrong, what to confirm, or what is needed.",
  ),
);

const MODULES: readonly Readonly<Record<string, unknown>>[] = [
  accounts,
  backup,
  common,
  contents,
  events,
  fsck,
  gc,
  namespaces,
  quota,
  repositories,
  retention,
  scan,
  scanPolicy,
  sessions,
  signatures,
  trash,
  { Problem },
];

/** The schemas that the document names: those whose constant begins with a capital letter. */
export const SCHEMAS: Readonly<Record<string, v.GenericSchema>> = Object.fromEntries(
  MODULES.flatMap((module) =>
    Object.entries(module).flatMap(([name, value]) =>
      /^[A-Z][a-z]/.test(name) ? [[name, value as v.GenericSchema]] : [],
    ),
  ),
);
