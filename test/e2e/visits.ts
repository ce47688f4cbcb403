/**
 * Each account, by each way to log in: allowed actions work, and others are refused soon, with a message that a person
 * understands, and without repeated requests.
 */
import { KINDS, makeAccounts, makePublic, type Account, type Accounts } from "./accounts.ts";
import { step, type Bench, type Step } from "./client.ts";
import { expectEqual } from "./compare.ts";
import type { Exchange } from "./front.ts";
import { CONFLICT, freeze, limitRepositories, NAMES_QUOTA, NAMES_RULE } from "./limits.ts";
import { type Registry, requests } from "./registry.ts";
import { CommandFailure, expectRefusal, sleep, type Result } from "./shell.ts";
import type { Gate, MakeVisitor, Tag, Visitor, Who } from "./visitor.ts";

/** Seconds after which a client that still runs is taken to repeat itself. */
const MAX_SECONDS = 10;
/**
 * The most requests. regctl asks for a token for each blob and way to upload it, podman and buildah for mounts from
 * every repository where they saw the blob.
 */
const MAX_REQUESTS = 24;

/** From version 28 on Docker's containerd store prints the registry's message alone. */
const FORBIDDEN =
  /denied|forbidden|\b403\b|error from registry: .*(?:may not push to|the quota of)/i;
const UNAUTHORIZED =
  /unauthorized|\b401\b|invalid username|error from registry: (?:log in to push|wrong user name or token)/i;
const EITHER = new RegExp(`${FORBIDDEN.source}|${UNAUTHORIZED.source}`, "i");
const ANY = new RegExp(`${EITHER.source}|${CONFLICT.source}`, "i");

/** @param make called with a bench whose registry is the front: there the cases take place */
export function visitSteps(bench: Bench, ...makers: MakeVisitor[]): Step[] {
  const { gate } = bench;
  if (gate === undefined) return [];
  const behind = { ...bench, registry: { ...bench.registry, ...gate.front.registry } };
  return makers.flatMap((make) => {
    const visit = makeVisit(gate, make(behind), bench.id);
    return [
      ...allowedSteps(visit),
      ...deniedSteps(visit),
      ...limitSteps(visit, gate.front.registry),
      ...unauthorizedSteps(visit),
    ];
  });
}

type Visit = ReturnType<typeof makeVisit>;

function makeVisit(gate: Gate, visitor: Visitor, client: string) {
  let made: Accounts | undefined;
  const accounts = () => {
    if (made === undefined) throw new Error("no accounts");
    return made;
  };
  const name = (repositoryName: string) => `${accounts().namespace}/${repositoryName}`;
  const settle = async () => {
    const namespace = `acme-${visitor.name.replace("@", "-")}`;
    const { registry } = gate.front;
    made = await makeAccounts({ registry, issuer: gate.issuer, namespace });
    await makePublic(registry, visitor.place?.(name("robot")) ?? name("robot"));
  };
  // The report names the client itself; a guest in it says so.
  const title = (text: string) => (visitor.name === client ? text : `${visitor.name}: ${text}`);
  /** Logs in as every client is told to, where it has a login command. */
  const login = async (account: Account) => {
    if (visitor.login !== undefined) expectDone(await visitor.login(account));
  };
  const refused = async (what: string, says: RegExp, act: () => Promise<Result>) => {
    const exchanges = gate.front.begin();
    const began = performance.now();
    const result = await act();
    const seconds = (performance.now() - began) / 1000;
    gate.refusals.push({
      client: visitor.name,
      what,
      seconds,
      requests: exchanges.length,
      code: result.code,
      message: messageOf(result.output),
    });
    expectRefusal(result, says);
    if (seconds > MAX_SECONDS || exchanges.length > MAX_REQUESTS) {
      const limit = `took ${seconds.toFixed(1)} s and ${exchanges.length} requests\n`;
      throw new CommandFailure(result, `${limit}${wireOf(exchanges)}\n`);
    }
  };
  /** The registry took the last push of a manifest for this one's. */
  const expectPusher = async ({ user }: Account, repository: string) => {
    const place = visitor.place?.(repository) ?? repository;
    const { namespace } = accounts();
    // The line may still be on its way.
    await sleep(50);
    const pushes = (requests(gate.front.registry) ?? []).filter(
      ({ method, repository: to }) => method === "PUT" && to === place,
    );
    const expected = user === "oidc" ? `oidc:${namespace}+ci` : user;
    expectEqual(pushes.at(-1)?.actor, expected, "who pushed");
  };
  /** To log in, or where that proves nothing, to pull. */
  const use = async (account: Account) => {
    if (visitor.login !== undefined) {
      const result = await visitor.login(account);
      if (visitor.checksLogin) return result;
    }
    return visitor.pull(account, name("password"));
  };
  const { brief } = gate;
  return { visitor, accounts, name, settle, login, refused, use, brief, title, expectPusher };
}

function expectDone(result: Result): void {
  if (result.code !== 0) throw new CommandFailure(result);
}

function wireOf(exchanges: Exchange[]): string {
  return exchanges
    .map(({ method, path, status, said }) => `${status} ${method} ${path} ${said}`)
    .join("\n");
}

/** Returns the line in which a client last says why it stopped. */
function messageOf(output: string): string {
  const lines = output.split(/[\r\n]+/).filter((line) => ANY.test(line));
  return (lines.at(-1) ?? "").replace(/^time="[^"]*" /, "").trim();
}

function allowedSteps(visit: Visit): Step[] {
  const { visitor, accounts, name, settle, login, title, expectPusher } = visit;
  return [
    step("accounts", title("users, tokens, robots and trust rules made"), [], settle),
    ...KINDS.map((kind) =>
      step(kind, title(`log in by ${kind}, push, pull`), ["accounts"], async () => {
        const account = accounts().kinds[kind];
        await login(account);
        expectDone(await visitor.push(account, name(kind), "v1"));
        await expectPusher(account, name(kind));
        expectDone(await visitor.pull(account, name(kind)));
      }),
    ),
    step("public", title("pull a public image with no login"), ["robot"], async () =>
      expectDone(await visitor.pull(null, name("robot"))),
    ),
    step("public", title("pull a public image as a stranger"), ["robot"], async () => {
      await login(accounts().stranger);
      expectDone(await visitor.pull(accounts().stranger, name("robot")));
    }),
    step("password", title("a reader pulls"), ["password"], async () => {
      await login(accounts().reader);
      expectDone(await visitor.pull(accounts().reader, name("password")));
    }),
  ];
}

interface Deed {
  act: "push" | "pull";
  to: string;
}

interface Case extends Deed {
  what: string;
  who: (accounts: Accounts) => Account;
  /** To a repository that is not there yet. */
  isNew?: boolean;
}

function attempt({ visitor, name }: Visit, who: Who, { act, to }: Deed): Promise<Result> {
  return act === "push" ? visitor.push(who, name(to), "v2") : visitor.pull(who, name(to));
}

/** The accounts that are known, but have no right on the repository. */
const DENIALS: Case[] = [
  { what: "a reader's push", who: ({ reader }) => reader, act: "push", to: "password" },
  { what: "a push by a token to pull", who: (all) => all.pullToken, act: "push", to: "token" },
  { what: "a push by a robot that pulls", who: (all) => all.pullRobot, act: "push", to: "robot" },
  { what: "a push by a job that may pull", who: (all) => all.pullJob, act: "push", to: "oidc" },
  {
    what: "a stranger's push",
    who: ({ stranger }) => stranger,
    act: "push",
    to: "new",
    isNew: true,
  },
  { what: "a stranger's pull", who: ({ stranger }) => stranger, act: "pull", to: "password" },
];

function deniedSteps(visit: Visit): Step[] {
  const { visitor, accounts, name, login, refused, title } = visit;
  return DENIALS.map(({ what, who, act, to, isNew }) =>
    step("denied", title(`${what} is denied`), ["accounts"], async () => {
      const account = who(accounts());
      await login(account);
      const place = visitor.place?.(name(to)) ?? name(to);
      // The registry's own message: that it is denied, what, and where.
      const sentence = new RegExp(`denied\\W.*${act} (to|from) ${place}`, "i");
      const isTold = visitor.repeatsMessage && !(isNew === true && visitor.asksByHead === true);
      await refused(what, isTold ? sentence : FORBIDDEN, () =>
        attempt(visit, account, { act, to }),
      );
    }),
  );
}

function limitSteps(visit: Visit, registry: Registry): Step[] {
  const { visitor, accounts, name, login, refused, title } = visit;
  const pusher = async (repository: string) => {
    const account = accounts().kinds.password;
    await login(account);
    return (tag: Tag) => visitor.push(account, repository, tag);
  };
  const says = (sentence: RegExp, status: RegExp) => (visitor.repeatsMessage ? sentence : status);
  return [
    step("immutable", title("pushes to immutable tags"), ["password"], async () => {
      const repository = name("frozen");
      const push = await pusher(repository);
      expectDone(await push("v1"));
      await freeze(registry, visitor.place?.(repository) ?? repository, visitor);
      if (visitor.isNew === undefined) expectDone(await push("v1"));
      const what = "a push to an immutable tag";
      await refused(what, says(NAMES_RULE, CONFLICT), () => push("v2"));
    }),
    step("quota", title("a push beyond the quota is refused"), ["password"], async () => {
      const push = await pusher(name("more"));
      const { namespace } = accounts();
      await limitRepositories(registry, namespace, 0);
      const what = "a push beyond the quota";
      await refused(what, says(NAMES_QUOTA, FORBIDDEN), () => push("v1"));
      await limitRepositories(registry, namespace, null);
    }),
  ];
}

function unauthorizedSteps(visit: Visit): Step[] {
  const { visitor, accounts, name, login, refused, use, brief, title } = visit;
  const nobody = (what: string, act: "push" | "pull", to: string) =>
    step("unauthorized", title(`${what} is refused`), ["accounts"], () =>
      refused(what, EITHER, () => attempt(visit, null, { act, to })),
    );
  const logins: [string, keyof Accounts["refused"]][] = [
    ["a wrong password", "wrongPassword"],
    ["an unknown user", "unknownUser"],
    ["an ID token that has expired", "expiredJob"],
    ["an ID token with the wrong claim", "wrongClaim"],
    ["an ID token for another audience", "wrongAudience"],
  ];
  return [
    nobody("a pull without login", "pull", "password"),
    nobody("a push without login", "push", "robot"),
    ...logins.map(([what, key]) =>
      step("unauthorized", title(`${what} is refused`), ["accounts"], () =>
        refused(what, UNAUTHORIZED, () => use(accounts().refused[key])),
      ),
    ),
    step(
      "unauthorized",
      title("an exchanged credential that has expired is refused"),
      ["accounts"],
      async () => {
        await sleep(Math.max(0, brief.ends + 1000 - Date.now()));
        await refused("an expired credential", UNAUTHORIZED, () => use(brief.account));
      },
    ),
    step(
      "unauthorized",
      title("a push with a token that was revoked is refused"),
      ["accounts"],
      async () => {
        const { account, revoke } = accounts().doomed;
        await login(account);
        await revoke();
        const act = () => visitor.push(account, name("token"), "v2");
        await refused("a push with a revoked token", UNAUTHORIZED, act);
      },
    ),
  ];
}
