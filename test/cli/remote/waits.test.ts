/** What is said while a command waits for a registry, and what a refusal says. */
import { Readable } from "node:stream";
import { afterEach, expect, test } from "vitest";
import { refused } from "../../../src/cli/image/refusal.ts";
import { waitToRetry } from "../../../src/cli/remote/backoff.ts";
import type { Answer } from "../../../src/cli/remote/upstream.ts";
import { writeBy } from "../../../src/cli/report.ts";

const MAX_TRIES = 14;

afterEach(() => writeBy(null));

function answer(status: number, headers: Answer["headers"] = {}): Answer {
  return { status, headers, body: Readable.from([]) };
}

test("a wait says why, how long, and when it is given up; layers that wait together say it once", async () => {
  const said: string[] = [];
  writeBy((text) => said.push(text));
  const lost = Object.assign(new Error("connect"), { code: "ECONNREFUSED" });
  const wait = (origin: string, result: Answer | Error, failures: number) =>
    // Nobody waits here: what is said is said before.
    expect(
      waitToRetry({ origin, result, failures, maxTries: MAX_TRIES }, AbortSignal.abort()),
    ).rejects.toThrow();
  await wait("https://a.example", lost, 1);
  await wait("https://a.example", lost, 8);
  await wait("https://a.example", lost, 8);
  await wait("https://b.example", answer(429, { "retry-after": "30" }), 1);
  await wait("https://c.example", lost, MAX_TRIES - 1);
  expect(said).toEqual([
    expect.stringMatching(
      /^slipway: warning: https:\/\/a\.example does not answer \(nothing listens there\); trying again in (1\d|20) s, giving up in about (8|9)\d s$/,
    ),
    "slipway: warning: https://b.example answered 429; trying again in 30 s, giving up in about 144 s",
    expect.stringMatching(
      /c\.example does not answer .* trying again in \d+ s, for the last time$/,
    ),
  ]);
});

test("a 401 without words says where to log in", async () => {
  const { message, hint } = await refused(
    answer(401),
    "look for the manifest v1 of acme/app",
    "https://registry.example.com",
  );
  expect([message, hint?.replaceAll("\u00A0", " ")]).toEqual([
    "cannot look for the manifest v1 of acme/app: registry.example.com wants a login",
    "Log in: slipway login registry.example.com or docker login registry.example.com. A login that is there already may have ended.",
  ]);
});
