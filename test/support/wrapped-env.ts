/**
 * The Worker's bindings, with a test between the Worker and each call that goes over the network. It knows no test runner: a
 * Worker that is bundled on its own has it too.
 */
import type { Env } from "../../src/settings.ts";

export type Method = (...parameters: unknown[]) => unknown;

/** The object, with each of its methods replaced. */
export function intercept<T extends object>(
  object: T,
  replace: (name: string, call: Method) => Method,
): T {
  return new Proxy(object, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== "function" || typeof name !== "string") return value;
      return replace(name, (...parameters) => Reflect.apply(value, target, parameters) as unknown);
    },
  });
}

export interface Call {
  /** The method. */
  readonly name: string;
  readonly parameters: readonly unknown[];
}

/** A statement, or a batch of them. */
export interface D1Call extends Call {
  readonly statements: readonly Sql[];
  /** Where the session reads, by D1's own word; null where there is no session. */
  readonly session: string | null;
  /** Runs it. @returns the whole result of each statement, whatever part of it the method answers */
  readonly results: () => Promise<D1Result<Row>[]>;
}

type Row = Record<string, unknown>;

export interface Sql {
  readonly text: string;
  readonly values: readonly unknown[];
}

export interface SessionCall extends Call {
  /** The name of the object. */
  readonly id: string;
  /** The object as it is. */
  readonly stub: Stub;
}

export type Stub = ReturnType<Env["SESSIONS"]["getByName"]>;

/** Makes the call, with other parameters if any are given. */
export type Next = (...parameters: unknown[]) => Promise<unknown>;

/** What happens instead of a call; `next` makes it. */
export interface Wraps {
  /** `next` takes the statements that are run instead. */
  readonly d1?: (call: D1Call, next: (statements?: readonly Sql[]) => Promise<unknown>) => unknown;
  /** Of the bucket, and of its multipart uploads. */
  readonly r2?: (call: Call, next: Next) => unknown;
  readonly session?: (call: SessionCall, next: Next) => unknown;
  readonly queue?: (call: Call, next: Next) => unknown;
  /** Of each rate limit. */
  readonly limit?: (call: Call, next: Next) => unknown;
}

export function wrapEnv(env: Env, { d1, r2, session, queue, limit }: Wraps): Env {
  return {
    ...env,
    ...(d1 === undefined ? {} : { DB: wrapDatabase(env.DB, d1) }),
    ...(r2 === undefined ? {} : { BLOBS: wrapBucket(env.BLOBS, r2) }),
    ...(session === undefined ? {} : { SESSIONS: wrapSessions(env.SESSIONS, session) }),
    ...(queue === undefined
      ? {}
      : {
          EVENTS: wrapCalls(env.EVENTS, queue),
          EVENTS_JOBS: wrapCalls(env.EVENTS_JOBS, queue),
        }),
    ...(limit === undefined
      ? {}
      : {
          PASSWORD_LIMIT: wrapCalls(env.PASSWORD_LIMIT, limit),
          STRANGER_LIMIT: wrapCalls(env.STRANGER_LIMIT, limit),
          TOKEN_LIMIT: wrapCalls(env.TOKEN_LIMIT, limit),
          DENIED_LIMIT: wrapCalls(env.DENIED_LIMIT, limit),
        }),
  };
}

/** An object, all of whose methods are calls. */
function wrapCalls<T extends object>(object: T, wrap: (call: Call, next: Next) => unknown): T {
  return intercept(object, (name, call) => (...parameters) => {
    const next: Next = async (...others) => call(...(others.length === 0 ? parameters : others));
    return wrap({ name, parameters }, next);
  });
}

function wrapBucket(bucket: R2Bucket, wrap: (call: Call, next: Next) => unknown): R2Bucket {
  const calls = wrapCalls(bucket, wrap);
  return intercept(bucket, (name, call) => (...parameters) => {
    // This one only makes an object of a name; its methods are the calls.
    if (name === "resumeMultipartUpload") {
      return wrapCalls(call(...parameters) as R2MultipartUpload, wrap);
    }
    return (Reflect.get(calls, name) as Method)(...parameters);
  });
}

function wrapSessions(
  sessions: Env["SESSIONS"],
  wrap: (call: SessionCall, next: Next) => unknown,
): Env["SESSIONS"] {
  return intercept(sessions, (name, call) => (...parameters) => {
    if (name !== "getByName") throw new Error(`no test wraps ${name} of a namespace of objects`);
    const id = String(parameters[0]);
    const stub = call(...parameters) as Stub;
    return wrapCalls(stub as object, (made, next) => wrap({ ...made, id, stub }, next));
  });
}

/** A database or a session of one. */
type Database = D1Database | D1DatabaseSession;

function wrapDatabase(real: D1Database, wrap: NonNullable<Wraps["d1"]>): D1Database {
  /** D1 wants its own statements in a batch. */
  const originals = new WeakMap<object, { readonly own: D1PreparedStatement; readonly sql: Sql }>();
  const prepare = (database: Database, { text, values }: Sql): D1PreparedStatement => {
    const own = database.prepare(text);
    return values.length === 0 ? own : own.bind(...values);
  };

  const statement = (place: Place, own: D1PreparedStatement, sql: Sql): D1PreparedStatement => {
    const wrapped = intercept(own, (name, call) => (...parameters) => {
      if (name === "bind") {
        const bound = call(...parameters) as D1PreparedStatement;
        return statement(place, bound, { ...sql, values: parameters });
      }
      const next = async (others?: readonly Sql[]): Promise<unknown> => {
        const [other] = others ?? [];
        if (other === undefined) return call(...parameters);
        const changed = prepare(place.database, other);
        return (Reflect.get(changed, name) as Method).apply(changed, parameters);
      };
      const { session } = place;
      const results = resultOf.bind(null, own);
      return wrap({ name, parameters, statements: [sql], session, results }, next);
    });
    originals.set(wrapped, { own, sql });
    return wrapped;
  };

  const batch = (place: Place, given: readonly object[]): unknown => {
    const known = given.map((one) => originals.get(one));
    if (known.includes(undefined)) throw new Error("a statement in the batch is not from here");
    const all = known.filter((one) => one !== undefined);
    const run = (own: D1PreparedStatement[]) => place.database.batch<Row>(own);
    const results = () => run(all.map(({ own }) => own));
    const next = (others?: readonly Sql[]) =>
      others === undefined ? results() : run(others.map((sql) => prepare(place.database, sql)));
    const statements = all.map(({ sql }) => sql);
    const { session } = place;
    return wrap({ name: "batch", parameters: [given], statements, session, results }, next);
  };

  const wrapPlace = <T extends Database>(database: T, session: string | null): T => {
    const place = { database, session };
    return intercept(database, (name, call) => (...parameters) => {
      switch (name) {
        case "prepare": {
          const sql = { text: String(parameters[0]), values: [] };
          return statement(place, call(...parameters) as D1PreparedStatement, sql);
        }
        case "batch":
          return batch(place, parameters[0] as object[]);
        case "withSession":
          return wrapPlace(call(...parameters) as D1DatabaseSession, String(parameters[0]));
        case "getBookmark":
          return call();
        default:
          throw new Error(`no test wraps ${name} of a database`);
      }
    });
  };
  return wrapPlace(real, null);
}

async function resultOf(statement: D1PreparedStatement): Promise<D1Result<Row>[]> {
  return [await statement.all<Row>()];
}

interface Place {
  readonly database: Database;
  /** What the session was opened with. */
  readonly session: string | null;
}
