/** Manifests per second by tag, by digest and by HEAD, and small blobs per second. */
import { type Body, makeBody, textBody } from "./bodies.ts";
import { withConnection } from "./client.ts";
import type { Case, Target } from "./measure.ts";
import { type Asked, MAIN, rateCase } from "./rates.ts";
import type { Size } from "./size.ts";
import { BARE, type Registry, type Subjects } from "./subjects.ts";
import { hexOf, openRepository, pushBareWhole, pushWhole } from "./transfers.ts";

const REPOSITORY = "bench/manifests";
const MEDIA_TYPE = "application/vnd.oci.image.manifest.v1+json";
const LAYERS = 6;
const SMALL_BLOB = 2000;
const OLD = "docker-registry 2.8.3";
const NEW = "distribution 3.1.2";

interface Row {
  readonly name: string;
  readonly title: string;
  readonly method: "GET" | "HEAD";
  /** Whether it runs with each number of connections, or with 16 alone. */
  readonly connections: "many" | "one";
  /** The path below the repository's address. */
  readonly path: (image: Image) => string;
  readonly size: (image: Image) => number;
  /** The bare Worker's route. */
  readonly bare: (image: Image) => string;
  /** Targets with 16 connections. */
  readonly targets: readonly Target[];
}

interface Image {
  readonly manifest: Body;
  readonly blob: Body;
}

const CASES: readonly Row[] = [
  {
    name: "manifest-tag",
    title: "manifest by tag",
    method: "GET",
    connections: "many",
    path: () => "manifests/latest",
    size: ({ manifest }) => manifest.size,
    bare: () => "row/manifest",
    targets: [{ against: BARE, least: 0.8 }],
  },
  {
    name: "manifest-digest",
    title: "manifest by digest",
    method: "GET",
    connections: "many",
    path: ({ manifest }) => `manifests/${manifest.digest}`,
    size: ({ manifest }) => manifest.size,
    bare: () => "memory/manifest",
    targets: [
      { against: BARE, least: 0.85 },
      { against: OLD, least: 2 },
      { against: NEW, least: null },
    ],
  },
  {
    name: "manifest-head",
    title: "HEAD of a manifest by tag",
    method: "HEAD",
    connections: "one",
    path: () => "manifests/latest",
    size: ({ manifest }) => manifest.size,
    bare: () => "row/manifest",
    targets: [],
  },
  {
    name: "blob-small",
    title: `blob of ${SMALL_BLOB} bytes`,
    method: "GET",
    connections: "one",
    path: ({ blob }) => `blobs/${blob.digest}`,
    size: ({ blob }) => blob.size,
    bare: ({ blob }) => `object/${hexOf(blob)}`,
    targets: [
      { against: OLD, least: 2 },
      { against: NEW, least: null },
    ],
  },
];

export async function* manifestCases(subjects: Subjects, size: Size): AsyncGenerator<Case> {
  const { registries, bare } = subjects;
  const image = { manifest: manifestBody(), blob: makeBody(SMALL_BLOB) };
  await Promise.all(
    registries.map(async (registry) => {
      await pushSmallImage(registry, REPOSITORY);
      const to = await openRepository(registry, REPOSITORY);
      await withConnection((send) => pushWhole(to, { body: image.blob, send }));
    }),
  );
  await withConnection(async (send) => {
    const body = image.manifest;
    for (const kind of ["row", "memory"]) {
      await send({ method: "PUT", url: `${bare.url}/${kind}/manifest`, body, expect: 201 });
    }
    await pushBareWhole(bare, { body: image.blob, send });
  });
  for (const row of CASES) {
    const sized = row.size(image);
    const ofRegistries = registries.map((registry): Asked => ({
      subject: registry,
      url: `${registry.url}/v2/${REPOSITORY}/${row.path(image)}`,
      headers: () => headersOf(registry),
      size: sized,
    }));
    const ofBare: Asked = {
      subject: bare,
      url: `${bare.url}/${row.bare(image)}`,
      headers: async () => ({}),
      size: sized,
    };
    for (const connections of row.connections === "many" ? size.connections : [MAIN]) {
      const isMain = connections === MAIN;
      const { name, title, method } = row;
      const targets = isMain ? row.targets : [];
      const asked = [...ofRegistries, ofBare];
      yield rateCase({ name, title, method, connections, asked, targets, plotted: isMain }, size);
    }
  }
}

async function headersOf(registry: Registry): Promise<Readonly<Record<string, string>>> {
  return { ...(await registry.headers(REPOSITORY)), accept: MEDIA_TYPE };
}

function blobsOf(): readonly Body[] {
  return ["{}", ...Array.from({ length: LAYERS }, (_, i) => `layer ${i}`)].map(textBody);
}

/** An image of small layers: its manifest has about 1 KB. */
function manifestBody(): Body {
  const [config, ...layers] = blobsOf().map(({ size, digest }, i) => ({
    mediaType: `application/vnd.oci.image.${i === 0 ? "config.v1+json" : "layer.v1.tar+gzip"}`,
    digest,
    size,
  }));
  return textBody(JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPE, config, layers }));
}

/** Pushes a small image under the tag `latest`. */
export async function pushSmallImage(registry: Registry, name: string): Promise<Body> {
  const to = await openRepository(registry, name);
  const body = manifestBody();
  const headers = { ...to.headers, "content-type": MEDIA_TYPE };
  const url = `${to.url}/v2/${name}/manifests/latest`;
  await withConnection(async (send) => {
    for (const blob of blobsOf()) await pushWhole(to, { body: blob, send });
    await send({ method: "PUT", url, headers, body, expect: 201 });
  });
  return body;
}
