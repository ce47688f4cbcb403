import { isRaised } from "./raised.ts";
import { RegistryError } from "../oci/errors.ts";
import { namespaceOf, type RepositoryName } from "../oci/reference.ts";
import { type Fragment, merge, prepare } from "./sql.ts";

export function isUnresolved(error: unknown): boolean {
  return isRaised(error, "unresolved");
}

export function isStillReferenced(error: unknown): boolean {
  return isRaised(error, "referenced");
}

/**
 * Turns a database error into the refusal of the rule that forbade the change.
 * @param tags SQL over `tags t` of the tags that the change would have moved or deleted
 * @throws IMMUTABLE, QUOTA_EXCEEDED, MEDIA_TYPE_FIXED, or the error itself if it is none of these
 */
export async function refuseChange(
  db: D1Database,
  repository: RepositoryName,
  error: unknown,
  tags: Fragment = { sql: "false", values: {} },
): Promise<never> {
  if (isRaised(error, "mediaType")) {
    throw new RegistryError("MEDIA_TYPE_FIXED", { cause: error });
  }
  if (isRaised(error, "immutable")) throw await immutable(db, repository, error, tags);
  if (isRaised(error, "allRepositories")) throw await tooManyRepositories(db, repository, error);
  const resource = RESOURCES.find((one) => isRaised(error, one));
  if (resource !== undefined) throw await overQuota(db, { repository, resource }, error);
  throw error;
}

interface ProtectedTag {
  readonly name: string;
  readonly digest: string;
  readonly of: "repository" | "namespace";
  readonly pattern: string;
}

async function immutable(
  db: D1Database,
  repository: RepositoryName,
  cause: unknown,
  { sql, values }: Fragment,
): Promise<RegistryError> {
  const tag = await prepare(
    db,
    `SELECT t.name, t.digest, t.of, t.pattern FROM repositories r
     JOIN matched_immutable_tags t ON t.repository_id = r.id WHERE r.name = :repository AND ${sql} LIMIT 1`,
    merge({ repository }, values),
  ).first<ProtectedTag>();
  // Without a row, the rule was removed between the two statements.
  if (tag === null) return new RegistryError("UNAVAILABLE", { cause });
  const { name, digest, of, pattern } = tag;
  const owner = of === "namespace" ? `the namespace ${namespaceOf(repository)}` : repository;
  return new RegistryError("IMMUTABLE", {
    message: `the tag ${name} is immutable by the rule "${pattern}" of ${owner}, and points to ${digest}; use another tag, or change the rule`,
    detail: { tag: name, digest, rule: pattern, of },
    cause,
  });
}

const RESOURCES = ["bytes", "repositories"] as const;
type Resource = (typeof RESOURCES)[number];

const USED = { bytes: "u.bytes + u.waiting", repositories: "u.repositories" } as const;
const LIMIT = {
  bytes: "CASE WHEN q.namespace IS NULL THEN b.quota_bytes ELSE q.bytes END",
  repositories: "q.repositories",
} as const;

async function tooManyRepositories(
  db: D1Database,
  repository: RepositoryName,
  cause: unknown,
): Promise<RegistryError> {
  const bound = prepare(db, `SELECT max_repositories FROM bounds WHERE id = 1`);
  const limit = await bound.first<number>("max_repositories");
  const namespace = namespaceOf(repository);
  return new RegistryError("QUOTA_EXCEEDED", {
    message: `the namespace ${namespace} has at most ${limit} repositories (MAX_REPOSITORIES), those included that were deleted and not collected yet; delete and purge what is not needed`,
    detail: { namespace, resource: "repositories", limit },
    cause,
  });
}

interface Usage {
  readonly namespace: string;
  readonly used: number;
  readonly limit: number | null;
}

async function overQuota(
  db: D1Database,
  { repository, resource }: { readonly repository: RepositoryName; readonly resource: Resource },
  cause: unknown,
): Promise<RegistryError> {
  // The usage is missing while the first push to a namespace is refused: it counts as 0.
  const usage = await prepare(
    db,
    `SELECT :namespace AS namespace, coalesce(${USED[resource]}, 0) AS used, ${LIMIT[resource]} AS "limit"
     FROM bounds b LEFT JOIN quotas q ON q.namespace = :namespace
     LEFT JOIN namespace_usage u ON u.namespace = :namespace WHERE b.id = 1`,
    { namespace: namespaceOf(repository) },
  ).first<Usage>();
  // Without a limit, the quota was lifted between the two statements.
  if (usage === null || usage.limit === null) return new RegistryError("UNAVAILABLE", { cause });
  const { namespace, used, limit } = usage;
  return new RegistryError("QUOTA_EXCEEDED", {
    message: `this would go beyond the quota of ${namespace}: it has ${used} of at most ${limit} ${resource}; delete and purge what is not needed, or ask an administrator for more`,
    detail: { namespace, resource, used, limit },
    cause,
  });
}
