/** CycloneDX's own schema of its documents. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Ajv } from "ajv";
import { expect, test } from "vitest";
import { toCycloneDx } from "../../../src/scan/sbom/cyclonedx.ts";
import { sampleOf } from "./sample.ts";

const ENTRY = fileURLToPath(import.meta.resolve("@cyclonedx/cyclonedx-library"));
const ROOT = ENTRY.slice(0, ENTRY.lastIndexOf("cyclonedx-library") + "cyclonedx-library".length);

function schema(name: string): object {
  const path = join(ROOT, "res/schema", `${name}.SNAPSHOT.schema.json`);
  return JSON.parse(readFileSync(path, "utf8")) as object;
}

// Formats, such as of times, need a package of their own. The schemas name each other beside themselves.
const ajv = new Ajv({ strict: false, validateFormats: false });
for (const name of ["spdx", "jsf-0.82", "cryptography-defs"]) {
  ajv.addSchema(schema(name), `http://cyclonedx.org/schema/${name}.SNAPSHOT.schema.json`);
}
const validate = ajv.compile(schema("bom-1.6"));

test.each(["apk", "deb", "rpm"] as const)("an image with %s is valid", (system) => {
  for (const image of [sampleOf(system), { ...sampleOf(system), distribution: null }]) {
    expect(validate(toCycloneDx(image)), JSON.stringify(validate.errors)).toBe(true);
  }
});

test("an image without packages is valid", () => {
  const image = { ...sampleOf("deb"), packages: [] };
  expect(validate(toCycloneDx(image)), JSON.stringify(validate.errors)).toBe(true);
});

test("what is not of the schema is not valid", () => {
  expect(validate({ ...toCycloneDx(sampleOf("deb")), packages: [] })).toBe(false);
});
