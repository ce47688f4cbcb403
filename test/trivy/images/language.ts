/** Images of packages of languages. */
import { cp, mkdir, readFile, symlink } from "node:fs/promises";
import { join } from "node:path";
import { deflateSync } from "node:zlib";
import { run } from "../../e2e/shell.ts";
import { type Image, writeImage } from "../image.ts";
import { copyTree, ensurePrograms, goProgram, jars, npmTree, pythonTree } from "../supply.ts";
import { osRelease, put, tree } from "./tree.ts";

export async function languageImages(
  work: string,
  layout: (name: string) => string,
): Promise<readonly Image[]> {
  return [
    await npm(work, layout("npm")),
    await python(work, layout("python")),
    await go(work, layout("go")),
    await rust(work, layout("rust")),
    await java(work, layout("java")),
    await ruby(work, layout("ruby")),
    await php(work, layout("php")),
    await dotnet(work, layout("dotnet")),
  ];
}

/** Scopes, and the same package at several versions in several places. */
const NPM = {
  "@babel/code-frame": "7.18.6",
  "@types/node": "20.1.0",
  express: "4.17.1",
  lodash: "4.17.20",
  "lodash-old": "npm:lodash@3.10.1",
  minimist: "1.2.5",
  mkdirp: "0.5.1",
  semver: "7.3.5",
  "node-fetch": "2.6.0",
  chalk: "2.4.2",
  "ansi-styles": "6.2.1",
};

async function npm(work: string, layout: string): Promise<Image> {
  const files = await tree(work);
  await copyTree(await npmTree(NPM), join(files, "srv/app"));
  await put(files, {
    "srv/app/src/package.json": '{"type": "module"}',
    "srv/app/lib/package.json": '{"name": "@scope/inner", "version": "2.0.0-beta.1"}',
    "srv/app/broken/package.json": "{ this is no JSON",
  });
  return writeImage(layout, "npm", [{ tree: files, compression: "zstd" }]);
}

const WHEELS = [
  "requests==2.28.1",
  "urllib3==1.26.12",
  "Jinja2==3.0.3",
  "MarkupSafe==2.1.1",
  "zope.interface==5.5.2",
  "ruamel.yaml==0.17.21",
  "typing_extensions==4.4.0",
  "backports.zoneinfo==0.2.1; python_version < '3.9'",
  "pytz==2022.7",
  "Django==3.2.15",
];

async function python(work: string, layout: string): Promise<Image> {
  const files = await tree(work, osRelease("debian", "12", "Debian GNU/Linux 12 (bookworm)"));
  const site = "usr/local/lib/python3.11/site-packages";
  await mkdir(join(files, site), { recursive: true });
  await copyTree(await pythonTree(WHEELS), join(files, site));
  const head = "Metadata-Version: 1.1\n";
  await put(files, {
    [`${site}/simplejson-3.17.0.egg-info/PKG-INFO`]: `${head}Name: simplejson\nVersion: 3.17.0\nSummary: JSON\n`,
    [`${site}/distro_info-1.1.egg-info`]: `${head}Name: distro-info\nVersion: 1.1\n`,
    [`${site}/pip-20.0.egg/EGG-INFO/PKG-INFO`]: `${head}Name: pip\nVersion: 20.0\n`,
  });
  return writeImage(layout, "python", [{ tree: files }]);
}

const PROGRAM = `package main

import (
	"fmt"

	"golang.org/x/text/language"
	"gopkg.in/yaml.v3"
)

func main() {
	out, err := yaml.Marshal(language.English.String())
	fmt.Println(string(out), err)
}
`;

const MODULE = `module example.com/program

go 1.25

require (
	golang.org/x/text v0.14.0
	gopkg.in/yaml.v3 v3.0.0
)
`;

async function go(work: string, layout: string): Promise<Image> {
  const files = { "main.go": PROGRAM, "go.mod": MODULE };
  const replaced = `${MODULE}\nreplace golang.org/x/text => golang.org/x/text v0.3.7\n`;
  const plain = await goProgram(files, []);
  const stripped = await goProgram(files, ["-trimpath", "-ldflags=-s -w"]);
  const other = await goProgram({ ...files, "go.mod": replaced }, ["-ldflags=-s -w"]);
  const folder = await tree(work);
  await put(
    folder,
    {
      "usr/local/bin/plain": await readFile(join(plain, "program")),
      "usr/local/bin/stripped": await readFile(join(stripped, "program")),
      "app/replaced": await readFile(join(other, "program")),
    },
    0o755,
  );
  return writeImage(layout, "go", [{ tree: folder }]);
}

/** What cargo auditable puts into a program, here into one of the machine's own. */
async function rust(work: string, layout: string): Promise<Image> {
  const folder = await tree(work);
  const list = {
    packages: [
      { name: "adler", version: "1.0.2", source: "registry" },
      { name: "regex", version: "1.5.4", source: "registry", dependencies: [0] },
      { name: "time", version: "0.1.43", source: "registry", kind: "build" },
      { name: "program", version: "0.3.0", source: "local", dependencies: [1], root: true },
    ],
  };
  await ensurePrograms({ objcopy: "binutils" });
  const section = join(work, "dep-v0");
  await put(work, { "dep-v0": deflateSync(JSON.stringify(list)) });
  await put(folder, { "usr/bin/program": "" }, 0o755);
  const add = ["objcopy", "--add-section", `.dep-v0=${section}`, "/bin/true"];
  await run([...add, join(folder, "usr/bin/program")]);
  return writeImage(layout, "rust", [{ tree: folder, format: "gnu" }]);
}

const JARS = [
  "org.apache.commons:commons-text:1.9",
  "org.apache.logging.log4j:log4j-core:2.14.1",
  "com.fasterxml.jackson.core:jackson-databind:2.9.10",
  "com.google.guava:guava:30.0-jre",
  "org.springframework:spring-core:5.3.17",
  "commons-fileupload:commons-fileupload:1.3.2",
  "org.yaml:snakeyaml:1.26",
  "junit:junit:4.12",
];

/** Jars on their own, and in a war. */
async function java(work: string, layout: string): Promise<Image> {
  const folder = await tree(work);
  const all = await jars(JARS);
  await cp(all, join(folder, "opt/lib"), { recursive: true });
  const war = await tree(work, { "WEB-INF/web.xml": "<web-app/>" });
  await mkdir(join(war, "WEB-INF/lib"));
  for (const name of ["commons-text-1.9.jar", "snakeyaml-1.26.jar"]) {
    await cp(join(all, name), join(war, "WEB-INF/lib", name));
  }
  await run(["jar", "--create", "--file", join(folder, "opt/shop-1.0.war"), "-C", war, "."]);
  return writeImage(layout, "java", [{ tree: folder }]);
}

/** Specifications as RubyGems writes them. */
async function ruby(work: string, layout: string): Promise<Image> {
  const folder = "usr/local/bundle/specifications";
  const files = await tree(work, {
    [`${folder}/rack-2.2.3.gemspec`]: gem("rack", "2.2.3"),
    [`${folder}/nokogiri-1.13.3-x86_64-linux.gemspec`]: gem(
      "nokogiri",
      "1.13.3",
      '  s.platform = "x86_64-linux".freeze\n',
    ),
    [`${folder}/rails-7.0.0.rc1.gemspec`]: gem("rails", "7.0.0.rc1"),
    "usr/local/lib/ruby/gems/3.1.0/specifications/default/json-2.6.1.gemspec": gem("json", "2.6.1"),
    "usr/local/lib/ruby/gems/3.1.0/gems/rake-13.0.6/rake.gemspec":
      'require_relative "lib/rake/version"\nGem::Specification.new do |s|\n  s.name = "rake"\n  s.version = Rake::VERSION\nend\n',
  });
  return writeImage(layout, "ruby", [{ tree: files }]);
}

/** What Composer 2 and Composer 1 write. */
async function php(work: string, layout: string): Promise<Image> {
  const first = [
    composed("symfony/http-kernel", "v5.4.19"),
    composed("guzzlehttp/guzzle", "7.4.4"),
    composed("monolog/monolog", "2.9.1"),
  ];
  const second = [composed("twig/twig", "v2.14.10"), composed("vendor/dev", "dev-main")];
  const files = await tree(work, {
    "var/www/vendor/composer/installed.json": JSON.stringify({ packages: first, dev: false }),
    "var/old/vendor/composer/installed.json": JSON.stringify(second),
  });
  return writeImage(layout, "php", [{ tree: files }]);
}

/** A package of Python that has a program for .NET, and a file after those of the SDK. */
async function dotnet(work: string, layout: string): Promise<Image> {
  const folder = await tree(work);
  const wheel = await pythonTree(["pythonnet==3.0.3"]);
  await mkdir(join(folder, "app"));
  await cp(join(wheel, "pythonnet"), join(folder, "app/pythonnet"), { recursive: true });
  const target = ".NETCoreApp,Version=v6.0";
  await put(folder, {
    "app/Shop.deps.json": JSON.stringify({
      runtimeTarget: { name: target, signature: "" },
      targets: {
        [target]: {
          "Shop/1.0.0": {
            dependencies: { "Newtonsoft.Json": "12.0.3" },
            runtime: { "Shop.dll": {} },
          },
          "Newtonsoft.Json/12.0.3": { runtime: { "lib/netstandard2.0/Newtonsoft.Json.dll": {} } },
          "System.Text.Json/6.0.0": { runtime: { "lib/net6.0/System.Text.Json.dll": {} } },
          "StyleCop.Analyzers/1.1.118": {},
          "runtime.native.System/4.3.0": { native: { "runtimes/x/native/libx.so": {} } },
        },
      },
      libraries: {
        "Shop/1.0.0": { type: "project", serviceable: false, sha512: "" },
        "Newtonsoft.Json/12.0.3": library("package"),
        "System.Text.Json/6.0.0": library("package"),
        "StyleCop.Analyzers/1.1.118": library("package"),
        "runtime.native.System/4.3.0": library("package"),
      },
    }),
  });
  await symlink("Shop.deps.json", join(folder, "app/Alias.deps.json"));
  return writeImage(layout, "dotnet", [{ tree: folder }]);
}

const gem = (name: string, version: string, more = "") =>
  `# -*- encoding: utf-8 -*-\n# stub: ${name} ${version} ruby lib\n\nGem::Specification.new do |s|\n  s.name = "${name}".freeze\n  s.version = "${version}"\n${more}\n  s.licenses = ["MIT".freeze]\n  s.required_ruby_version = Gem::Requirement.new(">= 2.5".freeze)\nend\n`;

const composed = (name: string, version: string) => ({
  name,
  version,
  version_normalized: `${version.replace(/^v/, "")}.0`,
  type: "library",
  license: ["MIT"],
  require: { php: ">=7.2" },
  "install-path": `../${name}`,
});

const library = (type: string) => ({ type, serviceable: true, sha512: "sha512-x" });
