import { one } from "../api/answer.ts";
import { type Endpoint, endpoint } from "../api/endpoint.ts";
import { requireChange } from "../http/resource.ts";
import { Limits, Quota } from "./schema.ts";

const read = endpoint(
  "GET /namespaces/:namespace/quota",
  {
    id: "readQuota",
    summary: "Read what a namespace takes, and may take",
    access: "own",
    answer: one(Quota),
    refuses: ["NOT_FOUND"],
  },
  ({ params, registry }) => registry.quotas.find(params.namespace),
);

/** Sets the given limits; a limit that is left out stays unchanged. */
const write = endpoint(
  "PUT /namespaces/:namespace/quota",
  {
    id: "setQuota",
    summary: "Set a namespace's quota; missing fields keep their value",
    access: "administer",
    body: Limits,
    answer: one(Quota),
    refuses: ["NOT_FOUND"],
  },
  ({ body, params, initiator, registry }) => {
    requireChange(body);
    return registry.quotas.set(params.namespace, body, initiator);
  },
);

export const QUOTA: readonly Endpoint[] = [read, write];
