import { BACKUP } from "../backup/api.ts";
import { AUDIT } from "../events/api.ts";
import { DEAD_EVENTS } from "../events/dead-api.ts";
import { FSCK } from "../fsck/api.ts";
import { GC } from "../gc/api.ts";
import { QUOTA } from "../quota/api.ts";
import { RETENTION } from "../retention/api.ts";
import { SCAN } from "../scan/api.ts";
import { EXCEPTIONS } from "../scan/exception-api.ts";
import { SCAN_REPORTS } from "../scan/report-api.ts";
import { SCAN_POLICY } from "../scan/policy-api.ts";
import { SIGNATURES } from "../signatures/api.ts";
import { TRASH } from "../trash/api.ts";
import { DELETIONS } from "../trash/delete-api.ts";
import { TRASH_LISTS } from "../trash/list-api.ts";
import { json } from "./answer.ts";
import { CONTENTS } from "./contents.ts";
import { DETAILS } from "./details.ts";
import { type Endpoint, endpoint } from "./endpoint.ts";
import { EXCHANGE } from "./exchange.ts";
import { ME } from "./me.ts";
import { MEMBERS } from "./members.ts";
import { NAMESPACES } from "./namespaces.ts";
import { type Groups, openApi } from "./openapi.ts";
import { REPOSITORIES } from "./repositories.ts";
import { RAW_MANIFEST } from "./raw-manifest.ts";
import { ROBOTS } from "./robots.ts";
import { SEARCH } from "./search.ts";
import { SESSIONS } from "./sessions.ts";
import { TOKENS } from "./tokens.ts";
import { TRUST_RULES } from "./trust-rules.ts";
import { USERS } from "./users.ts";

let document: string | undefined;

/** The document is made when it is first asked for: an isolate that starts should not take the time. */
const readOpenApi = endpoint(
  "GET /openapi.json",
  {
    id: "readOpenApi",
    summary: "Read this document",
    access: "none",
    answer: json("An OpenAPI 3.1 document", "public, max-age=300"),
  },
  () => (document ??= JSON.stringify(openApi(API_GROUPS))),
);

/** The endpoints of the management API, by the tag that its document has them under. */
export const API_GROUPS: Groups = {
  about: [readOpenApi],
  me: [...ME, ...SESSIONS, ...TOKENS, ...EXCHANGE],
  users: USERS,
  namespaces: [...NAMESPACES, ...MEMBERS],
  robots: ROBOTS,
  "trust rules": TRUST_RULES,
  contents: [...CONTENTS, ...RAW_MANIFEST, ...DETAILS],
  scanning: [...SCAN, ...SCAN_REPORTS, ...SCAN_POLICY, ...EXCEPTIONS],
  signatures: SIGNATURES,
  trash: [...TRASH_LISTS, ...DELETIONS, ...TRASH],
  retention: RETENTION,
  // After all that is below a repository, whose name takes as many segments as it can.
  repositories: [...SEARCH, ...REPOSITORIES],
  quota: QUOTA,
  gc: GC,
  fsck: FSCK,
  backup: BACKUP,
  audit: AUDIT,
  events: DEAD_EVENTS,
};

/** The routes of the management API. */
export const API_ROUTES: readonly Endpoint[] = Object.values(API_GROUPS).flat();
