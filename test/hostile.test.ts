/** Nothing that a client sends makes a 500: every route and method, with every kind of odd value in every place. */
import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { ROUTES } from "../src/routes.ts";
import { RegistryClient, uploadIdOf } from "./support/client.ts";
import { blob, imageManifest, random, text } from "./support/images.ts";
import { sized } from "./support/sample.ts";

const ROUNDS = sized("hostile requests", 250, 1_000);
const SEED = Number(env.TEST_SEED === "" ? 20_261_123 : env.TEST_SEED);

const ODD = [
  "",
  "0",
  "-1",
  "1e9",
  "99999999999999999999",
  "null",
  "[]",
  '{"a":1}',
  "a".repeat(3_000),
  "%00",
  "%",
  "%ff%fe",
  "..",
  "%2e%2e%2f",
  "a%2Fb",
  "'; DROP TABLE tags; --",
  "\u{1f433}",
  "constructor",
  "__proto__",
  "sha256:",
  `sha256:${"0".repeat(64)}`,
  `sha512:${"f".repeat(128)}`,
  `sha256:${"g".repeat(64)}`,
  "bytes=0-0,1-1",
  "bytes=-9999999999999999999999",
  "0-99999999999999",
  'W/"x"',
];
const QUERIES = [
  "digest",
  "mount",
  "from",
  "n",
  "last",
  "tag",
  "artifactType",
  "_offset",
  "scope",
  "digest-algorithm",
];
const HEADERS = [
  "range",
  "content-range",
  "content-type",
  "if-none-match",
  "authorization",
  "accept",
  "expect",
];
const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

test(`${ROUNDS} hostile requests from the seed ${SEED} are all answered below 500`, async () => {
  const client = new RegistryClient();
  const config = await client.pushBlob(blob());
  const image = await client.pushManifest(imageManifest({ config }), "latest");
  const upload = uploadIdOf(await client.startUpload());
  const good = [client.repository, config.digest, image.digest, "latest", upload];
  const next = random(SEED);
  const one = <T>(values: readonly T[]): T => values[next() % values.length] as T;
  const value = (): string => one(next() % 2 === 0 ? good : ODD);
  for (let round = 0; round < ROUNDS; round++) {
    const route = one(ROUTES);
    const method = next() % 4 === 0 ? one(METHODS) : route.method;
    const path = route.path.replaceAll(/:\w+\+?/g, value);
    const query = Array.from({ length: next() % 3 }, () => `${one(QUERIES)}=${value()}`);
    const headers: Record<string, string> = {};
    for (let i = next() % 3; i > 0; i--) headers[one(HEADERS)] = asHeader(value());
    const bytes = text(value()).bytes;
    const body = ["GET", "HEAD"].includes(method) ? null : one([null, bytes]);
    const url = `${path}${next() % 5 === 0 ? "/" : ""}?${query.join("&")}`;
    const response = await client.request(method, url, { headers, body });
    expect(response.status, `${method} ${url} ${JSON.stringify(headers)}`).toBeLessThan(500);
    expect(response.headers.get("x-request-id")).not.toBeNull();
    await response.arrayBuffer();
  }
});

/** Header values consist of bytes; other characters cannot be sent. */
function asHeader(value: string): string {
  return value.replaceAll(/[^\x20-\x7e]/gu, "?");
}
