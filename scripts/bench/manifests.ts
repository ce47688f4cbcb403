/** How many manifests a second are pulled by tag. */
import { textBody } from "./bodies.ts";
import { withConnection } from "./client.ts";
import type { Size } from "./main.ts";
import type { Case } from "./measure.ts";
import { CONCURRENCY, rateCases, type Target } from "./rates.ts";
import type { Subjects } from "./subjects.ts";
import { openRepository, pushWhole, type Repository } from "./transfers.ts";

const MEDIA_TYPE = "application/vnd.oci.image.manifest.v1+json";
const LAYERS = 6;
const TARGET = 0.6;

export async function manifestCases(
  { slipway, bare }: Subjects,
  amount: Size,
): Promise<readonly Case[]> {
  const repository = await openRepository(slipway, "bench/manifests");
  const manifest = await pushImage(repository);
  const bareUrl = `${bare.url}/row/manifest`;
  await withConnection((send) =>
    send({ method: "PUT", url: bareUrl, body: manifest, expect: 201 }),
  );
  const { size } = manifest;
  const url = manifestUrl(repository);
  const { headers } = repository;
  const ours: Target = { name: "slipway", pids: slipway.pids, url, headers, size };
  const theirs = {
    name: "bare one-query Worker",
    pids: bare.pids,
    url: bareUrl,
    headers: {},
    size,
  };
  return rateCases(
    {
      name: "pull-manifest",
      title: `pulls of a manifest by tag (${size} bytes, ${CONCURRENCY} at once)`,
      slipway: ours,
      bare: { ...theirs, target: TARGET },
    },
    amount,
  );
}

/** An image of small layers under the tag `latest`: the manifest has about 1 KB. */
async function pushImage(repository: Repository) {
  const { headers } = repository;
  const blobs = ["{}", ...Array.from({ length: LAYERS }, (_, i) => `layer ${i}`)].map(textBody);
  const [config, ...layers] = blobs.map(({ size, digest }, i) => ({
    mediaType: `application/vnd.oci.image.${i === 0 ? "config.v1+json" : "layer.v1.tar+gzip"}`,
    digest,
    size,
  }));
  const text = JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPE, config, layers });
  const body = textBody(text);
  await withConnection(async (send) => {
    for (const blob of blobs) await pushWhole(repository, { body: blob, send });
    const typed = { ...headers, "content-type": MEDIA_TYPE };
    const url = manifestUrl(repository);
    await send({ method: "PUT", url, headers: typed, body, expect: 201 });
  });
  return body;
}

function manifestUrl({ slipway, name }: Repository): string {
  return `${slipway.url}/v2/${name}/manifests/latest`;
}
