/** Requests for registry tokens, and those that need only a login. */
import { env } from "cloudflare:workers";
import { expect } from "vitest";
import { signCredential } from "../../../src/auth/login/token.ts";
import { addRobot, addRule, addSecret, anyAddress } from "../../support/accounts.ts";
import { ADMIN, basic, HOST, type RegistryClient, tokenPath } from "../../support/client.ts";
import { type Issuer, startIssuer } from "../../support/issuer.ts";
import { done } from "../../support/management.ts";
import { newNamespace, newUser } from "../../support/principals.ts";
import type { Scenario } from "./run.ts";

const SCOPES = [{ repositories: "*", actions: ["pull" as const] }];
let issuer: Promise<Issuer> | null = null;

/** Returns a new address: too many failures of one address are answered with 429. */
function address(): Record<string, string> {
  return { "cf-connecting-ip": anyAddress() };
}

async function withToken(answer: Promise<Response>): Promise<Response> {
  const response = await answer;
  if (response.status === 200) expect(await response.clone().json()).toHaveProperty("token");
  return response;
}

function asking(
  name: string,
  credentials: (namespace: string) => Promise<readonly [username: string, password: string]>,
  status = 200,
): readonly Scenario[] {
  return [
    {
      name,
      route: "GET /token",
      prepare: async () => {
        const [username, secret] = await credentials(await newNamespace());
        const authorization = basic(username, secret);
        const sent = { ...address(), authorization };
        const path = tokenPath("repository:some/where:pull");
        return { send: (client) => withToken(client.get(path, sent)), expects: [status] };
      },
    },
    {
      name,
      route: "POST /token",
      prepare: async () => {
        const [username, secret] = await credentials(await newNamespace());
        const form = { grant_type: "password", service: HOST, username, password: secret };
        const body = new URLSearchParams(form).toString();
        const type = { "content-type": "application/x-www-form-urlencoded" };
        const sent = { ...address(), ...type };
        const send = (client: RegistryClient) =>
          withToken(client.as(null).request("POST", "/token", { headers: sent, body }));
        return { send, expects: [status] };
      },
    },
  ];
}

function workload(namespace: string): Promise<string> {
  issuer ??= startIssuer();
  return issuer.then(async (known) => {
    const audience = `https://${HOST}`;
    const scopes = [{ repositories: `${namespace}/*`, actions: ["pull" as const] }];
    const claims = { sub: ["someone"] };
    await addRule(namespace, { issuer: known.url, audience, claims, scopes });
    return known.sign({ aud: audience, sub: "someone" });
  });
}

export const LOGINS: readonly Scenario[] = [
  ...asking("the administrator", () => Promise.resolve(["admin", password()] as const)),
  ...asking("a user's password", async (namespace) => {
    const { authorization } = await newUser({ [`${namespace}/*`]: "reader" });
    const [name = "", ...rest] = atob(authorization.replace("Basic ", "")).split(":");
    return [name, rest.join(":")];
  }),
  ...asking(
    "a wrong password",
    () => Promise.resolve([crypto.randomUUID(), "wrong"] as const),
    401,
  ),
  ...asking("a user's token", async () => {
    const { name } = await newUser();
    return [name, (await addSecret({ user: name, scopes: SCOPES })).secret];
  }),
  ...asking("a wrong token", () => Promise.resolve(["nobody", "slp_wrong"] as const), 401),
  ...asking("a robot's token", async (namespace) => {
    const robot = await addRobot(namespace, [
      { repositories: `${namespace}/*`, actions: ["pull"] },
    ]);
    return [robot, (await addSecret({ robot })).secret];
  }),
  ...asking("an ID token", async (namespace) => ["oidc", await workload(namespace)]),
  ...asking("what an ID token was exchanged for", async (namespace) => {
    const scopes = [{ repositories: `${namespace}/*`, actions: ["pull" as const] }];
    const claims = { sub: ["someone"] };
    const rule = await addRule(namespace, { issuer: "", audience: "", claims, scopes });
    const until = Math.floor(Date.now() / 1000) + 600;
    const grantedAt = Date.now() + 1_000;
    const ruleGrants = [{ rule, grants: [], until }];
    const signing = { key: env.TOKEN_KEY, nextKey: null, service: HOST };
    return ["oidc", (await signCredential({ ruleGrants, subject: "x", grantedAt }, signing)).token];
  }),
  {
    name: "everyone's",
    route: "GET /token",
    prepare: () => {
      const path = tokenPath("repository:some/where:pull");
      return Promise.resolve({ send: (client) => client.as(null).get(path), expects: [200] });
    },
  },
  {
    name: "with a password",
    route: "GET /v2",
    prepare: () => Promise.resolve({ send: (client) => client.get("/v2/"), expects: [200] }),
  },
  {
    name: "with a registry token, which may have been revoked",
    route: "POST /v2/:name+/blobs/uploads",
    prepare: async (client) => {
      const token = await client.token(`repository:${client.repository}:pull,push`);
      const send = (sender: RegistryClient) => sender.as(token).request("POST", "blobs/uploads/");
      return { send, expects: [202] };
    },
  },
  {
    name: "all repositories",
    route: "GET /v2/_catalog",
    prepare: () =>
      Promise.resolve({ send: (client) => client.get("/v2/_catalog"), expects: [200] }),
  },
  {
    name: "as docker searches",
    route: "GET /v1/search",
    prepare: () =>
      Promise.resolve({ send: (client) => client.get("/v1/search?q=app"), expects: [200] }),
  },
  {
    name: "an ID token",
    route: "POST /api/v1/oidc/exchange",
    prepare: async () => {
      const namespace = await newNamespace();
      const token = await workload(namespace);
      const headers = { "content-type": "application/json", "cf-connecting-ip": anyAddress() };
      const body = JSON.stringify({ token, namespaces: [namespace] });
      const send = (client: RegistryClient) =>
        client.as(null).request("POST", "/api/v1/oidc/exchange", { headers, body });
      // Each exchange is audited, since each makes a credential; it changes nothing else.
      return { send, expects: [200], noted: true };
    },
  },
  {
    name: "its own",
    route: "DELETE /api/v1/oidc/credential",
    prepare: async () => {
      const namespace = await newNamespace();
      const body = { token: await workload(namespace), namespaces: [namespace] };
      const { password: credential } = await done<{ password: string }>(
        "POST",
        "/oidc/exchange",
        body,
        { as: null },
      );
      const as = `Bearer ${credential}`;
      const call = (client: RegistryClient, method: string, path: string) =>
        client.as(null).request(method, path, { headers: { authorization: as } });
      return {
        send: (client) => call(client, "DELETE", "/api/v1/oidc/credential"),
        expects: [204],
        // It is over by then.
        repeated: [401],
        actions: ["oidc.revoke"],
        verify: async (client) => {
          expect((await call(client, "GET", "/api/v1/me")).status).toBe(401);
        },
      };
    },
  },
];

function password(): string {
  return atob(ADMIN.replace("Basic ", "")).slice("admin:".length);
}
