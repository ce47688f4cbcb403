/**
 * The reasons why an ID token was refused, for its sender and for the owners of the rules that it was compared with.
 */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { anyAddress, from, logIn } from "../support/accounts.ts";
import { Outbox } from "../support/events.ts";
import { AUDIENCE, type Issuer, makeTrustRule, startIssuer } from "../support/issuer.ts";
import { api, done, makeNamespace } from "../support/management.ts";

const CLAIMS = {
  sub: "repo:acme/app:ref:refs/heads/main",
  repository_id: "123",
  ref: "refs/heads/main",
  aud: AUDIENCE,
};

interface Item {
  readonly actor: string;
  readonly via: string;
  readonly subject: string;
  readonly detail: string;
  readonly outcome: string;
}

let issuer: Issuer;
let outbox: Outbox;

beforeEach(async () => {
  issuer = await startIssuer();
  outbox = new Outbox();
});

afterEach(() => {
  vi.unstubAllGlobals();
});

/** @returns the namespace of a rule with these claims, and what its owners read of logins that failed */
async function makeRule(claims: Record<string, string[]>) {
  const { namespace, as } = await makeTrustRule(issuer, { claims });
  const path = `/namespaces/${namespace}/audit?action=login`;
  const logged = async () => (await done<{ items: Item[] }>("GET", path, undefined, { as })).items;
  return { namespace, logged };
}

/** @returns the message for the sender of the token */
async function exchange(claims: Record<string, unknown>, ...namespaces: string[]): Promise<string> {
  const send = from(anyAddress(), outbox.send);
  const body = { token: await issuer.sign(claims), namespaces };
  const response = await api("POST", "/oidc/exchange", body, { as: null, send });
  expect(response.status).toBe(401);
  return (await response.json<{ detail: string }>()).detail;
}

async function deliver(count: number): Promise<void> {
  await expect.poll(() => outbox.messages.length).toBe(count);
  await outbox.deliver();
}

const RULE = { repository_id: ["123"], ref: ["refs/tags/v*", "refs/heads/release/*"] };
const REF = '"ref" is "refs/heads/main", the rule wants "refs/tags/v* or refs/heads/release/*"';

test("a wrong claim is named with both values to the sender and to the owners in each namespace compared", async () => {
  const [one, two] = [await makeRule(RULE), await makeRule(RULE)];
  const bystander = await makeRule(RULE);
  const told = await exchange(CLAIMS, one.namespace, two.namespace);
  for (const { namespace } of [one, two]) expect(told).toContain(`${namespace}+ci: ${REF}`);
  await deliver(2);
  for (const { namespace, logged } of [one, two]) {
    expect(await logged()).toMatchObject([
      {
        actor: "oidc",
        via: "oidc",
        subject: CLAIMS.sub,
        detail: `no trust rule matches: ${namespace}+ci: ${REF}`,
        outcome: "failed",
      },
    ]);
  }
  expect(await bystander.logged()).toEqual([]);
});

test("docker's login and push with the ID token itself are told and recorded likewise", async () => {
  const { namespace, logged } = await makeRule(RULE);
  const send = from(anyAddress(), outbox.send);
  const scope = `repository:${namespace}/app:pull,push`;
  const response = await logIn("oidc", await issuer.sign(CLAIMS), scope, send);
  expect(response.status).toBe(401);
  const body = await response.json<{ errors: { message: string }[] }>();
  expect(body.errors[0]?.message).toContain(`${namespace}+ci: ${REF}`);
  await deliver(1);
  expect(await logged()).toHaveLength(1);
});

test("the token of another repository is told its own id, and only the owners the rule's", async () => {
  const { namespace, logged } = await makeRule(RULE);
  const told = await exchange({ ...CLAIMS, repository_id: "999" }, namespace);
  expect(told).toContain(`${namespace}: "repository_id" is "999"`);
  expect(told).not.toContain('"123"');
  await deliver(1);
  const [item] = await logged();
  expect(item?.detail).toContain('"repository_id" is "999", the rule wants "123"');
});

test("a wrong audience is told as a claim, with the one that the rule wants", async () => {
  const { namespace, logged } = await makeRule({ repository_id: ["123"] });
  const told = await exchange({ ...CLAIMS, aud: "https://github.com/acme" }, namespace);
  const why = `"aud" is "https://github.com/acme", the rule wants "${AUDIENCE}"`;
  expect(told).toContain(why);
  await deliver(1);
  expect((await logged())[0]?.detail).toContain(why);
});

test("a token that the issuer did not sign is in no namespace's log, and told nothing of its rules", async () => {
  const { namespace, logged } = await makeRule(RULE);
  const token = await issuer.sign(CLAIMS);
  // The issuer has other keys now.
  await startIssuer(issuer.url);
  const send = from(anyAddress(), outbox.send);
  const body = { token, namespaces: [namespace] };
  const response = await api("POST", "/oidc/exchange", body, { as: null, send });
  expect(response.status).toBe(401);
  expect(await response.text()).not.toContain("+ci");
  await deliver(1);
  expect(await logged()).toEqual([]);
});

test("three rules of one namespace are told at most, those of the token's own repository first", async () => {
  const { namespace, owner } = await makeNamespace();
  const as = owner.authorization;
  for (let i = 0; i < 8; i++) {
    const rule = {
      name: `r${i}`,
      issuer: issuer.url,
      audience: AUDIENCE,
      claims: i < 4 ? { repository_id: [`${i}`] } : RULE,
      scopes: [{ repositories: `${namespace}/*`, actions: ["push"] }],
    };
    await done("POST", `/namespaces/${namespace}/trust-rules`, rule, { as });
  }
  const told = await exchange(CLAIMS, namespace);
  expect([...told.matchAll(/\+(r\d): "ref"/g)].map(([, name]) => name)).toEqual(["r4", "r5", "r6"]);
  expect(told).not.toContain("repository_id");
});

test("others' tokens are told the namespace and whose they are, and neither a rule's name nor what else it asks for", async () => {
  const { namespace } = await makeRule({ ref: ["refs/tags/v*"], repository_id: ["123"] });
  const told = await exchange({ ...CLAIMS, repository_id: "999" }, namespace);
  expect(told).toContain(`${namespace}: "repository_id" is "999"`);
  expect(told).not.toContain("+ci");
  expect(told).not.toContain('"ref"');
});

test("others' tokens fill ten records of a namespace, and its own ones are recorded besides", async () => {
  const { namespace, logged } = await makeRule(RULE);
  for (let i = 0; i < 12; i++) {
    await exchange({ ...CLAIMS, sub: `other-${i}`, repository_id: "999" }, namespace);
  }
  await exchange(CLAIMS, namespace);
  await deliver(11);
  const subjects = (await logged()).map(({ subject }) => subject);
  expect(subjects).toHaveLength(11);
  expect(subjects).toContain(CLAIMS.sub);
});

test("beyond the failures of an address sender and owners are told what is wrong as before", async () => {
  const { namespace, logged } = await makeRule(RULE);
  const none = { limit: () => Promise.resolve({ success: false }) };
  outbox = new Outbox({ TOKEN_LIMIT: none as never });
  const send = from(anyAddress(), outbox.send);
  const ask = async (token: string) => {
    const body = { token, namespaces: [namespace] };
    const response = await api("POST", "/oidc/exchange", body, { as: null, send });
    expect(response.status).toBe(429);
    const { detail } = await response.json<{ detail: string }>();
    expect(detail).toContain("too many failed logins; try again in 60 seconds: ");
    return detail;
  };
  expect(await ask(await issuer.sign(CLAIMS))).toContain(REF);
  await deliver(1);
  expect((await logged())[0]?.detail).toContain(REF);
  expect(await ask("x")).toContain("send an OIDC ID token");
});
