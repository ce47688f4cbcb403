import { expect, test } from "vitest";
import { annotationsOf, parseManifest } from "../../src/oci/manifest.ts";
import {
  DOCKER_LIST,
  DOCKER_MANIFEST,
  isNonDistributable,
  manifestKind,
  OCI_ARTIFACT,
  OCI_INDEX,
  OCI_MANIFEST,
} from "../../src/oci/media-type.ts";

const digest = (byte: string) => `sha256:${byte.repeat(32)}`;
const CONFIG = { mediaType: "application/config", digest: digest("0c"), size: 1 };
const LAYER = { mediaType: "application/layer", digest: digest("0a"), size: 2 };
const IMAGE = { schemaVersion: 2, config: CONFIG, layers: [LAYER] };
const INDEX = { schemaVersion: 2, manifests: [LAYER] };
const invalid = expect.objectContaining({ code: "MANIFEST_INVALID", status: 400 });

function parse(body: unknown, contentType: string | null) {
  return parseManifest(new TextEncoder().encode(JSON.stringify(body)), contentType);
}

test.each([
  ["the header alone", IMAGE, OCI_MANIFEST, OCI_MANIFEST],
  ["both, the same", { ...IMAGE, mediaType: DOCKER_MANIFEST }, DOCKER_MANIFEST, DOCKER_MANIFEST],
  ["the body alone", { ...IMAGE, mediaType: DOCKER_MANIFEST }, null, DOCKER_MANIFEST],
  [
    "the body, under application/json",
    { ...INDEX, mediaType: DOCKER_LIST },
    "application/json",
    DOCKER_LIST,
  ],
  ["neither, with layers", IMAGE, null, OCI_MANIFEST],
  ["neither, with manifests", INDEX, "application/octet-stream", OCI_INDEX],
  ["a header with parameters", INDEX, `${OCI_INDEX};charset=utf-8`, OCI_INDEX],
  ["a header in capitals", INDEX, OCI_INDEX.toUpperCase(), OCI_INDEX],
  ["an empty mediaType", { ...INDEX, mediaType: "" }, OCI_INDEX, OCI_INDEX],
])("the type comes from %s", (_, body, contentType, mediaType) => {
  expect(parse(body, contentType).mediaType).toBe(mediaType);
});

test.each([
  ["two types that differ", { ...IMAGE, mediaType: OCI_MANIFEST }, DOCKER_MANIFEST],
  ["a type that nobody knows", IMAGE, "application/vnd.example+json"],
  ["a mediaType that nobody knows", { ...IMAGE, mediaType: "x/y" }, null],
  ["schema 1", IMAGE, "application/vnd.docker.distribution.manifest.v1+prettyjws"],
  ["nothing to tell the type by", { schemaVersion: 2 }, null],
  ["a mediaType that is no string", { ...IMAGE, mediaType: 7 }, OCI_MANIFEST],
  ["an index's body under an image's type", INDEX, OCI_MANIFEST],
  ["annotations that are no strings", { ...IMAGE, annotations: { a: 1 } }, OCI_MANIFEST],
  ["a subject without a digest", { ...IMAGE, subject: { size: 1 } }, OCI_MANIFEST],
])("%s is refused", (_, body, contentType) => {
  expect(() => parse(body, contentType)).toThrow(invalid);
});

test("an image's references: its config and its layers, foreign ones apart", () => {
  const foreign = { ...LAYER, digest: digest("0f"), urls: ["https://example.com/"] };
  const typed = {
    ...LAYER,
    digest: digest("0e"),
    mediaType: "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
  };
  expect(parse({ ...IMAGE, layers: [LAYER, foreign, typed] }, OCI_MANIFEST).references).toEqual([
    { digest: CONFIG.digest, size: 1, kind: "config" },
    { digest: LAYER.digest, size: 2, kind: "layer" },
    { digest: foreign.digest, size: 2, kind: "foreign" },
    { digest: typed.digest, size: 2, kind: "foreign" },
  ]);
});

test("an index's references are its children, an artifact's its blobs", () => {
  expect(parse(INDEX, OCI_INDEX).references).toEqual([
    { digest: LAYER.digest, size: 2, kind: "child" },
  ]);
  expect(parse({ blobs: [LAYER] }, OCI_ARTIFACT).references).toEqual([
    { digest: LAYER.digest, size: 2, kind: "layer" },
  ]);
  expect(parse({}, OCI_ARTIFACT).references).toEqual([]);
});

test.each([
  ["its own", { ...IMAGE, artifactType: "a/b" }, OCI_MANIFEST, "a/b"],
  ["an image's config's", IMAGE, OCI_MANIFEST, CONFIG.mediaType],
  [
    "the config's, for an empty one",
    { ...IMAGE, artifactType: "" },
    OCI_MANIFEST,
    CONFIG.mediaType,
  ],
  ["an index's own", { ...INDEX, artifactType: "a/b" }, OCI_INDEX, "a/b"],
  ["none of an index without one", INDEX, OCI_INDEX, ""],
])("the artifact type is %s", (_, body, contentType, artifactType) => {
  expect(parse(body, contentType).artifactType).toBe(artifactType);
});

test("the subject is its digest, or null", () => {
  expect(parse({ ...IMAGE, subject: LAYER }, OCI_MANIFEST).subject).toBe(LAYER.digest);
  expect(parse({ ...INDEX, subject: LAYER }, OCI_INDEX).subject).toBe(LAYER.digest);
  expect(parse(IMAGE, OCI_MANIFEST).subject).toBeNull();
});

test("a null is as good as nothing, as Go writes empty lists and maps", () => {
  const nothing = { artifactType: null, subject: null, annotations: null };
  const empty = { ...IMAGE, ...nothing, mediaType: null, layers: null };
  expect(parse(empty, OCI_MANIFEST)).toMatchObject({
    references: [{ digest: CONFIG.digest }],
    subject: null,
    artifactType: CONFIG.mediaType,
  });
  expect(annotationsOf(JSON.stringify(empty))).toBeUndefined();
  expect(parse({ ...INDEX, ...nothing, manifests: null }, OCI_INDEX).references).toEqual([]);
  expect(parse({ ...nothing, blobs: null }, OCI_ARTIFACT).references).toEqual([]);
  const layer = { ...LAYER, mediaType: null, urls: null, annotations: null };
  expect(parse({ ...IMAGE, layers: [layer] }, OCI_MANIFEST).references).toHaveLength(2);
});

test.each([[[]], [["x"]], [{ constructor: 5 }], [JSON.parse('{"__proto__":{"x":1}}')], ["text"]])(
  "annotations that do not map strings to strings are refused: %j",
  (annotations: unknown) => {
    expect(() => parse({ ...IMAGE, annotations }, OCI_MANIFEST)).toThrow(invalid);
  },
);

test("a media type that no row could hold is refused", () => {
  const artifactType = `a/${"b".repeat(254)}`;
  expect(() => parse({ ...IMAGE, artifactType }, OCI_MANIFEST)).toThrow(invalid);
  expect(parse({ ...IMAGE, artifactType: artifactType.slice(0, 255) }, OCI_MANIFEST)).toBeDefined();
});

function crowd(values: number) {
  return { ...IMAGE, x: Array.from({ length: values }, () => 0) };
}

test("a crowd of small values is refused before it is parsed", () => {
  expect(parse(crowd(200_000), OCI_MANIFEST).references).toHaveLength(2);
  expect(() => parse(crowd(300_000), OCI_MANIFEST)).toThrow(invalid);
});

test("the text is that of the bytes, with a byte order mark or without", () => {
  const text = JSON.stringify({ ...IMAGE, odd: "ünï" }, null, 3);
  expect(parseManifest(new TextEncoder().encode(text), OCI_MANIFEST).text).toBe(text);
  const marked = new TextEncoder().encode(`\uFEFF${text}`);
  expect(() => parseManifest(marked, OCI_MANIFEST)).toThrow(invalid);
});

test("brackets within strings do not count as depth, others do", () => {
  const brackets = "[{".repeat(5_000);
  expect(parse({ ...IMAGE, x: `${brackets}\\"` }, OCI_MANIFEST).references).toHaveLength(2);
  const deep = (levels: number) =>
    `{"x":${"[".repeat(levels)}${"]".repeat(levels)},${JSON.stringify(IMAGE).slice(1)}`;
  const bytes = (levels: number) => new TextEncoder().encode(deep(levels));
  expect(parseManifest(bytes(99), OCI_MANIFEST).references).toHaveLength(2);
  expect(() => parseManifest(bytes(100), OCI_MANIFEST)).toThrow(invalid);
});

test("the annotations of a stored manifest", () => {
  expect(annotationsOf(JSON.stringify({ ...IMAGE, annotations: { a: "b" } }))).toEqual({ a: "b" });
  expect(annotationsOf(JSON.stringify(IMAGE))).toBeUndefined();
});

test.each([
  [OCI_MANIFEST, "image"],
  [DOCKER_MANIFEST, "image"],
  [OCI_INDEX, "index"],
  [DOCKER_LIST, "index"],
  [OCI_ARTIFACT, "artifact"],
  ["application/json", undefined],
  ["constructor", undefined],
])("%s is of the kind %s", (mediaType, kind) => {
  expect(manifestKind(mediaType)).toBe(kind);
});

test.each([
  ["application/vnd.oci.image.layer.nondistributable.v1.tar", true],
  ["application/vnd.oci.image.layer.nondistributable.v1.tar+zstd", true],
  ["application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", true],
  ["application/vnd.oci.image.layer.v1.tar+gzip", false],
  ["application/vnd.docker.image.rootfs.diff.tar.gzip", false],
])("%s may stay elsewhere: %s", (mediaType, expected) => {
  expect(isNonDistributable(mediaType)).toBe(expected);
});
