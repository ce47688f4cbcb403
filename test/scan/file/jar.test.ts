/** Archives of Java. */
import { describe, expect, test } from "vitest";
import { isRead, names, problem, read } from "./read.ts";
import { type Member, pom, zip } from "./zip-file.ts";

const LOG4J = pom("org.apache.logging.log4j", "log4j-core", "2.14.1");
const LOG4J_NAME = "org.apache.logging.log4j:log4j-core 2.14.1";

function manifest(lines: readonly string[], newline = "\r\n"): Member {
  return { name: "META-INF/MANIFEST.MF", content: [...lines, "", ""].join(newline) };
}

describe("Maven's own file", () => {
  test("names the archive", async () => {
    const path = "app/lib/log4j-core-2.14.1.jar";
    expect(await read(path, zip([LOG4J]))).toEqual({
      packages: [
        {
          type: "maven",
          name: "org.apache.logging.log4j:log4j-core",
          version: "2.14.1",
          source: null,
          arch: null,
          path,
        },
      ],
      distribution: null,
    });
  });

  test("is there for each of those that were put together, and then the manifest does not count", async () => {
    const shaded = zip([
      manifest([
        "Implementation-Vendor-Id: org.other",
        "Implementation-Title: a",
        "Bundle-Version: 1",
      ]),
      LOG4J,
      pom("a.b", "c", "1"),
      pom("a.b", "c", "1"),
      { name: "META-INF/maven/x/y/pom.xml", content: "<project/>" },
    ]);
    expect(await names("app.jar", shaded)).toEqual([LOG4J_NAME, "a.b:c 1"]);
  });

  test.each([
    ["groupId=${project.groupId}\nartifactId=a\nversion=1"],
    ["groupId=a\nartifactId=b\nversion=${version}"],
    ["groupId=a\nartifactId=b"],
    ["groupId=a b\nartifactId=b\nversion=1"],
    ["groupId=a\nartifactId=b\u0000\nversion=1"],
    [`groupId=a\nartifactId=${"b".repeat(300)}\nversion=1`],
  ])("%j names nothing", async (content) => {
    const member = { name: "META-INF/maven/a/b/pom.properties", content };
    expect(await names("a.jar", zip([member]))).toEqual([]);
  });

  test("may have other ends of lines and spaces", async () => {
    const content = "# x\r\n groupId=a \r\nartifactId:b\rversion=1 \n";
    const member = { name: "META-INF/maven/a/b/pom.properties", content };
    expect(await names("a.jar", zip([member]))).toEqual(["a:b 1"]);
  });
});

/** The packages of an archive that has a manifest alone. */
async function named(lines: readonly string[], path = "app.jar", newline = "\r\n") {
  return names(path, zip([manifest(lines, newline)]));
}

describe("the manifest", () => {
  test.each([["\r\n"], ["\n"], ["\r"]])(
    "names the archive; a line ends with %j",
    async (newline) => {
      const lines = [
        "Manifest-Version: 1.0",
        "implementation-title: jackson-data",
        " bind",
        "Implementation-Version: 2.9.8",
        "Implementation-Vendor-Id: com.fasterxml.jackson.core",
        "",
        "Name: a/b.class",
        "Implementation-Version: 7",
      ];
      expect(await named(lines, "app.jar", newline)).toEqual([
        "com.fasterxml.jackson.core:jackson-databind 2.9.8",
      ]);
    },
  );

  test("a symbolic name has the group, and its parameters do not count", async () => {
    const lines = [
      "Bundle-SymbolicName: org.eclipse.jetty.http;singleton:=true",
      "Bundle-Version: 9.4.1",
    ];
    expect(await named(lines, "jetty-http-9.4.1.jar")).toEqual([
      "org.eclipse.jetty:jetty-http 9.4.1",
    ]);
    expect(await named(lines, "jetty.jar")).toEqual([]);
  });

  test("a title in other letters than the file's name is spelled as the file is", async () => {
    const lines = ["Implementation-Vendor-Id: junit", "Implementation-Title: JUnit"];
    expect(await named(lines, "lib/junit-4.12.jar")).toEqual(["junit:junit 4.12"]);
  });

  test("titles in words and variables are passed over", async () => {
    const lines = [
      "Implementation-Vendor: The Apache Software Foundation",
      "Specification-Vendor: org.apache",
      "Implementation-Title: Commons Collections",
      "Bundle-Name: %bundleName",
      "Implementation-Version: ${version}",
    ];
    expect(await named(lines, "lib/commons-text-3.2.1.jar")).toEqual([
      "org.apache:commons-text 3.2.1",
    ]);
  });

  test.each([
    ["spring-core", "org.springframework"],
    ["spring-webmvc", "org.springframework"],
    ["spring-boot", "org.springframework.boot"],
    ["spring-boot-actuator-autoconfigure", "org.springframework.boot"],
    ["spring-security-web", "org.springframework.security"],
    ["lucene-core", "org.apache.lucene"],
    ["tomcat-embed-core", "org.apache.tomcat.embed"],
    ["commons-collections", "commons-collections"],
    ["spring-unknown", null],
  ])("%s has its group from nowhere else: %s", async (artifact, group) => {
    const lines = [`Implementation-Title: ${artifact}`, "Implementation-Version: 5.3.17"];
    const expected = group === null ? [] : [`${group}:${artifact} 5.3.17`];
    expect(await named(lines)).toEqual(expected);
    expect(await named(lines.slice(1), `${artifact}.jar`)).toEqual(expected);
    // It may have no manifest, or one of which the group is wrong.
    expect(await names(`${artifact}-5.3.17.jar`, zip([]))).toEqual(expected);
    const other = ["Implementation-Title: org.apache", "Implementation-Vendor-Id: org"];
    if (group !== null) expect(await named(other, `${artifact}-5.3.17.jar`)).toEqual(expected);
  });

  test.each([
    ["log4j-1.2-api-2.17.1.jar", "log4j-1.2-api 2.17.1"],
    ["guava-31.1-jre.jar", "guava 31.1-jre"],
    ["a-b-1.0-SNAPSHOT.WAR", "a-b 1.0-SNAPSHOT"],
    ["-1.jar", null],
    ["a.jar", null],
    [".jar", null],
    [`${"-1".repeat(30_000)} .jar`, null],
  ])("the name %s says %s", async (path, expected) => {
    expect(await named(["Implementation-Vendor-Id: g"], path)).toEqual(
      expected === null ? [] : [`g:${expected}`],
    );
  });
});

describe("archives in archives", () => {
  const inner = zip([LOG4J]);

  test("count as the outer one's, stored or deflated, two deep", async () => {
    const spring = zip(
      [
        { name: "BOOT-INF/lib/log4j-core-2.14.1.jar", content: inner, isStored: true },
        { name: "BOOT-INF/lib/other.jar", content: zip([pom("a", "b", "1")]) },
        { name: "BOOT-INF/classes/README", content: "x".repeat(1_000) },
        { name: "BOOT-INF/lib/spring-core-5.3.1.jar", content: "no zip" },
        { name: "BOOT-INF/lib/", content: "", isStored: true },
        pom("com.example", "shop", "1.0"),
      ],
      "#!/bin/sh\nexec java -jar $0\n",
      "a comment",
    );
    const expected = [LOG4J_NAME, "a:b 1", "com.example:shop 1.0"];
    expect(await names("shop.jar", spring)).toEqual(expected);
    const war = zip([{ name: "WEB-INF/lib/shop.jar", content: spring }]);
    expect(await names("shop.war", war)).toEqual(expected);
    const ear = zip([{ name: "shop.war", content: war }]);
    expect(await names("shop.ear", ear)).toEqual(["com.example:shop 1.0"]);
    expect((await read("shop.war", war)).packages.map(({ path }) => path)).toEqual(
      expected.map(() => "shop.war"),
    );
  });

  test.each([
    [{ method: 12 }],
    [{ flags: 1 }],
    [{ sizeBytes: 1 }],
    [{ sizeBytes: 0 }],
    [{ sizeBytes: 100_000 }],
    [{ packedBytes: 10 }],
    [{ packedBytes: 1_000_000 }],
    [{ offset: 1 }],
    [{ offset: 0xffffffff }],
  ])(
    "one of which the directory says %j is left out, and the ones beside it are not",
    async (claims) => {
      const members = [{ name: "a.jar", content: inner, claims }, pom("a", "b", "1")];
      expect(await names("app.jar", zip(members))).toEqual(["a:b 1"]);
    },
  );

  test("one that unpacks to more than the directory says is not unpacked", async () => {
    const bomb = {
      name: "a.jar",
      content: new Uint8Array(15 * 2 ** 20),
      claims: { sizeBytes: 100 },
    };
    expect(await names("app.jar", zip([bomb, LOG4J]))).toEqual([LOG4J_NAME]);
  });

  test("too much in it is refused", async () => {
    const large = { name: "a.jar", content: new Uint8Array(16 * 2 ** 20 + 1) };
    expect(await problem("app.jar", zip([large]))).toBe(
      "an archive in it is larger than 16777216 bytes",
    );
    const stored = { name: "a.jar", content: new Uint8Array(16 * 2 ** 20 + 1), isStored: true };
    expect(await names("app.jar", zip([stored, LOG4J]))).toEqual([LOG4J_NAME]);
    const member = { name: "b.jar", content: new Uint8Array(16 * 2 ** 20) };
    const shared = Array.from({ length: 9 }, (_, i) =>
      i === 0 ? member : { ...member, claims: { offset: 0 } },
    );
    expect(await problem("app.jar", zip(shared))).toBe(
      "the archives in it are too many or too large",
    );
  });

  test("large manifests and files of Maven are left out", async () => {
    const content = `groupId=a\nartifactId=b\nversion=1\n${"#".repeat(64 * 1024)}`;
    expect(
      await names("a.jar", zip([{ name: "META-INF/maven/a/b/pom.properties", content }, LOG4J])),
    ).toEqual([LOG4J_NAME]);
  });
});

test.each([
  ["a.jar", true],
  ["a.WAR", true],
  ["a.ear", true],
  ["a.par", true],
  ["a.zip", false],
  ["a.jar.txt", false],
])("%s is read: %s", (path, expected) => {
  expect(isRead(path)).toBe(expected);
});

test("what is no archive is told", async () => {
  expect(await problem("a.jar", "")).toBe("it is no zip archive");
  expect(await problem("a.jar", "x".repeat(100_000))).toBe("it is no zip archive");
  const whole = zip([LOG4J]);
  expect(await problem("a.jar", whole.slice(0, -1))).toBe("it is no zip archive");
  expect(await problem("a.jar", whole.slice(50))).toBe("the directory of the archive is damaged");
  expect(await names("a.jar", zip([]))).toEqual([]);
});
