import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { isAttachmentTag, isAttachmentTagSql } from "../../src/oci/attachment-tag.ts";

const HEX = "0123456789abcdef".repeat(4);

test.each([
  [`sha256-${HEX}`, true],
  [`sha256-${HEX}.sig`, true],
  [`sha256-${HEX}.att`, true],
  [`sha256-${HEX}.sbom`, true],
  [`sha256-${HEX}.sigs`, false],
  [`sha256-${HEX}0`, false],
  [`sha256-${HEX.slice(1)}`, false],
  [`sha512-${HEX}.sig`, false],
  ["v1.sig", false],
])("the code and the SQL agree whether %s is an attachment's tag", async (tag, expected) => {
  expect(isAttachmentTag(tag)).toBe(expected);
  const sql = `SELECT ${isAttachmentTagSql("?1")} AS found`;
  expect(await env.DB.prepare(sql).bind(tag).first("found")).toBe(Number(expected));
});
