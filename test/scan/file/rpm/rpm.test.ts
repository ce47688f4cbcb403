/** rpm's databases in each of their formats: whole, damaged, and made to lead a reader in circles. */
import { describe, expect, test } from "vitest";
import { RPM_READERS } from "../../../../src/scan/file/rpm/readers.ts";
import { UnreadableFile, type FileContent } from "../../../../src/scan/layer/list.ts";
import {
  berkeleyOf,
  databaseMadeByBerkeleyDb,
  headerMadeByRpm,
  headerOf,
  ndbOf,
  sqliteOf,
} from "./build.ts";

const SQLITE = "var/lib/rpm/rpmdb.sqlite";
const NDB = "usr/lib/sysimage/rpm/Packages.db";
const BERKELEY = "var/lib/rpm/Packages";

function read(path: string, bytes: Uint8Array): FileContent {
  const [reader, ...others] = RPM_READERS.filter((one) => one.matches(path));
  if (reader === undefined || others.length > 0) throw new Error(`${path} has not one reader`);
  const content = reader.read(bytes, path);
  if (content instanceof Promise) throw new Error("the readers of rpm wait for nothing");
  return content;
}

const FORMATS = [
  ["sqlite", SQLITE, sqliteOf],
  ["ndb", NDB, ndbOf],
  ["Berkeley", BERKELEY, berkeleyOf],
  [
    "Berkeley of a big-endian machine",
    BERKELEY,
    (headers: Uint8Array[]) => berkeleyOf(headers, false),
  ],
] as const;

/** Longer than any page's share of a payload. */
const LONG = 9_000;

const HEADERS = [
  headerMadeByRpm(),
  headerOf({
    name: "perl-interpreter",
    version: "5.32.1",
    release: "481.el9",
    epoch: 4,
    arch: "x86_64",
    sourceRpm: "perl-5.32.1-481.el9.src.rpm",
    description: LONG,
  }),
  headerOf({ name: "gpg-pubkey", version: "8483c65d", release: "5ccc5b19" }),
  headerOf({
    name: "tzdata",
    version: "2024a",
    release: "1.el9",
    epoch: 0,
    arch: "noarch",
    sourceRpm: "tzdata-2024a-1.el9.src.rpm",
  }),
  headerOf({ name: "odd", version: "1", sourceRpm: "(none)" }),
];

describe.each(FORMATS)("a database of %s", (_, path, make) => {
  test("gives its packages, and not the keys that sign them", () => {
    const { packages, distribution } = read(path, make([...HEADERS]));
    expect(distribution).toBeNull();
    expect(packages.map((pkg) => ({ ...pkg, path: "" }))).toStrictEqual([
      {
        type: "rpm",
        name: "openssl-libs",
        version: "1:3.0.7-27.el9",
        source: { name: "openssl", version: "1:3.0.7-27.el9" },
        arch: "x86_64",
        path: "",
      },
      {
        type: "rpm",
        name: "perl-interpreter",
        version: "4:5.32.1-481.el9",
        source: { name: "perl", version: "4:5.32.1-481.el9" },
        arch: "x86_64",
        path: "",
      },
      {
        type: "rpm",
        name: "tzdata",
        version: "2024a-1.el9",
        source: null,
        arch: "noarch",
        path: "",
      },
      { type: "rpm", name: "odd", version: "1", source: null, arch: null, path: "" },
    ]);
    expect(new Set(packages.map((pkg) => pkg.path))).toStrictEqual(new Set([path]));
  });

  test("without packages has none", () => {
    expect(read(path, make([])).packages).toStrictEqual([]);
  });

  test.each([
    ["without a name", headerOf({ version: "1" }), "a package in it has no name or no version"],
    ["without a version", headerOf({ name: "x" }), "a package in it has no name or no version"],
    ["that is too short", new Uint8Array(5), "a package's header in it is too short"],
    ["that ends too early", new Uint8Array(8).fill(255), "a package's header in it ends too early"],
    [
      "with a string without an end",
      headerOf({ name: "x", version: "1" }).slice().fill(0x78, 40),
      "a string of a package's header in it has no end",
    ],
  ])("with a header %s is refused", (__, header, reason) => {
    expect(() => read(path, make([header]))).toThrow(UnreadableFile);
    expect(() => read(path, make([header]))).toThrow(reason);
  });

  test("that is cut or changed anywhere is read or refused", () => {
    const whole = make([...HEADERS]);
    let refused = 0;
    for (let at = 0; at < whole.length; at += 61) {
      const changed = whole.slice();
      changed[at] = (changed[at] ?? 0) ^ 0xff;
      for (const bytes of [changed, whole.subarray(0, at)]) {
        try {
          read(path, bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(UnreadableFile);
          refused++;
        }
      }
    }
    expect(refused).toBeGreaterThan(0);
  });

  test.each([
    ["nothing", new Uint8Array(0)],
    ["zeros", new Uint8Array(10_000)],
    ["a text", new TextEncoder().encode("x".repeat(10_000))],
  ])("is not %s", (__, bytes) => {
    expect(() => read(path, bytes)).toThrow(/^it is no /);
  });
});

test("each of rpm's places is known, and nothing beside", () => {
  for (const folder of ["var/lib/rpm", "usr/lib/sysimage/rpm", "usr/share/rpm"]) {
    for (const file of ["rpmdb.sqlite", "Packages.db", "Packages"]) {
      expect(RPM_READERS.filter((one) => one.matches(`${folder}/${file}`))).toHaveLength(1);
      expect(RPM_READERS.some((one) => one.matches(`x/${folder}/${file}`))).toBe(false);
    }
    expect(RPM_READERS.some((one) => one.matches(`${folder}/rpmdb.sqlite-wal`))).toBe(false);
  }
});

describe("SQLite", () => {
  test.each([512, 1_024, 4_096, 65_536])("of pages of %i bytes is read in order", (pageBytes) => {
    const names = Array.from({ length: 700 }, (_, i) => `package-${i}`);
    const headers = names.map((name, i) =>
      headerOf({ name, version: "1", release: "1", description: (i * 37) % 3_000 }),
    );
    const { packages } = read(SQLITE, sqliteOf(headers, { pageBytes }));
    expect(packages.map(({ name }) => name)).toStrictEqual(names);
  });

  test.each([
    ["no table Packages", ["CREATE TABLE x (y)"], "it has no table Packages"],
    ["an index of that name", ["CREATE TABLE x (y)", "CREATE INDEX Packages ON x (y)"], "no table"],
    [
      "texts in UTF-16",
      ["PRAGMA encoding = 'UTF-16'", "CREATE TABLE Packages (hnum, blob)"],
      "UTF-8",
    ],
    [
      "rows without a blob",
      ["CREATE TABLE Packages (hnum, blob)", "INSERT INTO Packages VALUES (1, NULL)"],
      "a row of its table Packages has no header",
    ],
    [
      "too many columns",
      [
        "CREATE TABLE Packages (a,b,c,d,e,f,g,h,i)",
        "INSERT INTO Packages VALUES (1,2,3,4,5,6,7,8,9)",
      ],
      "a row in it has too many columns",
    ],
    [
      "too many tables",
      Array.from({ length: 1_001 }, (_, i) => `CREATE VIEW v${i} AS SELECT 1`),
      "it has too many tables",
    ],
  ])("with %s is refused", (_, statements, reason) => {
    expect(() => read(SQLITE, sqliteOf([], { statements }))).toThrow(reason);
  });

  test("in which a chain of overflow pages is a circle is refused", () => {
    const bytes = sqliteOf([headerOf({ name: "x", version: "1", description: 30_000 })]);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const second = bytes.length / 4_096;
    // Every page but the first three names itself as the next.
    for (let page = 4; page <= second; page++) {
      if (view.getUint8((page - 1) * 4_096) === 0) view.setUint32((page - 1) * 4_096, page);
    }
    expect(() => read(SQLITE, bytes)).toThrow("it names one page twice");
  });

  test("in which a page of the tree is its own child is refused", () => {
    const headers = Array.from({ length: 300 }, (_, i) =>
      headerOf({ name: `p${i}`, version: "1", description: 500 }),
    );
    const bytes = sqliteOf(headers);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let interior = 0;
    for (let at = 4_096; at < bytes.length; at += 4_096) {
      if (view.getUint8(at) !== 0x05) continue;
      view.setUint32(at + view.getUint16(at + 12), at / 4_096 + 1);
      interior++;
    }
    expect(interior).toBe(1);
    expect(() => read(SQLITE, bytes)).toThrow("it names one page twice");
  });

  test("in which many rows are the same bytes is refused", () => {
    const bytes = sqliteOf([headerOf({ name: "x", version: "1", description: 2_000 })]);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const at = bytes.indexOf(0x78, 4_096);
    const page = Math.floor(at / 4_096) * 4_096;
    expect(view.getUint8(page)).toBe(0x0d);
    const cell = view.getUint16(page + 8);
    view.setUint16(page + 3, 900);
    for (let i = 0; i < 900; i++) view.setUint16(page + 8 + i * 2, cell);
    expect(() => read(SQLITE, bytes)).toThrow("packages in it overlap");
  });
});

describe("ndb", () => {
  test("of another version is refused", () => {
    const bytes = ndbOf([]);
    bytes[4] = 1;
    expect(() => read(NDB, bytes)).toThrow("it is of version 1 of ndb, and 0 is read");
  });

  test("in which many slots name the same place is refused", () => {
    const bytes = ndbOf([headerOf({ name: "x", version: "1", description: 2_000 })]);
    for (let at = 64; at < 4_096; at += 16) bytes.copyWithin(at, 48, 64);
    expect(() => read(NDB, bytes)).toThrow("packages in it overlap");
  });
});

describe("Berkeley", () => {
  test("of Berkeley DB itself is read", () => {
    const { packages } = read(BERKELEY, databaseMadeByBerkeleyDb());
    expect(packages.map(({ name, version }) => `${name} ${version}`).toSorted()).toStrictEqual([
      "openssl 1:3.0.7-27.el9",
      "openssl-libs 1:3.0.7-27.el9",
      "tzdata 2024a-1.el9",
    ]);
  });

  test("of another kind than a hash, or encrypted, is refused", () => {
    const btree = berkeleyOf([]);
    new DataView(btree.buffer, btree.byteOffset).setUint32(12, 0x053162, true);
    expect(() => read(BERKELEY, btree)).toThrow("it is no Berkeley database of the kind hash");
    const encrypted = berkeleyOf([]);
    encrypted[24] = 1;
    expect(() => read(BERKELEY, encrypted)).toThrow("it is encrypted");
  });

  test("in which a chain of pages is a circle is refused", () => {
    const bytes = berkeleyOf([headerOf({ name: "x", version: "1", description: 2_000 })]);
    new DataView(bytes.buffer, bytes.byteOffset).setUint32(3 * 512 + 16, 2, true);
    expect(() => read(BERKELEY, bytes)).toThrow("it names one page twice");
  });
});
