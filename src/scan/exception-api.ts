import { made, none, page } from "../api/answer.ts";
import { type Endpoint, endpoint } from "../api/endpoint.ts";
import { PAGE, paged, withNext } from "../api/query.ts";
import { parseDigest } from "../oci/digest.ts";
import { namespaceOf, parseRepositoryName } from "../oci/reference.ts";
import { invalid } from "../http/input.ts";
import { requireCreated, timestamp } from "../http/resource.ts";
import { parseTime } from "../http/time.ts";
import type { StoredException } from "./exception-store.ts";
import { NewException, VulnerabilityException } from "./policy-schema.ts";

const list = endpoint(
  "GET /namespaces/:namespace/vulnerability-exceptions",
  {
    id: "listVulnerabilityExceptions",
    summary: "List the vulnerabilities that a namespace has accepted",
    access: "own",
    query: PAGE,
    answer: page(VulnerabilityException),
    refuses: ["NOT_FOUND"],
  },
  async ({ query, params, registry }) => {
    const found = await registry.exceptions.list(params.namespace, withNext(query));
    return paged(query, found.map(exceptionJson), ({ id }) => id);
  },
);

const create = endpoint(
  "POST /namespaces/:namespace/vulnerability-exceptions",
  {
    id: "createVulnerabilityException",
    summary:
      "Accept a vulnerability: it is shown as accepted, and keeps no image from being pulled",
    access: "own",
    body: NewException,
    answer: made(VulnerabilityException),
    refuses: ["CONFLICT", "DIGEST_INVALID", "NAME_INVALID", "NOT_FOUND"],
  },
  async ({ body, params: { namespace }, actor, initiator, registry }) => {
    const { repository, digest: given, expiresAt, ...more } = body;
    const digest = given === null ? null : parseDigest(given);
    if (digest !== null && repository === null)
      throw invalid("repository", "names the image's repository");
    const name = repository === null ? null : parseRepositoryName(repository);
    if (name !== null && namespaceOf(name) !== namespace) {
      throw invalid("repository", `is not in the namespace ${namespace}`);
    }
    const expiresMs = expiresAt === null ? null : parseTime(expiresAt, "expiresAt");
    if (expiresMs !== null && expiresMs <= Date.now()) throw invalid("expiresAt", "is past");
    const exception = {
      ...more,
      id: crypto.getRandomValues(new Uint8Array(8)).toHex(),
      repository: name,
      digest,
      author: actor.name ?? "",
      expiresMs,
      createdAt: Date.now(),
    };
    const creation = await registry.exceptions.create(namespace, exception, initiator);
    requireCreated(creation, "another exception");
    return exceptionJson(exception);
  },
);

const remove = endpoint(
  "DELETE /namespaces/:namespace/vulnerability-exceptions/:exception",
  {
    id: "deleteVulnerabilityException",
    summary: "Accept a vulnerability no longer",
    access: "own",
    answer: none,
    refuses: ["NOT_FOUND"],
  },
  ({ params, initiator, registry }) =>
    registry.exceptions.remove(params.namespace, params.exception, initiator),
);

export const EXCEPTIONS: readonly Endpoint[] = [list, create, remove];

function exceptionJson({ expiresMs, createdAt, ...exception }: StoredException) {
  return {
    ...exception,
    expiresAt: expiresMs === null ? null : timestamp(expiresMs),
    createdAt: timestamp(createdAt),
  };
}
