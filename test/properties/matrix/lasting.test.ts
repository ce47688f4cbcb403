/** Each way to give access × each kind of credentials: nothing outlasts the credentials that made it. */
import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test } from "vitest";
import { API_ROUTES } from "../../../src/api/routes.ts";
import { machineGrants } from "../../../src/auth/policy/access.ts";
import { signCredential } from "../../../src/auth/login/token.ts";
import { addRobot, addRule, addSecret, signAsRegistry } from "../../support/accounts.ts";
import { basic, HOST, RegistryClient, type Send, withSettings } from "../../support/client.ts";
import { api, done, PASSWORD, problem, unused } from "../../support/management.ts";
import { newNamespace, newUser } from "../../support/principals.ts";
import { leavesNothing } from "../../support/storage.ts";

const DAY = 86_400_000;
const HOUR = 3_600_000;

/** The kinds of credentials: whether they allow the action at all, and whether they end. */
const CREDENTIALS = {
  "the administrator's password": { may: "administer", ends: false },
  "an administrator's token without end": { may: "administer", ends: false },
  "an administrator's token for a day": { may: "administer", ends: true },
  "an administrator's token without end, where tokens hold for a month": {
    may: "administer",
    ends: true,
  },
  "the owner's password": { may: "own", ends: false },
  "the owner's token without end": { may: "own", ends: false },
  "the owner's token without end, for the namespace": { may: "own", ends: false },
  "the owner's token for a day": { may: "own", ends: true },
  "the owner's token for a day, for the namespace": { may: "own", ends: true },
  "a robot that administers": { may: "maintain", ends: false },
  "a robot that administers, for a day": { may: "maintain", ends: true },
  "a workload that administers": { may: "maintain", ends: true },
  "a registry token": { may: "nothing", ends: true },
} as const;
type Credential = keyof typeof CREDENTIALS;
const RIGHTS = ["nothing", "maintain", "own", "administer"] as const;
type Right = (typeof RIGHTS)[number];

interface Grant {
  readonly needs: Right;
  readonly route: string;
  readonly body: () => object;
}

let place: Readonly<Record<string, string>>;
let headers: Record<Credential, string>;
const limited = withSettings({ MAX_TOKEN_DAYS: "30" });

const SCOPES = () => [{ repositories: `${place[":namespace"]}/*`, actions: ["admin" as const] }];
const RULE = () => ({
  issuer: "https://issuer.example",
  audience: "https://registry.test",
  claims: { sub: ["someone"] },
  scopes: SCOPES(),
});
const ACME = "/namespaces/:namespace";

/** Things without an end of their own that give access. */
const GRANTS: Readonly<Record<string, Grant>> = {
  "a trust rule": {
    needs: "own",
    route: `POST ${ACME}/trust-rules`,
    body: () => ({ name: unused("rule"), ...RULE() }),
  },
  "another trust rule in a rule's place": {
    needs: "own",
    route: `PATCH ${ACME}/trust-rules/:rule`,
    body: () => ({ claims: { sub: [unused("another")] } }),
  },
  "a role": {
    needs: "own",
    route: `PUT ${ACME}/members/:user`,
    body: () => ({ role: "owner", repositories: `${place[":namespace"]}/${unused("app")}` }),
  },
  "a robot's scopes": {
    needs: "own",
    route: `PATCH ${ACME}/robots/:robot`,
    body: () => ({ scopes: SCOPES() }),
  },
  "a robot that is enabled": {
    needs: "own",
    route: `PATCH ${ACME}/robots/:robot`,
    body: () => ({ disabled: false }),
  },
  "what new repositories are": {
    needs: "own",
    route: `PATCH ${ACME}`,
    body: () => ({ visibility: "public" }),
  },
  "a public repository": {
    needs: "maintain",
    route: "POST /repositories",
    body: () => ({ name: `${place[":namespace"]}/${unused("app")}`, visibility: "public" }),
  },
  "a repository that becomes public": {
    needs: "maintain",
    route: "PATCH /repositories/:name+",
    body: () => ({ visibility: "public" }),
  },
  "a user": {
    needs: "administer",
    route: "POST /users",
    body: () => ({ name: unused("user"), password: PASSWORD }),
  },
  "an administrator": {
    needs: "administer",
    route: "PATCH /users/:user",
    body: () => ({ admin: true }),
  },
  "another's password": {
    needs: "administer",
    route: "PATCH /users/:user",
    body: () => ({ password: PASSWORD }),
  },
  "a user that is enabled": {
    needs: "administer",
    route: "PATCH /users/:user",
    body: () => ({ disabled: false }),
  },
  "a namespace's owner": {
    needs: "administer",
    route: "POST /namespaces",
    body: () => ({ name: unused("space"), owner: place[":user"] }),
  },
  "a public namespace": {
    needs: "administer",
    route: "POST /namespaces",
    body: () => ({ name: unused("space"), visibility: "public" }),
  },
};

/** Secrets can end, so they end with the credentials that made them; each of these asks for no end. */
const SECRETS: Readonly<Record<string, Grant & { readonly unlimited?: true }>> = {
  "a token": {
    needs: "own",
    unlimited: true,
    route: "POST /tokens",
    body: () => ({ description: "test" }),
  },
  "a robot with its first secret": {
    needs: "own",
    route: `POST ${ACME}/robots`,
    body: () => ({ name: unused("robot"), scopes: SCOPES() }),
  },
  "a robot's secret": {
    needs: "own",
    route: `POST ${ACME}/robots/:robot/tokens`,
    body: () => ({}),
  },
  "another end of a token": {
    needs: "own",
    unlimited: true,
    route: "PATCH /tokens/:token",
    body: () => ({}),
  },
  "another end of a robot's secret": {
    needs: "own",
    route: `PATCH ${ACME}/robots/:robot/tokens/:secret`,
    body: () => ({}),
  },
};

/** Routes that give no lasting access, and why. */
const OTHERS: Readonly<Record<string, string>> = {
  "PUT /me/password": "takes the password itself",
  "POST /sessions": "takes the password itself",
  "POST /oidc/exchange": "gives what ends within the hour",
  "PUT /namespaces/:namespace/quota": "is about room",
  "POST /exports": "writes a backup",
  "POST /exports/steps": "writes a backup",
  "POST /import": "brings back what was there, into an empty index",
  "POST /import/objects": "brings back what was there",
  "POST /fsck": "mends what is there",
  "POST /gc": "takes away",
  "POST /events/dead/:event/retry": "tells of what was done",
  "PUT /repositories/:name+/-/retention": "takes away",
  "PUT /namespaces/:namespace/retention": "takes away",
  "POST /repositories/:name+/-/retention/preview": "changes nothing",
  "POST /repositories/:name+/-/manifests/:digest/scan": "changes nothing",
  "PUT /repositories/:name+/-/scan-policy": "says what may be pulled by those who may pull",
  "PUT /namespaces/:namespace/scan-policy": "says what may be pulled by those who may pull",
  "POST /namespaces/:namespace/vulnerability-exceptions":
    "says what may be pulled by those who may pull",
  "PUT /namespaces/:namespace/signers/:signer":
    "says whose signatures count, which gives no access",
  "POST /repositories/:name+/-/delete": "takes away",
  "POST /repositories/:name+/-/restore": "brings back what was there",
  "POST /repositories/:name+/-/purge": "takes away",
};

beforeAll(async () => {
  const namespace = await newNamespace();
  const owner = await newUser({ [`${namespace}/*`]: "owner" });
  const chief = await newUser();
  const user = await newUser();
  await env.DB.prepare("UPDATE users SET admin = 1 WHERE name = ?1").bind(chief.name).run();
  place = { ":namespace": namespace, ":user": user.name, ":name+": `${namespace}/app` };
  const rule = await addRule(namespace, RULE());
  const robot = await addRobot(namespace, SCOPES());
  await new RegistryClient({ repository: `${namespace}/app` }).startUpload();
  await done("POST", "/repositories", { name: `${namespace}/app` });
  const everything = [{ repositories: "*", actions: ["admin" as const] }];
  const day = Date.now() + DAY;
  const signing = { key: env.TOKEN_KEY ?? "", nextKey: null, service: HOST };
  const until = Math.floor((Date.now() + HOUR) / 1000);
  const admission = { rule, grants: machineGrants(SCOPES()), until };
  const workload = { ruleGrants: [admission], subject: "someone", grantedAt: Date.now() + 1_000 };
  headers = {
    "the administrator's password": basic("admin", env.ADMIN_PASSWORD ?? ""),
    "an administrator's token without end": await of({ user: chief.name, scopes: everything }),
    "an administrator's token for a day": await of({
      user: chief.name,
      scopes: everything,
      expires: day,
    }),
    "an administrator's token without end, where tokens hold for a month": await youngToken(
      chief.name,
    ),
    "the owner's password": owner.authorization,
    "the owner's token without end": await of({ user: owner.name, scopes: everything }),
    "the owner's token without end, for the namespace": await of({
      user: owner.name,
      scopes: SCOPES(),
    }),
    "the owner's token for a day": await of({
      user: owner.name,
      scopes: everything,
      expires: day,
    }),
    "the owner's token for a day, for the namespace": await of({
      user: owner.name,
      scopes: SCOPES(),
      expires: day,
    }),
    "a robot that administers": await of({ robot }),
    "a robot that administers, for a day": await of({ robot, expires: day }),
    "a workload that administers": `Bearer ${(await signCredential(workload, signing)).token}`,
    "a registry token": await signAsRegistry({ repository: `${namespace}/app` }),
  };
  const other = await addRobot(namespace, SCOPES());
  // Uses another rule than the workload's: a change of its own rule would end its credentials.
  const changed = await addRule(namespace, RULE());
  place = { ...place, ":robot": shortOf(other), ":rule": shortOf(changed) };
});

async function of(secret: Parameters<typeof addSecret>[0]): Promise<string> {
  return `Bearer ${(await addSecret(secret)).secret}`;
}

/** Returns the name of a robot or rule within its namespace. */
function shortOf(name: string): string {
  return name.split("+", 2)[1] ?? "";
}

/** Makes a token as the API does, as old as now. */
async function youngToken(user: string): Promise<string> {
  const as = basic(user, "a password of twelve and more");
  const body = { description: "test", expiresInDays: null };
  return `Bearer ${(await done<{ secret: string }>("POST", "/tokens", body, { as })).secret}`;
}

function sendOf(credential: Credential): { readonly send?: Send } {
  return credential.endsWith("a month") ? { send: limited } : {};
}

async function call(credential: Credential, { route, body }: Grant, more: object = {}) {
  const [method = "", pattern = ""] = route.split(" ");
  const path = pattern.replaceAll(/:\w+\+?/g, (name) => place[name] ?? name);
  const options = { as: headers[credential], ...sendOf(credential) };
  return api(method, path, { ...body(), ...more }, options);
}

function mayDo(credential: Credential, { needs }: Grant): boolean {
  return RIGHTS.indexOf(CREDENTIALS[credential].may) >= RIGHTS.indexOf(needs);
}

const WHO = Object.keys(CREDENTIALS) as Credential[];

describe.each(Object.entries(GRANTS))("%s", (_, grant) => {
  test.each(WHO)("by %s", async (credential) => {
    if (mayDo(credential, grant) && !CREDENTIALS[credential].ends) {
      const response = await call(credential, grant);
      expect(response.ok, await response.clone().text()).toBe(true);
      return;
    }
    const response = await leavesNothing(() => call(credential, grant));
    const { errors } = await response.clone().json<{ errors?: unknown }>();
    expect(await problem(response)).toEqual({ status: 403, code: "DENIED" });
    // A caller without the right is not told to come back with the password.
    expect(errors).toEqual(mayDo(credential, grant) ? [{ needs: "password" }] : undefined);
  });
});

describe.each(Object.entries(SECRETS))("%s", (_, grant) => {
  test.each(WHO)("by %s", async (credential) => {
    const { ends } = CREDENTIALS[credential];
    const isLimited = credential.endsWith("for the namespace");
    const may = mayDo(credential, grant) && !(isLimited && grant.unlimited === true);
    await makeSecrets(credential);
    const endless = () => call(credential, grant, { expiresInDays: null });
    if (may && !ends) {
      expect(await endOf(await endless())).toBeNull();
      return;
    }
    const refusal = await leavesNothing(endless);
    const status = may && credential.endsWith("a month") ? [400, 403] : [403];
    expect(status).toContain(refusal.status);
    if (!may) return;
    // A day and an hour is beyond any of these; without an expiry the secret ends with them.
    const long = await leavesNothing(() => call(credential, grant, { expiresInDays: 31 }));
    expect(long.ok).toBe(false);
    if (grant.route.startsWith("PATCH")) return;
    const end = await endOf(await call(credential, grant));
    expect(end).not.toBeNull();
    expect(end ?? 0).toBeLessThanOrEqual(Date.now() + 30 * DAY);
  });
});

/** Makes secrets that end soon, for requests that extend them. */
async function makeSecrets(credential: Credential): Promise<void> {
  const { name } = await done<{ name: string }>("GET", "/me", undefined, {
    as: headers[credential],
    ...sendOf(credential),
  });
  const scopes = SCOPES();
  const expires = Date.now() + HOUR;
  const user = name === null || name.includes(":") || name.includes("+") ? null : name;
  const token = await addSecret({ user: user ?? place[":user"] ?? "", scopes, expires });
  const robot = `${place[":namespace"]}+${place[":robot"]}`;
  await env.DB.prepare("DELETE FROM tokens WHERE robot = ?1").bind(robot).run();
  const secret = await addSecret({ robot, expires });
  // Makes the tokens as old as if they had been created now.
  await env.DB.prepare("UPDATE tokens SET created_at = ?1 WHERE id IN (?2, ?3)")
    .bind(Date.now(), token.id, secret.id)
    .run();
  place = { ...place, ":token": token.id, ":secret": secret.id };
}

async function endOf(response: Response): Promise<number | null> {
  expect(response.ok, await response.clone().text()).toBe(true);
  const made = await response.json<{ expiresAt?: string; tokens?: [{ expiresAt: string }] }>();
  const end = made.tokens?.[0].expiresAt ?? made.expiresAt ?? null;
  return end === null ? null : Date.parse(end);
}

test("every route that changes something is among these, and says why where it grants nothing", () => {
  const changing = API_ROUTES.filter(({ method }) => method !== "GET" && method !== "DELETE");
  const routes = changing.map(({ method, path }) => `${method} ${path.replace("/api/v1", "")}`);
  const here = [...Object.values(GRANTS), ...Object.values(SECRETS)].map(({ route }) =>
    route.replace(":secret", ":token"),
  );
  expect([...new Set([...here, ...Object.keys(OTHERS)])].toSorted()).toEqual(routes.toSorted());
});
