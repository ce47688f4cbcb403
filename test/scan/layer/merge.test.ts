/** What an image holds by its layers: what upper layers hide, and which layer brought what. */
import { expect, test } from "vitest";
import type { LayerList } from "../../../src/scan/layer/list.ts";
import { mergeLayers } from "../../../src/scan/layer/merge.ts";
import type { Package, PackageType } from "../../../src/scan/package.ts";

function pkg(path: string, name: string, version: string, type: PackageType = "npm"): Package {
  return { type, name, version, source: null, arch: null, path };
}

/** Lists of layers from the lowest, whose digests are their places. */
function image(...lists: Partial<LayerList>[]) {
  const none = { packages: [], distributions: [], plainFiles: [], removed: [], opaque: [] };
  return mergeLayers(
    lists.map((list, i) => ({ ...none, problems: [], ended: null, ...list, digest: `${i}` })),
  );
}

function held(...lists: Partial<LayerList>[]): string[] {
  return image(...lists).packages.map(({ path, name, version, layer }) =>
    [path, name, version, layer].join(" "),
  );
}

const A = { packages: [pkg("app/a/package.json", "a", "1"), pkg("app/b/package.json", "b", "1")] };
const ONLY_B = ["app/b/package.json b 1 0"];
const BOTH = ["app/a/package.json a 1 0", ...ONLY_B];

test("the uppermost layer that has a path holds", () => {
  expect(held(A, { packages: [pkg("app/a/package.json", "a", "2")] })).toEqual([
    "app/a/package.json a 2 1",
    ...ONLY_B,
  ]);
  expect(held(A, { plainFiles: ["app/a/package.json"] })).toEqual(ONLY_B);
});

test("whiteouts remove files and directories of lower layers, and none of their own", () => {
  expect(held(A, { removed: ["app/a/package.json"] })).toEqual(ONLY_B);
  expect(held(A, { removed: ["app/a"] })).toEqual(ONLY_B);
  expect(held(A, { removed: ["app"] })).toEqual([]);
  expect(held(A, { removed: ["ap", "app/a/package.jso", "x/y"] })).toEqual(BOTH);
  expect(held(A, { removed: ["app"], packages: [pkg("app/c", "c", "1")] })).toEqual([
    "app/c c 1 1",
  ]);
  expect(held({ ...A, removed: ["app"] })).toEqual(BOTH);
});

test("an opaque directory hides all that lower layers have in it", () => {
  expect(held(A, { opaque: ["app/a"] })).toEqual(ONLY_B);
  expect(held(A, { opaque: [""] })).toEqual([]);
  expect(held(A, { opaque: ["other"] })).toEqual(BOTH);
  expect(held(A, { opaque: ["app"], packages: A.packages.slice(0, 1) })).toEqual([BOTH[0]]);
});

test("a file or link in the place of a directory hides what was in it, and the other way round", () => {
  expect(held(A, { plainFiles: ["app"] })).toEqual([]);
  expect(held(A, { packages: [pkg("app", "binary", "1")] })).toEqual(["app binary 1 1"]);
  expect(held({ packages: [pkg("app", "binary", "1")] }, A)).toHaveLength(2);
});

test("a package of a database that is written anew is of the layer that brought it", () => {
  const path = "var/lib/dpkg/status";
  const deb = (name: string, version: string) => pkg(path, name, version, "deb");
  expect(
    held(
      { packages: [deb("bash", "5"), deb("curl", "7"), deb("vim", "9")] },
      { packages: [deb("bash", "5"), deb("curl", "8"), deb("git", "2")] },
      { packages: [deb("bash", "5"), deb("curl", "8"), deb("vim", "9")] },
    ),
  ).toEqual([`${path} bash 5 0`, `${path} curl 8 1`, `${path} vim 9 2`]);
});

function apk(path: string, name: string): Package {
  return pkg(path, name, "1", "apk");
}

test("apk's database is one, under either of its names", () => {
  const [older, newer] = ["lib/apk/db/installed", "usr/lib/apk/db/installed"];
  expect(
    held(
      { packages: [apk(older, "musl"), apk(older, "gone")] },
      { packages: [apk(newer, "musl"), apk(newer, "new")] },
    ),
  ).toEqual([`${newer} musl 1 0`, `${newer} new 1 1`]);
  expect(held({ packages: [apk(older, "musl"), apk(newer, "musl")] })).toEqual([
    `${newer} musl 1 0`,
  ]);
});

test("a path through a merged directory is that in usr/", () => {
  const upper = { packages: [pkg("bin/tool", "tool", "2", "golang")] };
  const lower = { packages: [pkg("usr/bin/tool", "tool", "1", "golang")] };
  expect(held({ ...lower, plainFiles: ["bin", "lib"] }, upper)).toEqual(["bin/tool tool 2 1"]);
  expect(held({ ...lower, plainFiles: ["bin"] }, { removed: ["bin/tool"] })).toEqual([]);
  expect(held(lower, upper)).toHaveLength(2);
});

function release(path: string, id: string): LayerList["distributions"][number] {
  return { path, distribution: { id, version: "1", name: id } };
}

function distribution(...lists: Partial<LayerList>[]): string | undefined {
  return image(...lists).distribution?.id;
}

function etc(id: string): Partial<LayerList> {
  return { distributions: [release("etc/os-release", id)] };
}

function usr(id: string): Partial<LayerList> {
  return { distributions: [release("usr/lib/os-release", id)] };
}

test("os-release of etc holds before that of usr/lib, and then the uppermost", () => {
  expect(distribution({})).toBeUndefined();
  expect(distribution(usr("a"), usr("b"))).toBe("b");
  expect(distribution(etc("a"), usr("b"))).toBe("a");
  expect(distribution(etc("a"), etc("b"))).toBe("b");
  expect(distribution(etc("a"), { ...usr("b"), plainFiles: ["etc/os-release"] })).toBe("b");
  expect(distribution(etc("a"), { removed: ["etc"] })).toBeUndefined();
});

test("problems are those of all layers, each once", () => {
  expect(image({ problems: ["x", "y"] }, { problems: ["y", "z"] }).problems).toEqual([
    "x",
    "y",
    "z",
  ]);
});

test("names of JavaScript's own objects and deep paths are names like others", () => {
  const odd = ["__proto__/constructor", "toString", "a/".repeat(200) + "b"];
  expect(held({ packages: odd.map((path) => pkg(path, "x", "1")) })).toHaveLength(3);
});
