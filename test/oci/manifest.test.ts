import { expect, test } from "vitest";
import { annotationsOf, parseManifest, readManifest } from "../../src/oci/manifest.ts";
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
    { digest: CONFIG.digest, size: 1, kind: "config", platform: null },
    { digest: LAYER.digest, size: 2, kind: "layer", platform: null },
    { digest: foreign.digest, size: 2, kind: "foreign", platform: null },
    { digest: typed.digest, size: 2, kind: "foreign", platform: null },
  ]);
});

test.each([
  [{ os: "linux", architecture: "amd64" }, "linux/amd64"],
  [{ os: "linux", architecture: "arm", variant: "v7" }, "linux/arm/v7"],
  [{ os: "linux", architecture: "arm", variant: "" }, "linux/arm"],
  [{ os: "windows", architecture: "a".repeat(200) }, `windows/${"a".repeat(92)}`],
  [{ os: "linux" }, null],
  [{ os: 1, architecture: {} }, null],
  [["linux"], null],
  ["linux/amd64", null],
  [null, null],
])("a child's platform is what the index gives: %j", (platform, expected) => {
  const child = { ...LAYER, platform };
  const { references } = parse({ ...INDEX, manifests: [child] }, OCI_INDEX);
  expect(references).toMatchObject([{ kind: "child", platform: expected }]);
});

test("an index's references are its children, an artifact's its blobs", () => {
  expect(parse(INDEX, OCI_INDEX).references).toEqual([
    { digest: LAYER.digest, size: 2, kind: "child", platform: null },
  ]);
  expect(parse({ blobs: [LAYER] }, OCI_ARTIFACT).references).toEqual([
    { digest: LAYER.digest, size: 2, kind: "layer", platform: null },
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

const NOTHING_OF_ANOTHER = { config: null, layers: null, manifests: null, blobs: null };

test.each([
  ["an image with children", { ...IMAGE, manifests: [LAYER] }, OCI_MANIFEST],
  ["an image with an empty list of children", { ...IMAGE, manifests: [] }, OCI_MANIFEST],
  ["an index with layers", { ...INDEX, layers: [LAYER] }, OCI_INDEX],
  ["an index with a config", { ...INDEX, config: CONFIG }, DOCKER_LIST],
  ["what is both, by its own words", { ...IMAGE, ...INDEX }, null],
  ["an image with blobs", { ...IMAGE, blobs: [LAYER] }, DOCKER_MANIFEST],
  ["an artifact with layers", { blobs: [LAYER], layers: [LAYER] }, OCI_ARTIFACT],
])("a manifest is one thing: %s is refused", (_, body, contentType) => {
  expect(() => parse(body, contentType)).toThrow(invalid);
});

test("nulls of another kind are nothing", () => {
  expect(parse({ ...NOTHING_OF_ANOTHER, ...IMAGE }, OCI_MANIFEST).references).toHaveLength(2);
  expect(parse({ ...NOTHING_OF_ANOTHER, ...INDEX }, OCI_INDEX).references).toHaveLength(1);
});

test.each([
  ["beside it", { ...IMAGE, Layers: [] }],
  ["in its place", { schemaVersion: 2, config: CONFIG, LAYERS: [LAYER] }],
  ["of a manifest", { ...IMAGE, MediaType: OCI_INDEX }],
  ["of the subject", { ...IMAGE, Subject: LAYER }],
  ["as Go folds them", { ...IMAGE, "layer\u017f": [] }],
  ["as Go folds a K", { ...IMAGE, subject: { ...LAYER, Digest: LAYER.digest } }],
  ["of the config", { ...IMAGE, config: { ...CONFIG, SIZE: 7 } }],
  ["of a layer", { ...IMAGE, layers: [LAYER, { ...LAYER, URLs: ["https://a.test/"] }] }],
  ["of a child", { ...INDEX, manifests: [{ ...LAYER, Platform: {} }] }],
])("a known key that is spelt in other letters is refused: %s", (_, body) => {
  expect(() => parse(body, "manifests" in body ? OCI_INDEX : OCI_MANIFEST)).toThrow(invalid);
});

test("keys of one's own may be spelt as one likes", () => {
  const annotations = { Size: "1", size: "2", Digest: "x" };
  const own = { ...IMAGE, annotations, "X-Layers": 1, x: { Layers: 1, layers: 2 } };
  expect(parse(own, OCI_MANIFEST).references).toHaveLength(2);
});

test.each([
  ["of the manifest", (json: string) => json.replace("{", '{"layers":[],')],
  ["of a descriptor", (json: string) => json.replace('"size":', '"size":7,"size":')],
  ["escaped", (json: string) => json.replace("{", String.raw`{"layer\u0073":[],`)],
  ["of an object that nobody knows", (json: string) => json.replace("{", '{"x":{"a":1,"a":1},')],
  ["of a prototype", (json: string) => json.replace("{", '{"__proto__":1,"__proto__":1,')],
])("a key that is there twice is refused: %s", (_, change) => {
  const bytes = new TextEncoder().encode(change(JSON.stringify(IMAGE)));
  expect(() => parseManifest(bytes, OCI_MANIFEST)).toThrow(
    expect.objectContaining({
      status: 400,
      message: "manifest invalid: an object has the same key twice",
    }),
  );
});

test("colons, quotes and braces within strings are no keys", () => {
  const odd = {
    'a":"b': String.raw`"x":{"y":1}\":`,
    "{": ":",
    __proto: { ":": [":", { ":": 1 }] },
  };
  expect(parse({ ...IMAGE, odd }, OCI_MANIFEST).references).toHaveLength(2);
});

test.each([
  ["artifactType", { ...IMAGE, artifactType: "\ud800" }],
  ["an annotation", { ...IMAGE, annotations: { a: "x\udc00" } }],
  ["an annotation's name", { ...IMAGE, annotations: { "\ud800": "x" } }],
  ["a layer's annotation", { ...IMAGE, layers: [{ ...LAYER, annotations: { a: "\ud800" } }] }],
  ["what nobody knows", { ...IMAGE, x: ["\ud800"] }],
])("half of a surrogate pair is refused: in %s", (_, body) => {
  expect(() => parse(body, OCI_MANIFEST)).toThrow(invalid);
});

test("a whole surrogate pair is a character, however it is written", () => {
  const annotations = { whale: "\u{1f433}" };
  const json = JSON.stringify({ ...IMAGE, annotations });
  for (const text of [json, json.replace("\u{1f433}", String.raw`\ud83d\udc33`)]) {
    expect(parseManifest(new TextEncoder().encode(text), OCI_MANIFEST).text).toBe(text);
  }
});

test("what was stored before is read all the same", () => {
  const body = { ...IMAGE, manifests: [], Layers: [], artifactType: "a/\ud800" };
  const bytes = new TextEncoder().encode(JSON.stringify(body));
  // The database keeps UTF-8.
  expect(readManifest(bytes, OCI_MANIFEST).artifactType).toBe("a/\ufffd");
});
