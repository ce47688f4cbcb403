import { json } from "./answer.ts";
import { type Endpoint, endpoint } from "./endpoint.ts";

/** Reads the bytes of a manifest for those who have a session, which does not count below /v2/; no pull is counted. */
const read = endpoint(
  "GET /repositories/:name+/-/manifests/:digest/raw",
  {
    id: "readRawManifest",
    summary: "Read a manifest as it was pushed, as JSON",
    access: "pull",
    answer: json("The manifest's bytes", "private, no-cache"),
    refuses: ["MANIFEST_UNKNOWN"],
  },
  async ({ params: { name, digest }, defer, registry }) => {
    const found = await registry.manifests.find(name, { kind: "digest", digest }, defer);
    return registry.manifests.open(name, found, defer);
  },
);

export const RAW_MANIFEST: readonly Endpoint[] = [read];
