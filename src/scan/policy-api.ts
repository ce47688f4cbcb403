import { none, one } from "../api/answer.ts";
import { type Endpoint, endpoint } from "../api/endpoint.ts";
import { NamespaceScanPolicy, RepositoryScanPolicy, ScanPolicy } from "./policy-schema.ts";

const read = endpoint(
  "GET /repositories/:name+/-/scan-policy",
  {
    id: "readScanPolicy",
    summary: "Read which of a repository's images may not be pulled",
    access: "pull",
    answer: one(RepositoryScanPolicy),
    refuses: ["NAME_UNKNOWN"],
  },
  ({ params, registry }) => registry.scanPolicies.ofRepository(params.name),
);

const write = endpoint(
  "PUT /repositories/:name+/-/scan-policy",
  {
    id: "setScanPolicy",
    summary: "Say which of a repository's images may not be pulled, whatever its namespace says",
    access: "own",
    body: ScanPolicy,
    answer: one(RepositoryScanPolicy),
    refuses: ["NAME_UNKNOWN"],
  },
  async ({ body, params, initiator, registry }) => {
    await registry.scanPolicies.set({ repository: params.name }, body, initiator);
    return { policy: body, of: "repository" as const };
  },
);

const remove = endpoint(
  "DELETE /repositories/:name+/-/scan-policy",
  {
    id: "removeScanPolicy",
    summary: "Remove the repository's own scan policy",
    access: "own",
    answer: none,
    refuses: ["NAME_UNKNOWN", "NOT_FOUND"],
  },
  ({ params, initiator, registry }) =>
    registry.scanPolicies.remove({ repository: params.name }, initiator),
);

const readNamespace = endpoint(
  "GET /namespaces/:namespace/scan-policy",
  {
    id: "readNamespaceScanPolicy",
    summary: "Read which of a namespace's images may not be pulled",
    access: "own",
    answer: one(NamespaceScanPolicy),
    refuses: ["NOT_FOUND"],
  },
  async ({ params, registry }) => ({
    policy: await registry.scanPolicies.ofNamespace(params.namespace),
  }),
);

const writeNamespace = endpoint(
  "PUT /namespaces/:namespace/scan-policy",
  {
    id: "setNamespaceScanPolicy",
    summary: "Say which images may not be pulled from repositories without a policy of their own",
    access: "own",
    body: ScanPolicy,
    answer: one(NamespaceScanPolicy),
    refuses: ["NOT_FOUND"],
  },
  async ({ body, params, initiator, registry }) => {
    await registry.scanPolicies.set({ namespace: params.namespace }, body, initiator);
    return { policy: body };
  },
);

const removeNamespace = endpoint(
  "DELETE /namespaces/:namespace/scan-policy",
  {
    id: "removeNamespaceScanPolicy",
    summary: "Remove a namespace's scan policy",
    access: "own",
    answer: none,
    refuses: ["NOT_FOUND"],
  },
  ({ params, initiator, registry }) =>
    registry.scanPolicies.remove({ namespace: params.namespace }, initiator),
);

export const SCAN_POLICY: readonly Endpoint[] = [
  read,
  write,
  remove,
  readNamespace,
  writeNamespace,
  removeNamespace,
];
