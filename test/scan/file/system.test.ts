/** Distributions, and the databases of their packages. */
import { describe, expect, test } from "vitest";
import { ecosystemOf } from "../../../src/scan/match/osv/ecosystem.ts";
import { isRead, names, problem, read } from "./read.ts";

async function distribution(text: string) {
  return (await read("etc/os-release", text)).distribution;
}

async function prettyName(value: string) {
  return (await distribution(`PRETTY_NAME=${value}`))?.name;
}

describe("os-release", () => {
  test("ID, VERSION_ID and PRETTY_NAME are what a distribution is matched by", async () => {
    const alpine = await distribution(
      'NAME="Alpine Linux"\nID=alpine\nVERSION_ID=3.19.1\nPRETTY_NAME="Alpine Linux v3.19"\n',
    );
    expect(alpine).toEqual({ id: "alpine", version: "3.19.1", name: "Alpine Linux v3.19" });
    expect(ecosystemOf("apk", alpine)).toBe("Alpine:v3.19");
  });

  test.each([
    ["ID=a\\\\b", null],
    ["ID='alpine'", "alpine"],
    ['ID="alpine"', "alpine"],
    ['  ID="alp\\ine"  ', "alpine"],
    ["ID=alpine\r", "alpine"],
    ["# ID=debian\nID=alpine", "alpine"],
    ["ID=debian\nID=alpine", "alpine"],
    ["id=debian\nNAME=x", "linux"],
    ["export ID=debian\nID=alpine", "alpine"],
    ["ID=Alpine", "alpine"],
    ['ID=""\nNAME=x', "linux"],
  ])("the ID of %j is %j", async (text, id) => {
    if (id === null) expect(await problem("etc/os-release", text)).toBe("its ID is no identifier");
    else expect((await distribution(text))?.id).toBe(id);
  });

  test("quotes end where they began", async () => {
    expect(await prettyName(String.raw`"a \"b\" \$c \\"`)).toBe(String.raw`a "b" $c ` + "\\");
    expect(await prettyName(String.raw`'a \b'`)).toBe(String.raw`a \b`);
    expect(await prettyName(`"a'`)).toBe(`"a'`);
    expect(await prettyName(`"`)).toBe(`"`);
    expect(await prettyName('"a\u001B[2Jb"')).toBe("a[2Jb");
  });

  test("Debian's testing release has no version", async () => {
    const testing = await distribution('PRETTY_NAME="Debian GNU/Linux forky/sid"\nID=debian\n');
    expect(testing).toEqual({ id: "debian", version: "", name: "Debian GNU/Linux forky/sid" });
    expect(ecosystemOf("deb", testing)).toBeNull();
  });

  test("an empty file says nothing, and one without a variable is no os-release", async () => {
    expect(await distribution("\n")).toBeNull();
    expect(await problem("usr/lib/os-release", "<html>")).toBe("it assigns no variable");
    expect(await problem("etc/os-release", `ID=a\nVERSION_ID=${"1".repeat(257)}`)).toBe(
      "its VERSION_ID is too long",
    );
    expect(isRead("app/etc/os-release")).toBe(false);
  });
});

const APK = "lib/apk/db/installed";

describe("apk", () => {
  test("packages have their origin as source", async () => {
    const text = [
      "C:Q1pDFtRCLpXvBgBBYPPNgR9pnMY7c=",
      "P:libcrypto3",
      "V:3.1.4-r5",
      "A:x86_64",
      "S:1",
      "o:openssl",
      "F:lib",
      "R:libcrypto.so.3",
      "a:0:0:755",
      "",
      "P:musl",
      "V:1.2.4_git20230717-r4",
      "A:x86_64",
      "o:musl",
    ].join("\n");
    expect((await read(APK, text)).packages).toEqual([
      {
        type: "apk",
        name: "libcrypto3",
        version: "3.1.4-r5",
        source: { name: "openssl", version: "3.1.4-r5" },
        arch: "x86_64",
        path: APK,
      },
      {
        type: "apk",
        name: "musl",
        version: "1.2.4_git20230717-r4",
        source: null,
        arch: "x86_64",
        path: APK,
      },
    ]);
    expect(await names("usr/lib/apk/db/installed", text)).toHaveLength(2);
  });

  test("a record without a version is left out, and the ones beside it are not", async () => {
    const text = "P:a\n\nP:b\nV:1\n\n\n\nV:2\n\nP:\u0007\nV:3\n\nP:c\nV:4\r\n";
    expect(await names(APK, text)).toEqual(["b 1", "c 4"]);
  });

  test("another file is none", async () => {
    expect(await names(APK, "")).toEqual([]);
    expect(await problem(APK, "SQLite format 3")).toBe("it has no record of a package");
    expect(isRead("var/lib/apk/db/installed")).toBe(false);
  });
});

const DPKG = "var/lib/dpkg/status";

function paragraph(fields: Record<string, string>): string {
  return `${Object.entries(fields)
    .map(([name, value]) => `${name}: ${value}`)
    .join("\n")}\n\n`;
}

describe("dpkg", () => {
  test("a source has another name, another version, or both", async () => {
    const text =
      paragraph({
        Package: "bash",
        Status: "install ok installed",
        Version: "5.2.15-2+b8",
      }).trim() +
      "\nArchitecture: amd64\nSource: bash (5.2.15-2)\nDescription: a shell\n Package: no\n .\n\tVersion: 7\n\n" +
      paragraph({ Package: "libssl3", Version: "3.0.15-1~deb12u1", Source: "openssl" }) +
      paragraph({
        package: "zlib1g",
        VERSION: "1:1.2.13.dfsg-1",
        Source: "zlib (1:1.2.13.dfsg-1)",
      }) +
      paragraph({ Package: "adduser", Version: "3.134", Source: "adduser" });
    expect(await names(DPKG, text)).toEqual([
      "bash 5.2.15-2+b8 (bash 5.2.15-2)",
      "libssl3 3.0.15-1~deb12u1 (openssl 3.0.15-1~deb12u1)",
      "zlib1g 1:1.2.13.dfsg-1 (zlib 1:1.2.13.dfsg-1)",
      "adduser 3.134",
    ]);
    expect((await read(DPKG, text)).packages[0]?.arch).toBe("amd64");
  });

  test.each([
    ["install ok installed", true],
    ["hold ok installed", true],
    ["deinstall ok installed", true],
    ["install ok unpacked", true],
    ["install reinstreq half-installed", true],
    ["install ok half-configured", true],
    ["install ok triggers-pending", true],
    ["deinstall ok config-files", false],
    ["purge ok not-installed", false],
    ["install ok not-installed", false],
  ])("files of a package that is %s: %s", async (status, isThere) => {
    const text = paragraph({ Package: "a", Status: status, Version: "1" });
    expect(await names(DPKG, text)).toEqual(isThere ? ["a 1"] : []);
  });

  test("distroless images have a file for each package", async () => {
    const path = "var/lib/dpkg/status.d/tzdata";
    expect(await names(path, "Package: tzdata\nVersion: 2024a-0+deb12u1")).toEqual([
      "tzdata 2024a-0+deb12u1",
    ]);
    expect(isRead(`${path}.md5sums`)).toBe(false);
    expect(isRead("var/lib/dpkg/status.d/a/b")).toBe(false);
    expect(isRead("var/lib/dpkg/status-old")).toBe(false);
  });

  test("names in other encodings do not matter", async () => {
    const latin = new Uint8Array(
      Buffer.from("Maintainer: J\xf6rg\nPackage: a\nVersion: 1\n", "latin1"),
    );
    expect(await names(DPKG, latin)).toEqual(["a 1"]);
  });

  test("what has no name or an absurd one is left out", async () => {
    const text =
      paragraph({ Version: "1" }) +
      paragraph({ Package: "a".repeat(257), Version: "1" }) +
      paragraph({ Package: "b", Version: "1".repeat(257) }) +
      paragraph({ Package: "c\u001B[2J", Version: "1" }) +
      paragraph({ Package: "d", Version: "1", Source: `${"s".repeat(300)} (2)` });
    expect(await names(DPKG, text)).toEqual(["d 1"]);
    expect(await problem(DPKG, "\u007FELF")).toBe("it has no field Package");
    expect(await problem(DPKG, paragraph({ Package: "a", Version: "1" }).repeat(20_001))).toBe(
      "it names more than 20000 packages",
    );
  });
});
