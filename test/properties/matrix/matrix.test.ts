/** Every route × every principal: the answer to each. */
import { env } from "cloudflare:workers";
import { beforeAll, beforeEach, expect, test } from "vitest";
import { handle } from "../../production/request.ts";
import type { EventMessage } from "../../../src/events/message.ts";
import { ROUTES } from "../../../src/routes.ts";
import { HOST, INITIATOR, type Send } from "../../support/client.ts";
import { sample } from "../../support/sample.ts";
import { leavesNothing } from "../../support/storage.ts";
import { makePrincipals, type Principal, PRINCIPALS } from "./principals.ts";
import { type Attempt, ATTEMPTS, type Need } from "./requests.ts";

const ANYONE: readonly Need[] = ["nothing", "a token"];
const SOMEONE: readonly Need[] = [...ANYONE, "to be someone"];
const PERSON: readonly Need[] = [...SOMEONE, "to be a person", "to have a password here"];
const ADMINISTRATOR: readonly Need[] = [
  ...SOMEONE,
  "to be a person",
  "pull",
  "push",
  "delete",
  "maintain",
  "own",
  "administer",
];
/** The rights of each principal in `acme/app`; principals that are missing here have no valid credentials. */
const ALLOWED: Partial<Record<Principal, readonly Need[]>> = {
  anonymous: ANYONE,
  outsider: PERSON,
  reader: [...PERSON, "pull"],
  writer: [...PERSON, "pull", "push"],
  maintainer: [...PERSON, "pull", "push", "delete", "maintain"],
  owner: [...PERSON, "pull", "push", "delete", "maintain", "own"],
  administrator: ADMINISTRATOR,
  // A session may what its user may; the built-in administrator has no password here.
  "session of the outsider": PERSON,
  "session of the reader": [...PERSON, "pull"],
  "session of the writer": [...PERSON, "pull", "push"],
  "session of the maintainer": [...PERSON, "pull", "push", "delete", "maintain"],
  "session of the owner": [...PERSON, "pull", "push", "delete", "maintain", "own"],
  "session of the administrator": ADMINISTRATOR,
  "robot that may pull": [...SOMEONE, "pull"],
  "robot of another repository": SOMEONE,
  "robot that administers": [...SOMEONE, "pull", "push", "delete", "maintain"],
  "token of the owner that may pull": [...SOMEONE, "pull"],
  "workload that may push": [...SOMEONE, "pull", "push"],
};

/** The scopes that clients ask the token service for. */
const SCOPES: Partial<Record<Need, string>> = {
  pull: "repository:acme/app:pull",
  push: "repository:acme/app:pull,push",
  delete: "repository:acme/app:delete",
  "a token": "registry:catalog:*",
};

/** Limits on guessing have their own tests: here the same wrong password comes a hundred times. */
const always = { limit: () => Promise.resolve({ success: true }) };
/** The messages for the audit log. */
const events: EventMessage[] = [];
const newQueue = () => ({
  send: (message: EventMessage) => Promise.resolve(events.push(message)),
});
let queue = newQueue();
const limits = {
  PASSWORD_LIMIT: always,
  STRANGER_LIMIT: always,
  TOKEN_LIMIT: always,
  DENIED_LIMIT: always,
};
// Each test has a queue of its own, since an isolate sends only so many denials to one.
const changed = {
  ...env,
  ...limits,
  get EVENTS() {
    return queue;
  },
} as never;
const deferred: Promise<unknown>[] = [];
const send: Send = (request) => handle(request, changed, (work) => void deferred.push(work));
let principals: Record<Principal, Record<string, string>>;

beforeAll(async () => {
  principals = await makePrincipals();
});

/** Failures are counted: without this the last of them would have to wait. */
beforeEach(async () => {
  await env.DB.exec("DELETE FROM login_failures");
  events.length = 0;
  queue = newQueue();
  deferred.length = 0;
});

test("the matrix has every route, and no other", () => {
  const routes = ROUTES.map(({ method, path }) => `${method} ${path}`);
  expect(Object.keys(ATTEMPTS).toSorted()).toEqual(routes.toSorted());
});

/** Every GET is also tried as a HEAD. */
const HEADS = Object.entries(ATTEMPTS).flatMap(([route, attempt]) =>
  route.startsWith("GET /v2") ? [[route.replace("GET", "HEAD"), attempt] as const] : [],
);

const ASKED = [...Object.entries(ATTEMPTS), ...HEADS].flatMap(([route, attempt]) =>
  PRINCIPALS.map((principal) => [route, principal, attempt] as const),
);

test.each(sample("routes × principals", ASKED, { few: 250 }))(
  "%s is answered as the policy says: %s",
  async (route, principal, attempt) => {
    const [method = "", path = ""] = route.split(" ");
    const headers = principals[principal];
    const request = () => ask(method, attempt, headers, path.startsWith("/v2"));
    const response = await leavesNothing(request);
    const status = expected(heard(principal, route), attempt);
    // A HEAD of a blob without the right answers 404: it has no body for a message, and clients would stop at a 403.
    const isHidden = status === 403 && route === "HEAD /v2/:name+/blobs/:digest";
    const seen = isHidden ? 404 : status;
    expect(response.status, await response.clone().text()).toBe(seen);
    // Whatever the answer says, the log records a denial, and nothing else.
    await Promise.all(deferred);
    const denials = events.filter(
      (event) => event.kind === "audit" && event.event.outcome === "denied",
    );
    expect(denials).toHaveLength(status === 403 ? 1 : 0);
    if (response.status === 401) expect(response.headers.has("www-authenticate")).toBe(true);
  },
);

/** Returns whom a route sees: outside of the management API nobody looks at a cookie, nor does a sign-in. */
function heard(principal: Principal, route: string): Principal {
  const isHeard = route.includes(" /api/") && route !== "POST /api/v1/sessions";
  return principal.startsWith("session ") && !isHeard ? "anonymous" : principal;
}

function expected(principal: Principal, { need, path, status }: Attempt): number {
  if (need === "anybody") return status;
  const allowed = ALLOWED[principal];
  if (allowed === undefined) return 401;
  if (allowed.includes(need)) return status;
  // An anonymous token that was refused a push will be refused again: after a 401 clients would ask once more.
  const isFinal = path.startsWith("/v2/") && (need === "push" || need === "delete");
  return principal === "anonymous" && !isFinal ? 401 : 403;
}

/** Sends registry routes with a token for them, as clients do, and others with the credentials themselves. */
async function ask(
  method: string,
  { need, path, body }: Attempt,
  own: Record<string, string>,
  withToken: boolean,
): Promise<Response> {
  const address = `192.0.2.${crypto.getRandomValues(new Uint8Array(1))[0]}`;
  const common = { "cf-connecting-ip": address, "content-type": "application/json" };
  const headers = new Headers({ ...common, ...own });
  if (path === "/token" && method === "POST") {
    const { authorization = null, ...others } = own;
    const [username = "", password = ""] = credentialsOf(authorization);
    const form = new URLSearchParams({ grant_type: "password", username, password });
    return send(new Request(INITIATOR + path, { method, headers: others, body: form }));
  }
  if (withToken) {
    const scope = SCOPES[need];
    const query = scope === undefined ? "" : `&scope=${encodeURIComponent(scope)}`;
    const answer = await send(
      new Request(`${INITIATOR}/token?service=${HOST}${query}`, { headers }),
    );
    if (!answer.ok) return answer;
    headers.set("authorization", `Bearer ${(await answer.json<{ token: string }>()).token}`);
  }
  return send(new Request(INITIATOR + path, { method, headers, body: body ?? null }));
}

function credentialsOf(authorization: string | null): string[] {
  const text = Uint8Array.fromBase64((authorization ?? "").slice("Basic ".length));
  return new TextDecoder().decode(text).split(/:(.*)/);
}
