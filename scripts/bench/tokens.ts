/** How many registry tokens a second are given out: to nobody in particular, for a secret, for a password. */
import { withConnection } from "./client.ts";
import { textBody } from "./bodies.ts";
import type { Size } from "./main.ts";
import type { Case } from "./measure.ts";
import { CONCURRENCY, rateCases, type Target } from "./rates.ts";
import type { Bare, Slipway, Subjects } from "./subjects.ts";

const PASSWORD = "a password of the benchmark";

export async function tokenCases(
  { slipway, bare }: Subjects,
  amount: Size,
): Promise<readonly Case[]> {
  const user = `bench-${Date.now()}`;
  await post(slipway, "users", `admin:${slipway.password}`, { name: user, password: PASSWORD });
  const made = await post(slipway, "tokens", `${user}:${PASSWORD}`, { description: "bench" });
  const secret = String(made["secret"]);
  const row = await bareRow(bare);
  const asked: readonly [string, string | null][] = [
    ["anonymous", null],
    ["with a token", `${user}:${secret}`],
    ["with a password", `${user}:${PASSWORD}`],
  ];
  const cases = await Promise.all(
    asked.map(async ([title, credentials], i) => {
      const target = await tokenTarget(slipway, credentials);
      const name = i === 0 ? "token" : `token-${i}`;
      const heading = `registry tokens, ${title} (${CONCURRENCY} at once)`;
      const rate = { name, title: heading, slipway: target, bare: { ...row, target: null } };
      // By one client; pulls of manifests show what the other one makes of it.
      return rateCases(rate, amount).slice(0, 1);
    }),
  );
  return cases.flat();
}

async function tokenTarget(slipway: Slipway, credentials: string | null): Promise<Target> {
  const { url, host, pids } = slipway;
  const address = `${url}/token?service=${host}&scope=repository:bench/tokens:pull,push`;
  const headers: Record<string, string> =
    credentials === null ? {} : { authorization: basic(credentials) };
  const answer = await fetch(address, { headers });
  if (!answer.ok) throw new Error(`token: ${answer.status} ${await answer.text()}`);
  const size = (await answer.arrayBuffer()).byteLength;
  return { name: "slipway", pids, url: address, headers, size };
}

/** One query and one row: the least that a login can cost. */
async function bareRow({ url, pids }: Bare): Promise<Target> {
  const address = `${url}/row/token-${Date.now()}`;
  const body = textBody("x".repeat(200));
  await withConnection((send) => send({ method: "PUT", url: address, body, expect: 201 }));
  return { name: "bare one-query Worker", pids, url: address, headers: {}, size: body.size };
}

async function post(
  { url }: Slipway,
  path: string,
  credentials: string,
  body: object,
): Promise<Record<string, unknown>> {
  const answer = await fetch(`${url}/api/v1/${path}`, {
    method: "POST",
    headers: { authorization: basic(credentials), "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`POST ${path}: ${answer.status} ${await answer.text()}`);
  return (await answer.json()) as Record<string, unknown>;
}

function basic(credentials: string): string {
  return `Basic ${Buffer.from(credentials).toString("base64")}`;
}
