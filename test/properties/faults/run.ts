/** One request with one fault, the client's reaction, and what must hold in the end. */
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { handle } from "../../production/request.ts";
import { skip } from "../../production/invocation.ts";
import { anyAddress } from "../../support/accounts.ts";
import { ADMIN, RegistryClient, uploadOf } from "../../support/client.ts";
import { sample, tell } from "../../support/sample.ts";
import { applies, Faults, type Mode } from "./faults.ts";
import {
  collect,
  deeds,
  expectClean,
  expectNothingLeft,
  expectReadable,
  makeThere,
  snapshot,
  wipe,
} from "./invariants.ts";

/** A request, and its allowed answers. */
export interface Attempt {
  /** Sends it, with a body of its own each time. */
  readonly send: (client: RegistryClient) => Promise<Response>;
  /** The statuses of success. */
  readonly expects: readonly number[];
  /**
   * Answers allowed when the request, or another one, has taken effect already: no failure, or one that `restart`
   * repairs.
   */
  readonly repeated?: readonly number[];
  /** Answers allowed when what it needs was garbage-collected in the meantime. */
  readonly collected?: readonly number[];
  /** The work before the next try. */
  readonly later?: () => Promise<unknown>;
  /** Starts from the beginning, as clients do when a repetition is refused. Without it, the work is done by then. */
  readonly restart?: (client: RegistryClient) => Promise<Response>;
  /** The audit events of one such change; none for a request that changes nothing. */
  readonly actions?: readonly string[];
  /** Whether it is audited although it changes nothing. */
  readonly noted?: boolean;
  /** Checks the state after a success. */
  readonly verify?: (client: RegistryClient) => Promise<void>;
}

export interface Scenario {
  /** The name that tells it from other scenarios of the route. */
  readonly name: string;
  /** `METHOD path` of the route table. */
  readonly route: string;
  /** Makes what the request needs, with a registry in which nothing fails. */
  readonly prepare: (client: RegistryClient) => Promise<Attempt>;
  /** A request that only reads, so that one preparation is enough for all its runs. */
  readonly reads?: true;
}

const MODES: readonly Mode[] = ["lost", "unanswered", "busy", "busy, but done"];
type Other = "nobody" | "the same" | "a collection";

interface Run {
  readonly call: number;
  readonly mode: Mode;
  readonly other: Other;
}

/** Of the scenarios of one file. */
const SCENARIOS = { few: 4 };
/** Of each scenario's runs, besides the one without a fault. */
const RUNS = { few: 2, many: 2 };

/** Ends all pauses between tries at once, and reports no fault. */
export async function hurry(): Promise<void> {
  const wait = scheduler.wait.bind(scheduler);
  vi.spyOn(scheduler, "wait").mockImplementation((milliseconds) => {
    skip(milliseconds);
    return wait(Math.min(milliseconds, 1));
  });
  vi.spyOn(console, "error").mockImplementation(() => {});
  await makeThere();
  // The first login with a password is rate limited.
  await new RegistryClient().request("GET", "/v2/", { headers: { [ADDRESS]: HOME } });
}

interface Tally {
  scenarios: number;
  calls: number;
  runs: number;
}

/** A test of each scenario, or of some. @param area what the requests of all of them are about */
export function injectAll(area: string, scenarios: readonly Scenario[]): void {
  const tally: Tally = { scenarios: 0, calls: 0, runs: 0 };
  beforeAll(hurry);
  afterAll(() => {
    tell(`faults: ${JSON.stringify(tally)}`);
  });
  const chosen = sample(`requests about ${area} with a fault`, scenarios, SCENARIOS);
  test.each(chosen.map((scenario) => [scenario.route, scenario.name, scenario] as const))(
    "%s: %s",
    (_, __, scenario) => inject(scenario, tally),
  );
}

/** Runs a scenario without a fault, and then with one at each of its calls. */
async function inject(scenario: Scenario, tally: Tally): Promise<void> {
  const stage = await setUp(scenario);
  const { calls } = await run(scenario, stage, null);
  const product = calls.flatMap((name, call): Run[] => [
    ...MODES.filter((mode) => applies(mode, name)).map(
      (mode) => ({ call, mode, other: "nobody" }) as const,
    ),
    ...(["late", "late to answer"] as const).flatMap((mode) =>
      (["the same", "a collection"] as const).map((other) => ({ call, mode, other })),
    ),
  ]);
  const chosen = sample(`faults of a request: ${scenario.route}: ${scenario.name}`, product, RUNS);
  for (const one of chosen) {
    const own = scenario.reads === true ? stage : await setUp(scenario);
    const { happened } = await run(scenario, own, one);
    expect(happened, `call ${one.call} of ${calls.join(", ")}`).toBe(true);
  }
  if (scenario.reads === true) await strike(stage);
  tally.scenarios += 1;
  tally.calls += calls.length;
  tally.runs += chosen.length + 1;
}

/** The content of the registry before a request, and a client without faults. */
interface Stage {
  readonly client: RegistryClient;
  readonly request: Attempt;
  /** All Workers that ran, sound ones included: they know which sessions have to be ended. */
  readonly workers: Faults[];
  /** The answers of others that sent the same request at the same time. */
  readonly told: number[];
}

async function setUp({ prepare }: Scenario): Promise<Stage> {
  const sound = new Faults();
  const client = new RegistryClient({ send: senderOf(sound) });
  return { client, request: await prepare(client), workers: [sound], told: [] };
}

/** In the end all uploads are ended, and the content is deleted. */
async function strike({ workers }: Stage): Promise<void> {
  const sessions = workers.flatMap((worker) => [...worker.sessions]);
  await expectClean(
    sessions,
    workers.flatMap(({ multiparts }) => multiparts),
  );
  await expectNothingLeft();
}

async function run(scenario: Scenario, stage: Stage, fault: Run | null): Promise<Faults> {
  const faults = new Faults(
    fault === null ? null : { ...fault, meanwhile: () => meanwhile(fault.other, stage) },
  );
  stage.workers.push(faults);
  try {
    if (scenario.reads === true) await look(stage, faults, fault);
    else await change(stage, faults, fault);
    const { expects, repeated = [] } = stage.request;
    for (const status of stage.told) expect([...expects, ...repeated]).toContain(status);
    return faults;
  } catch (error) {
    await wipe();
    if (fault === null || !(error instanceof Error)) throw error;
    const { call, mode, other } = fault;
    const what = `${scenario.route} (${scenario.name}): call ${call} of ${faults.calls.join(", ")} is ${mode}, meanwhile ${other}`;
    throw new Error(`${what}: ${error.message}`, { cause: error });
  }
}

/** A request that changes nothing. */
async function look({ client, request }: Stage, faults: Faults, fault: Run | null): Promise<void> {
  const answer = await request.send(brokenBy(faults, client));
  if (await succeeds(request, answer)) return;
  await expectRefusal(answer, request, fault);
  expect(request.expects).toContain((await request.send(client)).status);
}

async function change(stage: Stage, faults: Faults, fault: Run | null): Promise<void> {
  const { client, request } = stage;
  const before = await snapshot();
  const earlier = new Set((await deeds()).map(({ request_id }) => request_id));
  const answer = await request.send(brokenBy(faults, client));
  const succeeded = await succeeds(request, answer);
  const other = fault?.other ?? "nobody";
  if (!succeeded) await expectRefusal(answer, request, fault);
  if (other === "nobody" && request.noted !== true) {
    const changed = fault === null ? succeeded : (await snapshot()) !== before;
    await expectAudited(answer, changed ? request.actions : []);
  }
  await expectReadable();
  // Without a grace period, what was just pushed may have been deleted.
  if (!succeeded || other === "a collection") await retry(request, client);
  await request.verify?.(client);
  if (other !== "a collection") await expectAllAudited(request.actions, earlier);
  await strike(stage);
}

function brokenBy(faults: Faults, { repository }: RegistryClient): RegistryClient {
  return new RegistryClient({ repository, send: senderOf(faults) });
}

/** Its body may break off. */
async function succeeds({ expects }: Attempt, answer: Response): Promise<boolean> {
  if (!expects.includes(answer.status)) return false;
  return answer
    .clone()
    .arrayBuffer()
    .then(
      () => true,
      () => false,
    );
}

async function meanwhile(other: Other, { request, client, told }: Stage): Promise<void> {
  if (other === "a collection") await collect();
  if (other === "the same") told.push((await request.send(client)).status);
}

/** An outage is not the client's fault, which is told to try again. */
async function expectRefusal(answer: Response, request: Attempt, fault: Run | null): Promise<void> {
  const { status } = answer;
  const { repeated = [], collected = [] } = request;
  if (fault?.other === "the same") expect(repeated, await answer.clone().text()).toContain(status);
  else if (fault?.other === "a collection")
    expect(collected, await answer.clone().text()).toContain(status);
  else if (!request.expects.includes(status)) {
    const body = answer.body === null ? null : await answer.clone().text();
    expect(status, body ?? "").toBe(503);
    if (body !== null && body !== "") expect(body).toContain('"UNAVAILABLE"');
  }
}

/** Checks the audit entries of one request. */
async function expectAudited(answer: Response, actions: readonly string[] = []): Promise<void> {
  const id = answer.headers.get("x-request-id");
  const done = (await deeds()).filter(({ request_id }) => request_id === id);
  expect(done.map(({ action }) => action).toSorted()).toEqual(actions.toSorted());
}

/** These are audited for every request, as each leaves something; others only once, however often they are repeated. */
const REPEATED = /\.(push|update|set|begin|rescan)$|(token|exception)\.create$/;

async function expectAllAudited(
  actions: readonly string[] = [],
  earlier: Set<string>,
): Promise<void> {
  const all = await deeds();
  expect(all.filter(({ times }) => times > 1)).toEqual([]);
  const done = all.filter(({ request_id }) => !earlier.has(request_id));
  for (const action of actions) {
    const times = done.filter((entry) => entry.action === action).length;
    if (REPEATED.test(action)) expect([action, times > 0]).toEqual([action, true]);
    else expect([action, times]).toEqual([action, 1]);
  }
}

async function retry(request: Attempt, client: RegistryClient): Promise<void> {
  await request.later?.();
  const again = await request.send(client);
  if (request.expects.includes(again.status)) return;
  expect(
    [...(request.repeated ?? []), ...(request.collected ?? [])],
    await again.clone().text(),
  ).toContain(again.status);
  if (request.restart === undefined) return;
  const restarted = await request.restart(client);
  expect(request.expects, await restarted.clone().text()).toContain(restarted.status);
}

const ADDRESS = "cf-connecting-ip";
/** Where the administrator is: a password that comes from another network each time has to pass the limit of logins. */
const HOME = "198.18.0.1";

export function senderOf(faults: Faults): (request: Request) => Promise<Response> {
  return async (request) => {
    const deferred: Promise<unknown>[] = [];
    if (!request.headers.has(ADDRESS)) {
      const isAdministrator = request.headers.get("authorization") === ADMIN;
      // Denials of one address are audited only so many times a minute, so each request of others has one of its own.
      request.headers.set(ADDRESS, isAdministrator ? HOME : anyAddress());
    }
    const answer = await handle(request, faults.env, (work) => void deferred.push(work));
    await Promise.allSettled(deferred);
    const location = answer.headers.get("location");
    if (location?.includes("/uploads/") === true) faults.sessions.add(uploadOf(location));
    return answer;
  };
}
