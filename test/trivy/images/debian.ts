/** Images of Debian's packages and their kin. */
import { readFile } from "node:fs/promises";
import { run } from "../../e2e/shell.ts";
import { type Image, writeImage } from "../image.ts";
import { type Deb, debs, unpackDebs } from "../supply.ts";
import { osRelease, put, tree } from "./tree.ts";

const BASE = ["base-files", "libc6", "libgcc-s1", "gcc-12-base", "zlib1g", "libssl3", "openssl"];
const MORE = ["bash", "libtinfo6", "perl-base", "tzdata", "netbase", "libacl1"];
const STATUS = "var/lib/dpkg/status";

export async function debianImages(
  work: string,
  layout: (name: string) => string,
): Promise<readonly Image[]> {
  const all = await debs([...BASE, ...MORE]);
  return [
    await debian(work, layout("debian"), all),
    await machine(work, layout("debian-machine")),
    await distroless(work, layout("distroless"), all),
    await ubuntu(work, layout("ubuntu")),
    await withLanguages(work, layout("debian-languages")),
  ];
}

/** The paragraph that dpkg writes for a package once it is installed. */
function paragraph({ control }: Deb, status = "install ok installed"): string {
  return `${control.trimEnd()}\n`.replace("\n", `\nStatus: ${status}\n`);
}

function statusOf(all: readonly Deb[]): string {
  return all.map((deb) => `${paragraph(deb)}\n`).join("");
}

function versionOf(all: readonly Deb[], name: string): string {
  const control = all.find((deb) => deb.control.startsWith(`Package: ${name}\n`))?.control ?? "";
  return /^Version: (.*)$/m.exec(control)?.[1] ?? "";
}

/** An upgrade of OpenSSL in the second layer, and a package that is removed. */
async function debian(work: string, layout: string, all: readonly Deb[]): Promise<Image> {
  const lower = await tree(work);
  await unpackDebs(all, lower);
  const before = statusOf(all).replaceAll(versionOf(all, "openssl"), "3.0.11-1~deb12u1");
  await put(lower, { [STATUS]: before });
  const left = all.filter(({ control }) => !/^Package: (netbase|tzdata)\n/.test(control));
  const configured = all.filter(({ control }) => control.startsWith("Package: tzdata\n"));
  const upper = await tree(work, {
    [STATUS]:
      statusOf(left) +
      configured.map((deb) => paragraph(deb, "deinstall ok config-files")).join("\n"),
    "etc/.wh.protocols": "",
  });
  return writeImage(layout, "debian", [{ tree: lower, format: "gnu" }, { tree: upper }]);
}

/** The database of the machine that this runs on: hundreds of packages as dpkg itself wrote them. */
async function machine(work: string, layout: string): Promise<Image> {
  const files = await tree(work, {
    [STATUS]: await readFile(`/${STATUS}`),
    "etc/os-release": await readFile("/etc/os-release"),
    "etc/debian_version": await readFile("/etc/debian_version"),
  });
  return writeImage(layout, "debian-machine", [{ tree: files, compression: "zstd" }]);
}

function nameOf({ control }: Deb): string {
  return /^Package: (.*)$/m.exec(control)?.[1] ?? "";
}

/** A package's own file in place of dpkg's database, and the checksums of its files. */
function statusFile(deb: Deb, control = deb.control): Record<string, string> {
  return {
    [`var/lib/dpkg/status.d/${nameOf(deb)}`]: `${control.trimEnd()}\n`,
    [`var/lib/dpkg/status.d/${nameOf(deb)}.md5sums`]: "d41d8cd98f00b204e9800998ecf8427e  usr/x\n",
  };
}

/** A file for each package; the upper layer adds one, replaces one and removes one. */
async function distroless(work: string, layout: string, all: readonly Deb[]): Promise<Image> {
  const [first, ...others] = all.filter((deb) => nameOf(deb) !== "bash");
  if (first === undefined) throw new Error("no packages");
  const lower = await tree(work, {
    ...osRelease("debian", "12", "Distroless"),
    "etc/debian_version": "12.4\n",
    ...Object.assign({}, ...others.map((deb) => statusFile(deb))),
  });
  const zlib = others.filter((deb) => nameOf(deb) === "zlib1g");
  const upper = await tree(work, {
    ...statusFile(first),
    ...Object.assign(
      {},
      ...zlib.map((deb) =>
        statusFile(deb, deb.control.replace(/^Version: .*$/m, "Version: 1:2.0-1")),
      ),
    ),
    "var/lib/dpkg/status.d/.wh.netbase": "",
    "var/lib/dpkg/status.d/.wh.netbase.md5sums": "",
  });
  return writeImage(layout, "distroless", [
    { tree: lower, format: "ustar" },
    { tree: upper, compression: "none" },
  ]);
}

/** Written by hand, since Ubuntu's archive is no part of what this machine uses. */
const UBUNTU: readonly (readonly [name: string, version: string, source: string])[] = [
  ["libssl3", "3.0.2-0ubuntu1.10", "openssl"],
  ["openssl", "3.0.2-0ubuntu1.10", ""],
  ["libc6", "2.35-0ubuntu3.4", "glibc"],
  ["zlib1g", "1:1.2.11.dfsg-2ubuntu9.2", "zlib"],
  ["libcurl4", "7.81.0-1ubuntu1.14", "curl"],
  ["libgcc-s1", "12.3.0-1ubuntu1~22.04", "gcc-12"],
  ["libgmp10", "2:6.2.1+dfsg-3ubuntu1", "gmp"],
  ["perl-base", "5.34.0-3ubuntu1.2", "perl"],
  ["libpam-modules", "1.4.0-11ubuntu2.3", "pam"],
  ["linux-libc-dev", "5.15.0-91.101", "linux"],
  ["libbinutils", "2.38-4ubuntu2.3", "binutils (2.38-4ubuntu2.2)"],
];

async function ubuntu(work: string, layout: string): Promise<Image> {
  const paragraphs = UBUNTU.map(([name, version, source]) => {
    const fields = [
      `Package: ${name}`,
      "Status: install ok installed",
      "Priority: optional",
      "Section: libs",
      "Maintainer: Ubuntu Developers <ubuntu-devel-discuss@lists.ubuntu.com>",
      "Architecture: amd64",
      ...(source === "" ? [] : [`Source: ${source}`]),
      `Version: ${version}`,
      "Description: a library",
      " Its description goes on",
      " .",
      " Version: 0 is no field here.",
    ];
    return `${fields.join("\n")}\n\n`;
  });
  const files = await tree(work, {
    ...osRelease("ubuntu", "22.04", "Ubuntu 22.04.3 LTS"),
    "etc/lsb-release": "DISTRIB_ID=Ubuntu\nDISTRIB_RELEASE=22.04\nDISTRIB_CODENAME=jammy\n",
    [STATUS]: paragraphs.join(""),
  });
  return writeImage(layout, "ubuntu", [{ tree: files }]);
}

/** Debian's own packages of Python, Node.js, Ruby and Java. */
async function withLanguages(work: string, layout: string): Promise<Image> {
  const all = await debs([
    "base-files",
    "python3-yaml",
    "python3-markupsafe",
    "node-semver",
    "libruby3.1",
    "ruby-rubygems",
    "ruby-rack",
    "libcommons-text-java",
    "libjackson2-databind-java",
    "runc",
  ]);
  const files = await tree(work, { [STATUS]: statusOf(all), ...(await fileLists(all)) });
  await unpackDebs(all, files);
  return writeImage(layout, "debian-languages", [{ tree: files }]);
}

/** The files of each package, as dpkg lists them. */
async function fileLists(all: readonly Deb[]): Promise<Record<string, string>> {
  const lists: Record<string, string> = {};
  for (const deb of all) {
    const { path } = deb;
    const { stdout } = await run(["sh", "-c", 'dpkg-deb --fsys-tarfile "$0" | tar -t', path]);
    const names = stdout.trim().split("\n");
    const text = names.map((name) => name.replace(/^\.(.+?)\/?$/, "$1").replace(/^\.\/$/, "/."));
    lists[`var/lib/dpkg/info/${nameOf(deb)}.list`] = `${text.join("\n")}\n`;
  }
  return lists;
}
