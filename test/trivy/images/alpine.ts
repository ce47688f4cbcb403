/** Written by hand after Alpine's own databases, since its archive is no part of what this machine uses. */
import { type Image, writeImage } from "../image.ts";
import { osRelease, tree } from "./tree.ts";

interface Apk {
  readonly name: string;
  readonly version: string;
  readonly origin: string;
}

const PACKAGES: readonly Apk[] = [
  { name: "alpine-baselayout", version: "3.4.3-r2", origin: "alpine-baselayout" },
  { name: "alpine-baselayout-data", version: "3.4.3-r2", origin: "alpine-baselayout" },
  { name: "musl", version: "1.2.4_git20230717-r4", origin: "musl" },
  { name: "musl-utils", version: "1.2.4_git20230717-r4", origin: "musl" },
  { name: "busybox", version: "1.36.1-r15", origin: "busybox" },
  { name: "busybox-binsh", version: "1.36.1-r15", origin: "busybox" },
  { name: "libcrypto3", version: "3.1.4-r5", origin: "openssl" },
  { name: "libssl3", version: "3.1.4-r5", origin: "openssl" },
  { name: "ca-certificates-bundle", version: "20230506-r0", origin: "ca-certificates" },
  { name: "zlib", version: "1.3.1-r0", origin: "zlib" },
  { name: "libc-utils", version: "0.7.2-r5", origin: "libc-dev" },
  { name: "ssl_client", version: "1.36.1-r15", origin: "busybox" },
  { name: "apk-tools", version: "2.14.0-r5", origin: "apk-tools" },
  { name: "py3-pip", version: "23.3.1_rc2-r0", origin: "py3-pip" },
];

/** Where Alpine's own packages of Python have their names. */
const PIP = "usr/lib/python3.11/site-packages/pip-23.3.1.dist-info";

function record({ name, version, origin }: Apk): string {
  const lines = [
    "C:Q1qKcZ+j23xssAXmgQhkOO8dHnbWw=",
    `P:${name}`,
    `V:${version}`,
    "A:x86_64",
    "S:8506",
    "I:331776",
    "T:A package of Alpine",
    "U:https://git.alpinelinux.org/cgit/aports/",
    "L:GPL-2.0-only",
    `o:${origin}`,
    "m:Natanael Copa <ncopa@alpinelinux.org>",
    "t:1699266360",
    "c:7d6a5f8e5d1a9a2fe6b4e7f7b0f1fd7ff6f6e1a0",
    "D:so:libc.musl-x86_64.so.1",
    `p:${name}-doc=${version} so:libexample.so.1=1`,
    "F:etc",
    "M:0:0:1777",
    "R:example.conf",
    "a:0:0:644",
    "Z:Q1ei3IHHvmdZ4A4Lx1vCjjjTcSpnE=",
    ...(name === "py3-pip" ? [`F:${PIP}`, "R:METADATA", "Z:Q1ei3IHHvmdZ4A4Lx1vCjjjTcSpnE="] : []),
  ];
  return `${lines.join("\n")}\n\n`;
}

export async function alpineImages(
  work: string,
  layout: (name: string) => string,
): Promise<readonly Image[]> {
  return [
    await upgraded(work, layout("alpine")),
    await merged(work, layout("alpine-merged")),
    await wolfi(work, layout("wolfi")),
  ];
}

function databaseOf(packages: readonly Apk[]): string {
  return packages.map(record).join("");
}

/** The upper layer upgrades OpenSSL, removes apk's own tools and adds curl. */
async function upgraded(work: string, layout: string): Promise<Image> {
  const lower = await tree(work, {
    ...osRelease("alpine", "3.19.1", "Alpine Linux v3.19"),
    "etc/alpine-release": "3.19.1\n",
    "lib/apk/db/installed": databaseOf(PACKAGES),
    [`${PIP}/METADATA`]: "Metadata-Version: 2.1\nName: pip\nVersion: 23.3.1\n",
  });
  const after = PACKAGES.filter(({ name }) => name !== "apk-tools").map((one) =>
    one.origin === "openssl" ? { ...one, version: "3.1.8-r0" } : one,
  );
  const curl = { name: "libcurl", version: "8.5.0-r0", origin: "curl" };
  const upper = await tree(work, { "lib/apk/db/installed": databaseOf([...after, curl]) });
  return writeImage(layout, "alpine", [{ tree: lower }, { tree: upper, compression: "zstd" }]);
}

/** apk-tools 3 has its database below usr. */
async function merged(work: string, layout: string): Promise<Image> {
  const files = await tree(work, {
    ...osRelease("alpine", "3.22.0", "Alpine Linux v3.22"),
    "etc/alpine-release": "3.22.0\n",
    "usr/lib/apk/db/installed": databaseOf(PACKAGES),
  });
  return writeImage(layout, "alpine-merged", [{ tree: files }]);
}

async function wolfi(work: string, layout: string): Promise<Image> {
  const files = await tree(work, {
    ...osRelease("wolfi", "20230201", "Wolfi"),
    "lib/apk/db/installed": databaseOf([
      { name: "wolfi-baselayout", version: "20230201-r7", origin: "wolfi-baselayout" },
      { name: "glibc", version: "2.38-r10", origin: "glibc" },
      { name: "libssl3", version: "3.2.0-r2", origin: "openssl" },
    ]),
  });
  return writeImage(layout, "wolfi", [{ tree: files, format: "ustar" }]);
}
