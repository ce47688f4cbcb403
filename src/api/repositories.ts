import * as v from "valibot";
import { isAdministrator, may } from "../auth/policy/access.ts";
import { rangesOf } from "../auth/policy/ranges.ts";
import { RegistryError } from "../oci/errors.ts";
import { isWebLink, LINK_LABELS } from "../oci/link.ts";
import { parseNamespace, parseRepositoryName, type RepositoryName } from "../oci/reference.ts";
import type { StoredRepository } from "../db/repositories.ts";
import type { Context } from "../http/context.ts";
import { listVisible } from "../http/visible.ts";
import { encryptCursor, decryptCursor } from "../http/cursor.ts";
import { description, isLine, readJson } from "../http/input.ts";
import { requireLasting } from "./lasting.ts";
import { listing, pageOf, pageResponse } from "../http/list.ts";
import {
  found,
  noContent,
  requireChange,
  resource,
  timestamp,
  wantedVersion,
} from "../http/resource.ts";
import { immutableTags } from "./tag-rules.ts";

const MAX_README = 64 * 1024;
const MAX_LABELS = 64;
/** The most characters of all labels together, as JSON: a page has the labels of a thousand repositories. */
const MAX_LABELS_LENGTH = 4096;

const fields = {
  visibility: v.optional(v.picklist(["private", "public"])),
  description: v.optional(description),
  readme: v.optional(
    v.pipe(
      v.string(),
      v.maxBytes(MAX_README),
      v.check(isReadme, "write it without control characters other than line ends and tabs"),
    ),
  ),
  labels: v.optional(
    v.pipe(
      // Not v.record: it accepts an array, and ignores keys such as "constructor".
      v.custom<Record<string, string>>(
        isLabels,
        `must map at most ${MAX_LABELS} names to texts without control characters, in at most ${MAX_LABELS_LENGTH} characters of JSON`,
      ),
      v.check(
        hasWebLinks,
        `${LINK_LABELS.join(", ")}: write an address that begins with https:// or http://`,
      ),
    ),
  ),
  immutableTags: v.optional(immutableTags),
};
const Creation = v.strictObject({ name: v.string(), ...fields });
const Change = v.strictObject(fields);

/** Lists the repositories that the caller may pull, and the public ones. */
export async function list({ url, actor, auth, registry }: Context): Promise<Response> {
  const page = pageOf(url.searchParams);
  const namespace = url.searchParams.get("namespace");
  const within = rangesOf(namespace === null ? "*" : `${parseNamespace(namespace)}/*`);
  const after = await decryptCursor(page.after, "repositories", auth.signing);
  const wanted = { within, after, limit: page.limit };
  const visible = await listVisible(registry, actor, wanted);
  const items = visible.found.map(toJson);
  if (visible.searchedTo === null || items.length === page.limit) {
    return listing(url, page, items, ({ name }) => name);
  }
  return pageResponse(
    url,
    items,
    await encryptCursor(visible.searchedTo, "repositories", auth.signing),
  );
}

/** Creates a repository without a push. A caller that may push may do so where pushes create repositories. */
export async function create(context: Context): Promise<Response> {
  const { request, actor, initiator, settings, registry } = context;
  const { name: text, ...given } = await readJson(request, Creation);
  const name = parseRepositoryName(text);
  const maintains = may(actor, "maintain", name);
  if (!maintains && !(settings.createOnPush && may(actor, "push", name))) {
    throw new RegistryError("DENIED", {
      message: `${actor.name ?? ""} may not create ${name}: that takes a role on it, at least writer where a push creates repositories, else maintainer`,
    });
  }
  if (!maintains && given.visibility !== undefined) {
    throw new RegistryError("DENIED", {
      message: `${actor.name ?? ""} may not decide who sees ${name}: leave visibility out, and it gets its namespace's`,
    });
  }
  if (!maintains && given.immutableTags !== undefined) {
    throw new RegistryError("DENIED", {
      message: `${actor.name ?? ""} may not decide which tags of ${name} are immutable: leave immutableTags out; the rules of its namespace hold`,
    });
  }
  if (given.visibility === "public") requireLasting(actor, "a public repository");
  const namespace = isAdministrator(actor) ? "make" : "keep";
  const made = await registry.repositories.create(name, given, namespace, initiator);
  if (made === null) {
    throw new RegistryError("NAME_UNKNOWN", {
      message: "there is no such namespace; an administrator can create it",
    });
  }
  return resource(toJson(made), { status: 201, location: `/api/v1/repositories/${name}` });
}

/** Reads a repository. Pushes change its counts without a new version. */
export async function read({ request, params, registry }: Context<"name">): Promise<Response> {
  const repository = await registry.repositories.find(params.name);
  if (repository === null) throw unknown(params.name);
  return found(request, toJson(repository), "more");
}

export async function update(context: Context<"name">): Promise<Response> {
  const { request, params, actor, initiator, registry } = context;
  const version = await wantedVersion(request, () => registry.repositories.find(params.name));
  const given = await readJson(request, Change);
  requireChange(given);
  if (given.visibility === "public") requireLasting(actor, "a public repository");
  const changed = await registry.repositories.update(params.name, given, version, initiator);
  if (changed === null) throw unknown(params.name);
  return resource(toJson(changed));
}

export async function remove(context: Context<"name">): Promise<Response> {
  const { request, params, initiator, registry } = context;
  const version = await wantedVersion(request, () => registry.repositories.find(params.name));
  if (!(await registry.repositories.delete(params.name, version, initiator))) {
    throw unknown(params.name);
  }
  return noContent();
}

function toJson<T extends StoredRepository>(repository: T) {
  return { ...repository, createdAt: timestamp(repository.createdAt) };
}

function unknown(name: RepositoryName): RegistryError {
  return new RegistryError("NAME_UNKNOWN", { detail: { name } });
}

/** Returns whether all lines are printable. A line may end in CR LF; a CR alone would overwrite text on a terminal. */
function isReadme(text: string): boolean {
  return isLine(text.replaceAll(/\r?\n|\t/g, " "));
}

function hasWebLinks(labels: Readonly<Record<string, string>>): boolean {
  return LINK_LABELS.every((key) => {
    const link = Object.hasOwn(labels, key) ? labels[key] : undefined;
    return link === undefined || isWebLink(link);
  });
}

function isLabels(value: unknown): boolean {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const entries = Object.entries(value);
  return (
    entries.length <= MAX_LABELS &&
    entries.every(
      ([key, text]) => key !== "" && isLine(key) && typeof text === "string" && isLine(text),
    ) &&
    JSON.stringify(value).length <= MAX_LABELS_LENGTH
  );
}
