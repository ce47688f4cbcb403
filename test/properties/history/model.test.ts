/** The checker by itself: histories written by hand, correct ones and wrong ones. */
import { describe, expect, test } from "vitest";
import { type Action, formatOperation, type Operation, type Outcome } from "./history.ts";
import { check, type Universe } from "./model.ts";
import { stepsOf } from "./plan.ts";
import { universeOf } from "./universe.ts";

const AGES = { grace: 1_000, trash: 10_000 };
const UNIVERSE: Universe = {
  blobs: new Map([
    ["a", ["layer", "config"]],
    ["b", ["layer"]],
    ["index", []],
  ]),
  children: new Map([["index", ["a"]]]),
  sizes: new Map([
    ["layer", 100],
    ["config", 10],
  ]),
};

type Line = readonly [
  called: number,
  answered: number,
  action: Action,
  outcome: number | Partial<Outcome>,
];

/** Makes a history, one line an operation; positions are milliseconds as well. */
function history(lines: readonly Line[]): Operation[] {
  return lines.map(([called, answered, action, outcome], i) => ({
    id: i + 1,
    client: `client-${i}`,
    repository: "app",
    action,
    outcome: typeof outcome === "number" ? { status: outcome } : { status: 200, ...outcome },
    called,
    answered,
    calledAt: called,
    answeredAt: answered,
  }));
}

function kinds(lines: readonly Line[]): string[] {
  return check(history(lines), UNIVERSE, AGES).map(({ kind }) => kind);
}

const put = (digest: string, ...tags: string[]): Action => ({ kind: "put-manifest", digest, tags });
const readTag: Action = { kind: "read-tag", tag: "v1" };
const deleteTag: Action = { kind: "delete-tag", tag: "v1" };
const restoreTag: Action = { kind: "restore-tag", tag: "v1" };
const list: Action = { kind: "list-tags" };
const readManifest = (digest: string): Action => ({ kind: "read-manifest", digest });
const deleteManifest = (digest: string): Action => ({ kind: "delete-manifest", digest });
const restoreManifest = (digest: string): Action => ({ kind: "restore-manifest", digest });
const purge = (digest: string): Action => ({ kind: "purge-manifest", digest });
const confirm = (digest: string): Action => ({ kind: "confirm-blob", digest });
const readBlob = (digest: string): Action => ({ kind: "read-blob", digest });
const deleteBlob = (digest: string): Action => ({ kind: "delete-blob", digest });
const upload = (digest: string): Action => ({ kind: "finish-upload", digest, repeated: false });
const again = (digest: string): Action => ({ kind: "finish-upload", digest, repeated: true });
const mount = (digest: string): Action => ({ kind: "mount-blob", digest, from: "other" });
const deleteAll: Action = { kind: "delete-repository" };
const restoreAll: Action = { kind: "restore-repository" };
const restart: Action = { kind: "restart" };

const pushed: readonly Line[] = [
  [1, 2, upload("layer"), 201],
  [3, 4, upload("config"), 201],
  [5, 6, put("a", "v1"), 201],
];

const GOOD: Readonly<Record<string, readonly Line[]>> = {
  "a tag is read as it was written": [...pushed, [7, 8, readTag, { digest: "a" }]],
  "a read beside a write gives either": [
    ...pushed,
    [10, 20, put("b", "v1"), 201],
    [11, 12, readTag, { digest: "a" }],
    [13, 14, readTag, { digest: "b" }],
    [21, 22, readTag, { digest: "b" }],
  ],
  "two writes at once end either way": [
    ...pushed,
    [10, 20, put("b", "v1"), 201],
    [11, 19, put("a", "v1"), 201],
    [21, 22, readTag, { digest: "b" }],
    [23, 24, readTag, { digest: "b" }],
  ],
  "a deleted tag is gone, and restored again": [
    ...pushed,
    [10, 11, deleteTag, 202],
    [12, 13, readTag, 404],
    [14, 15, list, { tags: [] }],
    [16, 17, restoreTag, { digest: "a", replaced: null, tags: ["v1"], manifests: [] }],
    [18, 19, readTag, { digest: "a" }],
  ],
  "a manifest takes its tags with it, and brings them back": [
    ...pushed,
    [10, 11, deleteManifest("a"), 202],
    [12, 13, readTag, 404],
    [14, 15, readManifest("a"), 404],
    [16, 17, restoreManifest("a"), { digest: "a", tags: ["v1"], manifests: ["a"] }],
    [18, 19, readTag, { digest: "a" }],
    [20, 21, readBlob("layer"), { bytes: "layer" }],
  ],
  "a write without an answer takes effect at any time, or never": [
    ...pushed,
    [10, 11, put("b", "v1"), 0],
    [12, 13, readTag, { digest: "a" }],
    [14, 15, readTag, { digest: "b" }],
    [16, 17, put("a", "v1"), 201],
    [18, 19, readTag, { digest: "a" }],
  ],
  "a blob that nothing names goes after the grace time": [
    [1, 2, upload("layer"), 201],
    [1_500, 1_501, confirm("layer"), 404],
    [1_502, 1_503, put("b"), { status: 400, code: "MANIFEST_BLOB_UNKNOWN" }],
  ],
  "a repeated finish of a blob that has gone is unknown": [
    [1, 2, upload("layer"), 201],
    [1_500, 1_501, again("layer"), { status: 404, code: "BLOB_UPLOAD_UNKNOWN" }],
  ],
  "a deleted repository comes back with all that was in it": [
    ...pushed,
    [10, 11, deleteAll, 204],
    [12, 13, readTag, 404],
    [14, 15, readBlob("layer"), 404],
    [16, 17, restoreAll, { tags: [] }],
    [18, 19, readTag, { digest: "a" }],
    [20, 21, readBlob("layer"), { bytes: "layer" }],
  ],
  "a purged manifest takes its blobs at once": [
    ...pushed,
    [10, 11, purge("a"), 200],
    [12, 13, readBlob("layer"), 404],
    [14, 15, restoreManifest("a"), 404],
  ],
  "an index holds on to its children": [
    ...pushed,
    [10, 11, put("index"), 201],
    [12, 13, deleteManifest("a"), 405],
    [14, 15, deleteBlob("layer"), 405],
  ],
};

const BAD: Readonly<Record<string, readonly [kind: string, lines: readonly Line[]]>> = {
  "an older digest is read": [
    "tag",
    [...pushed, [10, 11, put("b", "v1"), 201], [12, 13, readTag, { digest: "a" }]],
  ],
  "the newer digest is read, then the older one": [
    "tag",
    [
      ...pushed,
      [10, 20, put("b", "v1"), 201],
      [11, 12, readTag, { digest: "b" }],
      [13, 14, readTag, { digest: "a" }],
    ],
  ],
  "a tag is missing that nobody deleted": ["tag", [...pushed, [7, 8, readTag, 404]]],
  "a tag is not listed": ["tag", [...pushed, [7, 8, list, { tags: [] }]]],
  "a deleted tag is read": [
    "tag",
    [...pushed, [10, 11, deleteTag, 202], [12, 13, readTag, { digest: "a" }]],
  ],
  "a tag is deleted twice": [
    "tag",
    [...pushed, [10, 11, deleteTag, 202], [12, 13, deleteTag, 202]],
  ],
  "a write that was refused takes effect": [
    "tag",
    [
      ...pushed,
      [2_000, 2_001, put("b", "v1"), { status: 503, code: "UNAVAILABLE" }],
      [2_002, 2_003, readTag, { digest: "b" }],
    ],
  ],
  "a write without an answer takes effect after a restart": [
    "tag",
    [
      ...pushed,
      [10, 11, put("b", "v1"), 0],
      [12, 13, restart, 200],
      [14, 15, readTag, { digest: "a" }],
      [16, 17, readTag, { digest: "b" }],
    ],
  ],
  "a restored tag says that it replaced what it did not point to": [
    "tag",
    [
      ...pushed,
      [10, 11, deleteTag, 202],
      [12, 13, restoreTag, { digest: "a", replaced: "b", tags: ["v1"], manifests: [] }],
    ],
  ],
  "a manifest is missing": ["missing", [...pushed, [7, 8, readManifest("a"), 404]]],
  "a child is missing whose index is there": [
    "missing",
    [...pushed, [7, 8, put("index"), 201], [9, 10, readManifest("a"), 404]],
  ],
  "a blob is missing that a manifest names": [
    "missing",
    [...pushed, [5_000, 5_001, readBlob("layer"), 404]],
  ],
  "a blob is missing that a deleted manifest names": [
    "missing",
    [...pushed, [10, 11, deleteManifest("a"), 202], [5_000, 5_001, confirm("layer"), 404]],
  ],
  "a blob goes before its grace time": [
    "missing",
    [
      [1, 2, upload("layer"), 201],
      [900, 901, confirm("layer"), { digest: "layer", length: 100 }],
      [1_500, 1_501, confirm("layer"), 404],
    ],
  ],
  "a push is refused within the grace time": [
    "missing",
    [
      [1, 2, upload("layer"), 201],
      [500, 501, put("b"), { status: 400, code: "MANIFEST_BLOB_UNKNOWN" }],
    ],
  ],
  "a deleted manifest can't be restored": [
    "missing",
    [...pushed, [10, 11, deleteManifest("a"), 202], [5_000, 5_001, restoreManifest("a"), 404]],
  ],
  "a deleted tag can't be restored": [
    "missing",
    [...pushed, [10, 11, deleteTag, 202], [5_000, 5_001, restoreTag, 404]],
  ],
  "a deleted repository can't be restored": [
    "missing",
    [...pushed, [10, 11, deleteAll, 204], [5_000, 5_001, restoreAll, 404]],
  ],
  "a restored repository has lost a blob": [
    "missing",
    [
      ...pushed,
      [10, 11, deleteAll, 204],
      [16, 17, restoreAll, { tags: [] }],
      [20, 21, readBlob("layer"), 404],
    ],
  ],
  "an upload is said to be unknown that has ended": [
    "missing",
    [
      [1, 2, upload("layer"), 201],
      [3, 4, again("layer"), { status: 404, code: "BLOB_UPLOAD_UNKNOWN" }],
    ],
  ],
  "a deleted manifest is read": [
    "stale",
    [...pushed, [10, 11, deleteManifest("a"), 202], [12, 13, readManifest("a"), { bytes: "a" }]],
  ],
  "a deleted blob is read": [
    "stale",
    [
      [1, 2, upload("layer"), 201],
      [10, 11, deleteBlob("layer"), 202],
      [12, 13, readBlob("layer"), { bytes: "layer" }],
    ],
  ],
  "a blob is mounted that is nowhere": ["stale", [[1, 2, mount("layer"), 201]]],
  "the bytes are others": ["bytes", [...pushed, [7, 8, readBlob("layer"), { bytes: "config" }]]],
  "the length is another": ["bytes", [...pushed, [7, 8, confirm("layer"), { length: 200 }]]],
  "bytes that came again were taken": [
    "bytes",
    [[1, 2, { kind: "upload-step", upload: "u", step: "replay" }, { status: 202, wrong: "taken" }]],
  ],
  "the right bytes are refused": [
    "bytes",
    [[1, 2, upload("layer"), { status: 400, code: "DIGEST_INVALID" }]],
  ],
  "an internal error": ["answer", [[1, 2, upload("layer"), 500]]],
  "a child is deleted whose index is there": [
    "answer",
    [...pushed, [7, 8, put("index"), 201], [9, 10, deleteManifest("a"), 202]],
  ],
  "a blob is deleted that a manifest names": [
    "answer",
    [...pushed, [7, 8, deleteBlob("layer"), 202]],
  ],
  "a deletion is refused for no reason": ["answer", [...pushed, [7, 8, deleteManifest("a"), 405]]],
};

describe("what can be explained is no violation", () => {
  test.each(Object.entries(GOOD))("%s", (_, lines) => {
    expect(kinds(lines)).toEqual([]);
  });
});

describe("what can't be explained is one", () => {
  test.each(Object.entries(BAD))("%s", (_, [kind, lines]) => {
    expect(kinds(lines)).toContain(kind);
  });
});

test("a violation shows the operations that it contradicts, the wrong one last", () => {
  const [violation] = check(history([...pushed, [7, 8, readTag, 404]]), UNIVERSE, AGES);
  expect(violation?.context.map(formatOperation)).toEqual([
    expect.stringContaining("put-manifest digest:a,tags:[v1] → 201"),
    expect.stringContaining("read-tag tag:v1 → 404"),
  ]);
});

function plan(seed: number): unknown[] {
  return stepsOf(seed, 1, universeOf(seed)).take(50).toArray();
}

function names(seed: number): string[] {
  return universeOf(seed).images.map(({ digest }) => digest);
}

test("a seed determines the contents and the plan", () => {
  expect(plan(7)).toEqual(plan(7));
  expect(plan(7)).not.toEqual(plan(8));
  expect(names(7)).toEqual(names(7));
});
