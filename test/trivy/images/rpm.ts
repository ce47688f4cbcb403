/** Images of rpm's databases. rpmbuild makes the packages, and rpm itself installs them. */
import { mkdir, readdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { run } from "../../e2e/shell.ts";
import { type Image, writeImage } from "../image.ts";
import { copyTree, ensurePrograms } from "../supply.ts";
import { osRelease, put, tree } from "./tree.ts";

interface Spec {
  readonly name: string;
  readonly version: string;
  readonly release: string;
  readonly epoch?: number;
  /** Packages that are built from it besides the one of its name. */
  readonly parts?: readonly string[];
  /** A file of it, which is in the image too. */
  readonly file?: readonly [path: string, text: string];
}

const SPECS: readonly Spec[] = [
  {
    name: "openssl",
    version: "3.0.7",
    release: "24.el9",
    epoch: 1,
    parts: ["openssl-libs", "openssl-devel"],
  },
  { name: "bash", version: "5.1.8", release: "6.el9_1" },
  { name: "glibc", version: "2.34", release: "83.el9.7", parts: ["glibc-common"] },
  { name: "python3.9", version: "3.9.18", release: "1.el9_3", parts: ["python3-libs"] },
  { name: "vim", version: "8.2.2637", release: "20.el9_1", epoch: 2, parts: ["vim-minimal"] },
  { name: "tzdata", version: "2023c", release: "1.el9" },
  { name: "dbus", version: "1.12.20~rc1", release: "8.el9^git1", epoch: 1 },
];

const URLLIB: Spec = {
  name: "python3-urllib3",
  version: "1.26.5",
  release: "3.el9",
  file: [
    "usr/lib/python3.9/site-packages/urllib3-1.26.5.dist-info/METADATA",
    "Metadata-Version: 2.1\nName: urllib3\nVersion: 1.26.5\n",
  ],
};

export async function rpmImages(
  work: string,
  layout: (name: string) => string,
): Promise<readonly Image[]> {
  await ensurePrograms({ rpm: "rpm", rpmbuild: "rpm" });
  return [await rocky(work, layout("rocky")), await leap(work, layout("opensuse-leap"))];
}

/** An upgrade in the second layer. */
async function rocky(work: string, layout: string): Promise<Image> {
  const release = osRelease("rocky", "9.3", "Rocky Linux 9.3 (Blue Onyx)");
  const lower = await tree(work, {
    ...release,
    "etc/redhat-release": "Rocky Linux release 9.3 (Blue Onyx)\n",
    "etc/rocky-release": "Rocky Linux release 9.3 (Blue Onyx)\n",
  });
  const folder = "var/lib/rpm";
  await install(work, join(lower, folder), [...SPECS, URLLIB]);
  if (URLLIB.file !== undefined) await put(lower, Object.fromEntries([URLLIB.file]));
  const upper = await tree(work);
  await mkdir(join(upper, folder), { recursive: true });
  await copyTree(join(lower, folder), join(upper, folder));
  await install(work, join(upper, folder), [
    { name: "bash", version: "5.1.8", release: "9.el9" },
    { name: "which", version: "2.21", release: "29.el9" },
  ]);
  return writeImage(layout, "rocky", [{ tree: lower }, { tree: upper, compression: "zstd" }]);
}

/** The database in SUSE's place. Its format there is another one, which Debian's rpm cannot write. */
async function leap(work: string, layout: string): Promise<Image> {
  const files = await tree(work, osRelease("opensuse-leap", "15.5", "openSUSE Leap 15.5"));
  const folder = join(files, "usr/lib/sysimage/rpm");
  await install(work, folder, SPECS);
  return writeImage(layout, "opensuse-leap", [{ tree: files }]);
}

function specOf({ name, version, release, epoch, parts = [], file }: Spec): string {
  const header = [
    `Name: ${name}`,
    `Version: ${version}`,
    `Release: ${release}`,
    ...(epoch === undefined ? [] : [`Epoch: ${epoch}`]),
    "Summary: A package",
    "License: MIT",
    "BuildArch: x86_64",
  ];
  const more = parts.flatMap((part) => [`%package -n ${part}`, "Summary: A part", ...about(part)]);
  const [path, text] = file ?? ["", ""];
  const steps = [
    "%install",
    `mkdir -p %{buildroot}/${dirname(path)}`,
    `cat > %{buildroot}/${path} << END`,
    `${text}END`,
  ];
  const files = file === undefined ? ["%files"] : [...steps, "%files", `/${path}`];
  return [...header, ...about(""), ...files, ...more].join("\n");
}

function about(part: string): readonly string[] {
  const named = part === "" ? "" : ` -n ${part}`;
  return [`%description${named}`, "A package.", ...(part === "" ? [] : [`%files${named}`])];
}

async function install(work: string, database: string, specs: readonly Spec[]): Promise<void> {
  const top = await tree(work);
  for (const spec of specs) {
    const path = `${spec.name}.spec`;
    await put(top, { [path]: specOf(spec) });
    const build = ["rpmbuild", "-bb", "--quiet", "--target", "x86_64"];
    await run([...build, "--define", `_topdir ${top}`, join(top, path)], { timeout: 300 });
  }
  const folder = join(top, "RPMS/x86_64");
  const built = (await readdir(folder)).map((name) => join(folder, name));
  await mkdir(database, { recursive: true });
  const at = ["--dbpath", database, "--define", "_db_backend sqlite"];
  const only = [
    "--justdb",
    "--nodeps",
    "--noscripts",
    "--ignorearch",
    "--ignoreos",
    "--nosignature",
  ];
  await run(["rpm", ...at, ...only, "--upgrade", ...built], { timeout: 300 });
}
