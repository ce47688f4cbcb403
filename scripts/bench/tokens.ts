/** Registry tokens per second: anonymous, for a secret, for a password. */
import { textBody } from "./bodies.ts";
import { withConnection } from "./client.ts";
import type { Case } from "./measure.ts";
import { type Asked, rateCase } from "./rates.ts";
import type { Size } from "./size.ts";
import type { Subject } from "./subject.ts";
import { BARE, basic, type Registry, type Subjects } from "./subjects.ts";

const PASSWORD = "a password of the benchmark";

/** None of the peers issues tokens by itself. */
export async function* tokenCases({ slipway, bare }: Subjects, size: Size): AsyncGenerator<Case> {
  const user = `bench-${Date.now()}`;
  await post(slipway, "users", slipway.credentials, { name: user, password: PASSWORD });
  const made = await newSecret(slipway, `${user}:${PASSWORD}`);
  const row = await bareRow(bare);
  const asked: readonly [string, string, string | null][] = [
    ["anonymous", "registry token, anonymous", null],
    ["secret", "registry token for a secret", `${user}:${made}`],
    ["password", "registry token for a password", `${user}:${PASSWORD}`],
  ];
  for (const [name, title, credentials] of asked) {
    const ours = askedFor(slipway, credentials);
    const targets = [{ against: BARE, least: null }];
    yield rateCase(
      { name: `token-${name}`, title, connections: 16, asked: [ours, row], targets },
      size,
    );
  }
}

/** Makes a secret of this user, for use in place of the password. */
export async function newSecret(slipway: Registry, credentials: string | null): Promise<string> {
  const made = await post(slipway, "tokens", credentials, { description: "bench" });
  return String(made["secret"]);
}

function askedFor(slipway: Registry, credentials: string | null): Asked {
  const { url } = slipway;
  const address = `${url}/token?service=${new URL(url).host}&scope=repository:bench/tokens:pull,push`;
  const headers: Record<string, string> =
    credentials === null ? {} : { authorization: basic(credentials) };
  return { subject: slipway, url: address, headers: async () => headers, size: null };
}

/** Measures one query for one row: the least that a login can cost. */
async function bareRow(bare: Subject): Promise<Asked> {
  const url = `${bare.url}/row/token-${Date.now()}`;
  const body = textBody("x".repeat(200));
  await withConnection((send) => send({ method: "PUT", url, body, expect: 201 }));
  return { subject: bare, url, headers: async () => ({}), size: body.size };
}

async function post(
  { url }: Registry,
  path: string,
  credentials: string | null,
  body: object,
): Promise<Record<string, unknown>> {
  const answer = await fetch(`${url}/api/v1/${path}`, {
    method: "POST",
    headers: { authorization: basic(credentials ?? ""), "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`POST ${path}: ${answer.status} ${await answer.text()}`);
  return (await answer.json()) as Record<string, unknown>;
}
