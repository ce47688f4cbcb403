/** Packages of Python, Ruby, PHP and .NET. */
import { describe, expect, test } from "vitest";
import { isRead, names, problem, read } from "./read.ts";

describe("Python", () => {
  const path = "usr/local/lib/python3.12/site-packages/requests-2.28.1.dist-info/METADATA";

  test("the head of the metadata names the package", async () => {
    const text =
      "Metadata-Version: 2.1\nname: requests\r\nVERSION: 2.28.1\nLicense: a\n  Name: no\n\nVersion: 3\nName: b\n";
    expect((await read(path, text)).packages).toEqual([
      { type: "pypi", name: "requests", version: "2.28.1", source: null, arch: null, path },
    ]);
    expect(await names(path, `Name: a\nVersion: 1!2.0.post1\n\n${"é".repeat(100_000)}`)).toEqual([
      "a 1!2.0.post1",
    ]);
  });

  test.each([
    ["a/b.dist-info/METADATA", true],
    ["a/b.egg-info/PKG-INFO", true],
    ["a/b-1.0-py3.11.egg-info", true],
    ["a/b-1.0.egg/EGG-INFO/PKG-INFO", true],
    ["a/b.dist-info/RECORD", false],
    ["a/METADATA", false],
    ["a/PKG-INFO", false],
    ["usr/lib/python3/dist-packages/b-1.0.egg-info", false],
    ["usr/local/lib/python3.11/dist-packages/b-1.0.dist-info/METADATA", true],
  ])("%s is read: %s", (file, expected) => {
    expect(isRead(file)).toBe(expected);
  });

  test("what lacks a field says so", async () => {
    expect(await problem(path, "")).toBe("it has no field Name");
    expect(await problem(path, "Name: a\n\nVersion: 1")).toBe("it has no field Version");
    expect(await names(path, "Name: a\u0000\nVersion: 1")).toEqual([]);
    expect(await names(path, `Name: a\nVersion: ${"1".repeat(257)}`)).toEqual([]);
  });
});

describe("Ruby", () => {
  const path = "usr/local/bundle/specifications/rake-13.0.6.gemspec";

  test.each([
    ['s.name = "rake".freeze', 's.version = "13.0.6".freeze'],
    ["s.name = 'rake'", "s.version = '13.0.6'"],
    ["s.name = %q{rake}", 's.version = Gem::Version.new("13.0.6")'],
    ["spec.name=%q(rake).freeze", 'spec.version = Gem::Version.new "13.0.6"'],
  ])("%s and %s", async (name, version) => {
    const text = `# -*- encoding: utf-8 -*-\n# stub: rake 13.0.6 ruby lib\n\nGem::Specification.new do |s|\n  ${name}\n  ${version}\n  s.required_rubygems_version = Gem::Requirement.new(">= 1.3.2".freeze)\n  s.platform = "java".freeze\nend\n`;
    expect(await names(path, text)).toEqual(["rake 13.0.6"]);
  });

  test.each([
    ["usr/lib/ruby/gems/3.2.0/specifications/default/json-2.6.3.gemspec", true],
    ["usr/local/bundle/gems/rake-13.0.6/rake.gemspec", false],
    ["specifications/a.gemspec", true],
    ["my-specifications/a.gemspec", false],
    ["usr/share/rubygems-integration/all/specifications/rake-13.0.6.gemspec", false],
  ])("%s is read: %s", (file, expected) => {
    expect(isRead(file)).toBe(expected);
  });

  test("what is computed is not known", async () => {
    expect(await problem(path, "s.name = 'rake'\ns.version = Rake::VERSION")).toBe(
      "it sets no version that is a literal",
    );
    expect(await problem(path, "s.version = '1'\n#s.name = 'rake'")).toBe(
      "it sets no name that is a literal",
    );
    expect(await problem(path, `s.name = ${" ".repeat(900_000)}x`)).toBe(
      "it sets no name that is a literal",
    );
  });
});

describe("Composer", () => {
  const path = "app/vendor/composer/installed.json";
  const packages = [
    { name: "monolog/monolog", version: "2.0.0", version_normalized: "2.0.0.0" },
    { name: "symfony/http-kernel", version: "v5.4.0", extra: { deep: [{}] } },
    { name: "acme/branch", version: "dev-main" },
    { name: "no/version" },
    { version: "1.0" },
    { name: 7, version: "1" },
  ];

  test("both shapes of the list are read, and versions stay as they are", async () => {
    const expected = [
      "monolog/monolog 2.0.0",
      "symfony/http-kernel v5.4.0",
      "acme/branch dev-main",
    ];
    expect(await names(path, JSON.stringify(packages))).toEqual(expected);
    expect(await names(path, JSON.stringify({ packages, dev: true }))).toEqual(expected);
    expect(await names(path, "[]")).toEqual([]);
  });

  test("another shape is told", async () => {
    expect(await problem(path, "{}")).toContain("its JSON has another shape");
    expect(await problem(path, '{"packages":{"a":1}}')).toContain("its JSON has another shape");
    expect(await problem(path, "[1]")).toContain("its JSON has another shape");
    expect(isRead("app/installed.json")).toBe(false);
    expect(isRead("opt/libs/composer/installed.json")).toBe(true);
  });
});

describe("NuGet", () => {
  const path = "app/Shop.deps.json";

  test("packages that have files are listed, and projects are not", async () => {
    const target = {
      "Shop/1.0.0": { runtime: { "Shop.dll": {} } },
      "Newtonsoft.Json/12.0.1": { runtime: { "lib/netstandard2.0/Newtonsoft.Json.dll": {} } },
      "SQLitePCLRaw.lib/2.1.0": { native: { "e_sqlite3.so": {} } },
      "Npgsql.Rid/6.0.0": { runtimeTargets: { "runtimes/unix/lib/x.dll": {} } },
      "NETStandard.Library/2.0.3": { dependencies: { a: "1" } },
    };
    const document = {
      runtimeTarget: { name: ".NETCoreApp,Version=v8.0/linux-x64", signature: "" },
      targets: { ".NETCoreApp,Version=v8.0": {}, ".NETCoreApp,Version=v8.0/linux-x64": target },
      libraries: {
        "Shop/1.0.0": { type: "project", serviceable: false, sha512: "" },
        "Newtonsoft.Json/12.0.1": { type: "package" },
        "SQLitePCLRaw.lib/2.1.0": { type: "Package" },
        "Npgsql.Rid/6.0.0": { type: "package" },
        "NETStandard.Library/2.0.3": { type: "package" },
        "runtimepack.Microsoft.NETCore.App.Runtime.linux-x64/8.0.1": { type: "runtimepack" },
        "Unlisted/3.0.0-rc.1": { type: "package" },
        NoVersion: { type: "package" },
        "NoType/1.0.0": {},
        "System.Runtime/4.0": { type: "reference" },
      },
    };
    expect(await names(path, JSON.stringify(document))).toEqual([
      "Newtonsoft.Json 12.0.1",
      "SQLitePCLRaw.lib 2.1.0",
      "Npgsql.Rid 6.0.0",
      "Microsoft.NETCore.App.Runtime.linux-x64 8.0.1",
      "Unlisted 3.0.0-rc.1",
    ]);
    expect(await names(path, JSON.stringify({ libraries: document.libraries }))).toHaveLength(6);
  });

  test("names that every object has are names", async () => {
    const text =
      '{"runtimeTarget":{"name":"constructor"},"libraries":{"toString/1":{"type":"package"}}}';
    expect(await names(path, text)).toEqual(["toString 1"]);
  });

  test("another shape is told", async () => {
    // Other tools have files of that name.
    expect(await names(path, "{}")).toEqual([]);
    expect(await problem(path, '{"libraries":7}')).toBe(
      "its JSON has another shape at libraries: expected Object",
    );
    // A message has nothing of the file that a terminal would obey.
    expect(await problem(path, String.raw`{"libraries":{"\u001b[2J":"${"x".repeat(999)}"}}`)).toBe(
      "its JSON has another shape: expected Object",
    );
    expect(await problem(path, '{"libraries":{"a/1":7}}')).toContain(
      "its JSON has another shape at",
    );
  });
});
