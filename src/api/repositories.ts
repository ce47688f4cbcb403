import type * as v from "valibot";
import { isAdministrator, may } from "../auth/policy/access.ts";
import { rangesOf } from "../auth/policy/ranges.ts";
import { RegistryError } from "../oci/errors.ts";
import { parseRepositoryName, type RepositoryName } from "../oci/reference.ts";
import type { StoredRepository } from "../db/repositories.ts";
import { listVisible } from "../http/visible.ts";
import { encryptCursor, decryptCursor } from "../http/cursor.ts";
import { requireChange, timestamp, wantedVersion } from "../http/resource.ts";
import { changed, created, none, page, versioned } from "./answer.ts";
import { type Call, type Endpoint, endpoint } from "./endpoint.ts";
import { NAMESPACE, PAGE, paged } from "./query.ts";
import {
  NewRepository,
  Repository,
  RepositoryChange,
  RepositoryDetail,
} from "./schema/repositories.ts";

/** Lists the repositories that the caller may pull, and the public ones. */
const list = endpoint(
  "GET /repositories",
  {
    id: "listRepositories",
    summary: "List the repositories that the caller may pull",
    access: "none",
    query: { namespace: NAMESPACE, ...PAGE },
    answer: page(Repository),
    refuses: ["NAME_INVALID"],
  },
  async ({ query, actor, auth, registry }) => {
    const { namespace, limit } = query;
    const within = rangesOf(namespace === null ? "*" : `${namespace}/*`);
    const after = await decryptCursor(query.after, "repositories", auth.signing);
    const visible = await listVisible(registry, actor, { within, after, limit: limit + 1 });
    const items = visible.found.map(toJson);
    if (visible.searchedTo === null || items.length > limit) {
      return paged(query, items, ({ name }) => name);
    }
    const next = await encryptCursor(visible.searchedTo, "repositories", auth.signing);
    return { items, next };
  },
);

/** Creates a repository without a push. */
const create = endpoint(
  "POST /repositories",
  {
    id: "createRepository",
    summary: "Create a repository",
    access: "login",
    requiresFor: [
      {
        rule: "Maintainers of the repository may. With CREATE_ON_PUSH, callers who may push may too, but cannot set visibility or immutableTags.",
        check: requireMaker,
      },
    ],
    lasts: ({ visibility }) => (visibility === "public" ? "a public repository" : null),
    body: NewRepository,
    answer: created(RepositoryDetail),
    refuses: ["CONFLICT", "NAME_INVALID", "NAME_UNKNOWN", "QUOTA_EXCEEDED"],
  },
  async ({ body: { name: text, ...given }, actor, initiator, registry }) => {
    const name = parseRepositoryName(text);
    const namespace = isAdministrator(actor) ? "make" : "keep";
    const made = await registry.repositories.create(name, given, namespace, initiator);
    if (made === null) {
      throw new RegistryError("NAME_UNKNOWN", {
        message: "there is no such namespace; an administrator can create it",
      });
    }
    return { value: toJson(made), location: `/repositories/${name}` };
  },
);

/** @throws DENIED, also for a field that a pusher may not set */
function requireMaker({
  body,
  actor,
  settings,
}: Call<never, v.InferOutput<typeof NewRepository>, unknown>): void {
  const name = parseRepositoryName(body.name);
  if (may(actor, "maintain", name)) return;
  const caller = actor.name ?? "";
  if (!(settings.createOnPush && may(actor, "push", name))) {
    throw new RegistryError("DENIED", {
      message: `${caller} may not create ${name}: that takes a role on it, at least writer where a push creates repositories, else maintainer`,
    });
  }
  if (body.visibility !== undefined) {
    throw new RegistryError("DENIED", {
      message: `${caller} may not decide who sees ${name}: leave visibility out, and it gets its namespace's`,
    });
  }
  if (body.immutableTags !== undefined) {
    throw new RegistryError("DENIED", {
      message: `${caller} may not decide which tags of ${name} are immutable: leave immutableTags out; the rules of its namespace hold`,
    });
  }
}

/** Reads a repository. Pushes change its counts without a new version. */
const read = endpoint(
  "GET /repositories/:name+",
  {
    id: "readRepository",
    summary: "Read a repository",
    access: "pull",
    answer: versioned(RepositoryDetail, "more"),
    refuses: ["NAME_UNKNOWN"],
  },
  async ({ params, registry }) => {
    const repository = await registry.repositories.find(params.name);
    if (repository === null) throw unknown(params.name);
    return toJson(repository);
  },
);

const update = endpoint(
  "PATCH /repositories/:name+",
  {
    id: "updateRepository",
    summary: "Change a repository",
    access: "maintain",
    lasts: ({ visibility }) => (visibility === "public" ? "a public repository" : null),
    body: RepositoryChange,
    ifMatch: true,
    answer: changed(RepositoryDetail),
    refuses: ["NAME_UNKNOWN"],
  },
  async ({ request, body, params, initiator, registry: { repositories } }) => {
    const version = await wantedVersion(request, () => repositories.find(params.name));
    requireChange(body);
    const after = await repositories.update(params.name, body, version, initiator);
    if (after === null) throw unknown(params.name);
    return toJson(after);
  },
);

const remove = endpoint(
  "DELETE /repositories/:name+",
  {
    id: "deleteRepository",
    summary: "Delete a repository and all in it",
    access: "maintain",
    ifMatch: true,
    answer: none,
    refuses: ["IMMUTABLE", "NAME_UNKNOWN"],
  },
  async ({ request, params, initiator, registry: { repositories } }) => {
    const version = await wantedVersion(request, () => repositories.find(params.name));
    if (await repositories.delete(params.name, version, initiator)) return;
    throw unknown(params.name);
  },
);

export const REPOSITORIES: readonly Endpoint[] = [list, create, read, update, remove];

function toJson<T extends StoredRepository>(repository: T) {
  return { ...repository, createdAt: timestamp(repository.createdAt) };
}

function unknown(name: RepositoryName): RegistryError {
  return new RegistryError("NAME_UNKNOWN", { detail: { name } });
}
