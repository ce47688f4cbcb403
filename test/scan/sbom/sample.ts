/** An image with a package of each type. */
import type { LayerPackage } from "../../../src/scan/package.ts";
import type { SbomImage } from "../../../src/scan/sbom/image.ts";
import type { Distribution } from "../../../src/scan/package.ts";
import { packageOf } from "../match/stub.ts";

const BASE = `sha256:${"b".repeat(64)}`;
const APP = `sha256:${"a".repeat(64)}`;

const LANGUAGES: readonly LayerPackage[] = [
  { type: "npm", name: "lodash", version: "4.17.20", path: "app/node_modules/lodash/package.json" },
  { type: "npm", name: "lodash", version: "4.17.20", path: "old/node_modules/lodash/package.json" },
  { type: "npm", name: "@scope/name", version: "1.0.0-rc.1", path: "app/package.json" },
  { type: "pypi", name: "Foo_Bar.baz", version: "1.0+local", path: "usr/lib/a.dist-info/METADATA" },
  { type: "golang", name: "stdlib", version: "go1.22.3", path: "usr/bin/tool" },
  { type: "golang", name: "github.com/A/b/v2", version: "v2.0.1", path: "usr/bin/tool" },
  { type: "cargo", name: "time", version: "0.1.0", path: "usr/bin/rusty" },
  { type: "maven", name: "org.a:b-core", version: "1.0", path: "app/lib/b core.jar" },
  { type: "gem", name: "rack", version: "2.0.1", path: "usr/lib/ruby/rack.gemspec" },
  {
    type: "composer",
    name: "symfony/http-kernel",
    version: "v5.4.1",
    path: "vendor/installed.json",
  },
  { type: "nuget", name: "Newtonsoft.Json", version: "12.0.1", path: "app/app.deps.json" },
].map((pkg) => ({ ...packageOf(pkg as LayerPackage), layer: APP }));

export const DISTRIBUTIONS: Readonly<Record<"apk" | "deb" | "rpm", Distribution>> = {
  apk: { id: "alpine", version: "3.19.1", name: "Alpine Linux v3.19" },
  deb: { id: "debian", version: "12", name: "Debian GNU/Linux 12 (bookworm)" },
  rpm: { id: "almalinux", version: "9.4", name: "AlmaLinux 9.4 (Seafoam Ocelot)" },
};

const SYSTEMS: Readonly<Record<"apk" | "deb" | "rpm", readonly LayerPackage[]>> = {
  apk: [
    {
      type: "apk",
      name: "libcrypto3",
      version: "3.1.4-r0",
      source: { name: "openssl", version: "3.1.4-r0" },
      arch: "x86_64",
      path: "lib/apk/db/installed",
      layer: BASE,
    },
    {
      type: "apk",
      name: "libstdc++",
      version: "13.2.1_git20231014-r0",
      source: null,
      arch: "x86_64",
      path: "lib/apk/db/installed",
      layer: BASE,
    },
  ],
  deb: [
    {
      type: "deb",
      name: "bash",
      version: "5.2.15-2+b8",
      source: { name: "bash", version: "5.2.15-2" },
      arch: "amd64",
      path: "var/lib/dpkg/status",
      layer: BASE,
    },
    {
      type: "deb",
      name: "login",
      version: "1:4.13+dfsg1-1",
      source: { name: "shadow", version: "1:4.13+dfsg1-1" },
      arch: "amd64",
      path: "var/lib/dpkg/status.d/login",
      layer: null,
    },
  ],
  rpm: [
    {
      type: "rpm",
      name: "openssl-libs",
      version: "1:3.0.7-27.el9",
      source: { name: "openssl", version: "1:3.0.7-27.el9" },
      arch: "x86_64",
      path: "var/lib/rpm/rpmdb.sqlite",
      layer: BASE,
    },
    {
      type: "rpm",
      name: "tzdata",
      version: "2024a-1.el9",
      source: null,
      arch: "noarch",
      path: "var/lib/rpm/rpmdb.sqlite",
      layer: BASE,
    },
    {
      type: "rpm",
      name: "perl-interpreter",
      version: "4:5.32.1-481.el9",
      source: { name: "perl", version: "4:5.32.1-481.el9" },
      arch: "x86_64",
      path: "",
      layer: BASE,
    },
  ],
};

/** Returns an image of a distribution with packages of it and of all languages. */
export function sampleOf(system: "apk" | "deb" | "rpm"): SbomImage {
  return {
    name: "registry.example/team/app",
    digest: `sha256:${"d".repeat(64)}`,
    packages: [...SYSTEMS[system], ...LANGUAGES],
    distribution: DISTRIBUTIONS[system],
    madeAt: new Date(Date.UTC(2026, 0, 2, 3, 4, 5, 678)),
  };
}
