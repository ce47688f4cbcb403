import type { AnyEntry } from "../../src/events/catalogue.ts";
import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { auditEvent, AuditStore, type AuditEntry } from "../../src/db/audit.ts";
import { all } from "../support/lists.ts";
import { api, done, problem } from "../support/management.ts";
import { newNamespace, newUser } from "../support/principals.ts";

interface Event {
  id: string;
  time: string;
  actor: string;
  action: string;
  repository: string | null;
}

const START = Date.parse("2026-03-01T00:00:00Z");
const MINUTE = 60_000;

/** Inserts events, one a minute. Their fields are those that the test filters by, whatever their actions have. */
async function insert(count: number, entry: (minute: number) => AnyEntry & { actor?: string }) {
  const events = Array.from({ length: count }, (_, minute) => {
    const { actor = "alice", ...rest } = entry(minute);
    const initiator = {
      subject: null,
      via: "password",
      address: "local",
      agent: "x",
      requestId: "r",
    };
    return auditEvent({ ...initiator, actor }, rest as AuditEntry, "done", START + minute * MINUTE);
  });
  for (let i = 0; i < count; i += 2000) await new AuditStore(env.DB).add(events.slice(i, i + 2000));
}

function minutes(events: readonly Event[]): number[] {
  return events.map(({ time }) => (Date.parse(time) - START) / MINUTE);
}

test("the audit log: what was done, the newest first, page by page", async () => {
  const namespace = await newNamespace();
  const repository = `${namespace}/app`;
  await insert(5, () => ({ action: "tag.delete", repository, reference: "latest" }));
  const path = `/audit?repository=${repository}`;
  const events = await all<Event>(path);
  expect(minutes(events)).toEqual([4, 3, 2, 1, 0]);
  expect(events[0]).toEqual({
    id: expect.stringMatching(/^[0-9a-f]{28}$/),
    time: "2026-03-01T00:04:00.000Z",
    actor: "alice",
    subject: null,
    via: "password",
    action: "tag.delete",
    namespace,
    repository,
    reference: "latest",
    digest: null,
    detail: null,
    address: "local",
    agent: "x",
    requestId: "r",
    outcome: "done",
  });
  for (const limit of [1, 2, 5]) expect(await all(`${path}&limit=${limit}`)).toEqual(events);
});

async function found(query: string): Promise<number[]> {
  return minutes(await all<Event>(`/audit?${query}&limit=2`));
}

test("the audit log: each filter, and all of them together", async () => {
  const namespace = await newNamespace();
  const [actor, action] = [`a-${namespace}`, "robot.token.update"] as const;
  await insert(8, (minute) => ({
    actor: minute % 2 === 0 ? actor : "other",
    action: minute < 4 ? action : "tag.delete",
    repository: `${namespace}/${minute % 4 === 0 ? "a" : "b"}`,
  }));
  expect(await found(`namespace=${namespace}`)).toEqual([7, 6, 5, 4, 3, 2, 1, 0]);
  expect(await found(`repository=${namespace}/a`)).toEqual([4, 0]);
  expect(await found(`actor=${actor}`)).toEqual([6, 4, 2, 0]);
  expect(await found(`action=${action}`)).toEqual([3, 2, 1, 0]);
  expect(await found(`actor=${actor}&action=${action}`)).toEqual([2, 0]);
  const since = `namespace=${namespace}&since=2026-03-01T00:02:00Z`;
  expect(await found(since)).toEqual([7, 6, 5, 4, 3, 2]);
  expect(await found(`${since}&until=2026-03-01T01:04:00%2B01:00`)).toEqual([3, 2]);
  expect(await found(`${since}&until=2026-03-01`)).toEqual([]);
  const every = `namespace=${namespace}&repository=${namespace}/a&actor=${actor}&action=${action}`;
  expect(await found(every)).toEqual([0]);
});

async function refusal(action: string) {
  const answer = await api("GET", `/audit?action=${action}`);
  const { code, detail } = await answer.json<{ code: string; detail: string }>();
  return [answer.status, code, detail.slice(0, 80)];
}

test("the audit log: an unknown action is refused, with the known ones that are like it", async () => {
  expect(await refusal("tag.delet")).toEqual([
    400,
    "FIELD_INVALID",
    "action: there is no such action; did you mean tag.delete?",
  ]);
  expect((await refusal("quota")).at(-1)).toContain("did you mean quota.update, quota.warn?");
  expect((await refusal("constructor")).at(-1)).toContain("the actions are audit.suppress, blob.");
  // A denied request's action is its method and route.
  expect(await found("action=PUT /v2/:name/manifests/:reference")).toEqual([]);
});

async function outcomes(query: string): Promise<string[]> {
  const events = await all<Event & { outcome: string }>(`/audit?${query}`);
  return events.map(({ outcome }) => outcome);
}

test("the audit log: by outcome, alone and with other filters, however much was done meanwhile", async () => {
  const namespace = await newNamespace();
  const initiator = {
    subject: null,
    via: "password",
    address: "local",
    agent: "x",
    requestId: "r",
  };
  const refused = (["denied", "failed"] as const).map((outcome, i) =>
    auditEvent(
      { ...initiator, actor: namespace },
      { action: "login", namespace },
      outcome,
      START + i * MINUTE,
    ),
  );
  await new AuditStore(env.DB).add(refused);
  await insert(5_100, () => ({ action: "tag.delete", namespace }));
  expect(await outcomes("outcome=denied")).toEqual(["denied"]);
  expect(await outcomes(`outcome=failed&actor=${namespace}`)).toEqual(["failed"]);
  expect(await outcomes(`outcome=denied&namespace=${namespace}`)).toEqual(["denied"]);
  const ten = "until=2026-03-01T00:10:00Z&outcome=done";
  expect(await outcomes(`${ten}&namespace=${namespace}`)).toEqual(Array(10).fill("done"));
  expect(new Set(await outcomes(ten))).toEqual(new Set(["done"]));
  expect(await outcomes(`outcome=done&actor=${namespace}`)).toEqual([]);
});

test.each([
  "outcome=refused",
  "outcom=denied",
  "outcome=denied&outcome=done",
  "since=yesterday",
  "since=2026-02-30",
  "until=2026-03-01T25:00:00Z",
  "until=2026-03-01T10:00:00",
  "since=1",
  "since=",
  "limit=-1",
])("the audit log: refuses ?%s and says what is wrong", async (query) => {
  const response = await api("GET", `/audit?${query}`);
  const { detail } = await response.clone().json<{ detail: string }>();
  expect(await problem(response)).toMatchObject({ status: 400 });
  expect(detail).toContain(query.split("=")[0]);
});

test("the audit log: for administrators alone", async () => {
  const namespace = await newNamespace();
  const owner = await newUser({ [`${namespace}/*`]: "owner" });
  expect((await api("GET", "/audit", undefined, { as: null })).status).toBe(401);
  const response = await api("GET", "/audit", undefined, { as: owner.authorization });
  expect(await problem(response)).toEqual({ status: 403, code: "DENIED" });
});

test("the audit log in a namespace: its owners see what happened there, and nothing else", async () => {
  const [namespace, other] = [await newNamespace(), await newNamespace()];
  await insert(3, () => ({ action: "tag.delete", repository: `${namespace}/app` }));
  await insert(3, () => ({ action: "tag.delete", repository: `${other}/app` }));
  const owner = await newUser({ [`${namespace}/*`]: "owner" });
  const options = { as: owner.authorization };
  const seen = (query: string) => all<Event>(`/namespaces/${namespace}/audit${query}`, options);
  expect(minutes(await seen(""))).toEqual([2, 1, 0]);
  expect(minutes(await seen(`?repository=${namespace}/app&actor=alice`))).toEqual([2, 1, 0]);
  const wider = await api(
    "GET",
    `/namespaces/${namespace}/audit?namespace=${other}`,
    undefined,
    options,
  );
  expect(await problem(wider)).toEqual({ status: 400, code: "FIELD_INVALID" });
  expect((await seen("")).every(({ repository }) => repository === `${namespace}/app`)).toBe(true);
  const elsewhere = await api("GET", `/namespaces/${other}/audit`, undefined, options);
  expect(elsewhere.status).toBe(403);
  const writer = await newUser({ [`${namespace}/*`]: "maintainer" });
  const denied = await api("GET", `/namespaces/${namespace}/audit`, undefined, {
    as: writer.authorization,
  });
  expect(denied.status).toBe(403);
});

test.each(["", "-more/app"])(
  "the audit log in a namespace: refuses a repository outside of it, whether there are events or none: %j",
  async (suffix) => {
    const namespace = await newNamespace();
    const repository = suffix === "" ? await newNamespace() : `${namespace}${suffix}`;
    // Inserts so many entries that a search stops before it has read all of them.
    await insert(5_001, () => ({ action: "tag.delete", repository }));
    const owner = await newUser({ [`${namespace}/*`]: "owner" });
    for (const name of [repository, `${repository}/none`]) {
      for (const accept of ["application/json", "application/x-ndjson"]) {
        const path = `/namespaces/${namespace}/audit?repository=${name}`;
        const options = { as: owner.authorization, headers: { accept } };
        const response = await api("GET", path, undefined, options);
        expect(await problem(response)).toEqual({ status: 400, code: "FIELD_INVALID" });
      }
    }
    const own = `/namespaces/${namespace}/audit?repository=${namespace}`;
    expect(await all(own, { as: owner.authorization })).toEqual([]);
  },
);

/** Reads the export, an entry a line. */
async function exported(path: string): Promise<Event[]> {
  const headers = { accept: "text/html, application/x-ndjson;q=0.9" };
  const response = await api("GET", path, undefined, { headers });
  expect(response.headers.get("content-type")).toBe("application/x-ndjson");
  const text = new TextDecoder().decode(await response.arrayBuffer());
  expect(text === "" || text.endsWith("\n")).toBe(true);
  return text.split("\n").flatMap((line) => (line === "" ? [] : (JSON.parse(line) as Event)));
}

test("JSON lines: the whole range, over several pages, with the same filters", async () => {
  const namespace = await newNamespace();
  await insert(2300, (minute) => ({
    action: "tag.delete",
    repository: `${namespace}/app`,
    actor: minute % 2 === 0 ? "even" : "odd",
  }));
  const path = `/namespaces/${namespace}/audit`;
  const lines = (query: string) => exported(`${path}?${query}`);
  const events = await lines("limit=10");
  expect(events).toHaveLength(2300);
  expect(minutes(events)[0]).toBe(2299);
  expect(minutes(events).at(-1)).toBe(0);
  expect(await lines("actor=odd")).toHaveLength(1150);
  expect(await lines("until=2026-03-01T00:10:00Z")).toHaveLength(10);
  expect(await lines("actor=nobody")).toEqual([]);
  expect(await lines(`after=${events[2289]?.id ?? ""}`)).toHaveLength(10);
});

test("filters that have little in common look at so much at once, and find what lies behind", async () => {
  const namespace = await newNamespace();
  await insert(12_000, (minute) => ({
    action: minute === 3 ? "quota.warn" : "tag.delete",
    actor: minute === 4 ? "eve" : "alice",
    namespace,
  }));
  const path = `/audit?namespace=${namespace}&action=quota.warn`;
  const first = await done<{ items: unknown[]; next: string }>("GET", path);
  expect(first.items).toEqual([]);
  expect(first.next).not.toBeNull();
  expect(minutes(await all<Event>(path))).toEqual([3]);
  // An export has no next page, so it searches on by itself, to the end.
  expect(minutes(await exported(path))).toEqual([3]);
  expect(await exported(`${path}&actor=eve`)).toEqual([]);
  expect(await all(`${path}&actor=eve`)).toEqual([]);
  expect(minutes(await all<Event>(`/audit?namespace=${namespace}&actor=eve`))).toEqual([4]);
});
