/** Makes the bindings' own classes refuse what production refuses, so that every test runs against them. */
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { connect, countQueries, isInvocation, now, violation } from "./invocation.ts";

type Call = (...parameters: never[]) => unknown;

/** Replaces a method of a class. @param make returns the replacement, given the original method */
function replace<T extends object>(
  prototype: T,
  name: keyof T & string,
  make: (real: Call) => (this: T, ...parameters: never[]) => unknown,
): void {
  const real = prototype[name];
  if (typeof real !== "function") throw new TypeError(`there is no method ${name}`);
  Object.defineProperty(prototype, name, {
    value: make(real as Call),
    configurable: true,
    writable: true,
  });
}

function prototypeOf<T extends object>(object: T): T {
  return Object.getPrototypeOf(object) as T;
}

/** Counts a method's calls among those that hold a connection. */
function connectAll<T extends object>(prototype: T, names: readonly (keyof T & string)[]): void {
  for (const name of names) {
    replace(prototype, name, (real) => {
      return function (...parameters: unknown[]) {
        return connect(async () => Reflect.apply(real, this, parameters) as unknown);
      };
    });
  }
}

/** Keys of one deletion (r2/platform/limits). */
const MAX_DELETED_KEYS = 1_000;
/** A key takes one write a second. */
const WRITE_EVERY_MS = 1_000;
/** An object that is read into memory whole must leave room for everything else in 128 MB. */
const MAX_WHOLE_BYTES = 16 * 1024 * 1024;

const written = new Map<string, number>();

/** R2 answers a second write to a key within a second with 429. Callers may try again, so it is no violation by itself. */
function noteWrite(key: string): void {
  // A test's own writes and damage are not part of an invocation.
  if (!isInvocation()) return;
  const last = written.get(key);
  if (last !== undefined && now() - last < WRITE_EVERY_MS) {
    throw new Error("put: Reduce your concurrent request rate for the same object. (10058)");
  }
  written.set(key, now());
}

function makeBucketStrict(bucket: R2Bucket): void {
  const prototype = prototypeOf(bucket);
  replace(prototype, "put", (real) => {
    return async function (key: string, ...rest: unknown[]) {
      noteWrite(key);
      return (await Reflect.apply(real, this, [key, ...rest])) as unknown;
    };
  });
  replace(prototype, "delete", (real) => {
    return async function (keys: string | string[]) {
      if (Array.isArray(keys) && keys.length > MAX_DELETED_KEYS) {
        throw violation(`delete: ${keys.length} keys, more than ${MAX_DELETED_KEYS}. (10002)`);
      }
      return (await Reflect.apply(real, this, [keys])) as unknown;
    };
  });
  replace(prototype, "get", (real) => {
    return async function (key: string, options?: R2GetOptions) {
      const range = options?.range;
      try {
        return (await Reflect.apply(real, this, [key, options])) as unknown;
      } catch (error) {
        // The simulator breaks down over it.
        if (range === undefined || !String(error).includes("(0)")) throw error;
        throw violation("get: The requested range is not satisfiable (10039)");
      }
    };
  });
  connectAll(prototype, ["put", "delete", "get", "head", "list", "createMultipartUpload"]);
}

function makeMultipartStrict(upload: R2MultipartUpload): void {
  const prototype = prototypeOf(upload);
  replace(prototype, "complete", (real) => {
    return async function (parts: R2UploadedPart[]) {
      // The simulator makes an empty object of no parts; what production does is not documented.
      if (parts.length === 0) throw violation("complete: no parts. (10025)");
      noteWrite(this.key);
      return (await Reflect.apply(real, this, [parts])) as unknown;
    };
  });
  connectAll(prototype, ["uploadPart", "complete", "abort"]);
}

function makeObjectStrict(object: R2ObjectBody): void {
  for (const name of ["arrayBuffer", "text", "json", "bytes", "blob"] as const) {
    replace(prototypeOf(object), name, (real) => {
      return function () {
        if (isInvocation() && this.size > MAX_WHOLE_BYTES) {
          throw violation(`an object of ${this.size} bytes is read into memory whole`);
        }
        return Reflect.apply(real, this, []) as unknown;
      };
    });
  }
}

/** A string, a BLOB or a row (d1/platform/limits, durable-objects/platform/limits). */
const MAX_VALUE_BYTES = 2_000_000;

function checkValues(values: readonly unknown[]): void {
  const bytes = values.reduce<number>((sum, value) => sum + bytesOf(value), 0);
  if (bytes > MAX_VALUE_BYTES) {
    throw violation(`string or blob too big: ${bytes} bytes in one statement: SQLITE_TOOBIG`);
  }
}

function bytesOf(value: unknown): number {
  if (typeof value === "string") return new TextEncoder().encode(value).length;
  if (value instanceof ArrayBuffer || ArrayBuffer.isView(value)) return value.byteLength;
  return Array.isArray(value) ? value.length : 0;
}

/** The method of D1's session that sends every statement. */
interface Sender {
  _send(endpoint: string, query: unknown, parameters: unknown, format: unknown): Promise<unknown>;
}

function makeDatabaseStrict(database: D1Database): void {
  const session = prototypeOf(database.withSession("first-primary")) as unknown as Sender;
  replace(session, "_send", (real) => {
    return function (endpoint: string, query: unknown, parameters: unknown, format: unknown) {
      const sets = (Array.isArray(query) ? parameters : [parameters]) as (unknown[] | undefined)[];
      countQueries(sets.length);
      for (const values of sets) checkValues(values ?? []);
      const all = [endpoint, query, parameters, format];
      return connect(async () => Reflect.apply(real, this, all) as unknown);
    };
  });
}

const MAX_BATCH_BYTES = 256_000;

function makeQueueStrict(queue: Queue): void {
  const prototype = prototypeOf(queue);
  replace(prototype, "sendBatch", (real) => {
    return async function (messages: Iterable<MessageSendRequest>, ...rest: unknown[]) {
      const all = [...messages];
      const bytes = all.reduce((sum, { body }) => sum + bytesOf(JSON.stringify(body)), 0);
      if (bytes > MAX_BATCH_BYTES) throw violation(`sendBatch: ${bytes} bytes in one batch`);
      return (await Reflect.apply(real, this, [all, ...rest])) as unknown;
    };
  });
  connectAll(prototype, ["send", "sendBatch"]);
}

/** @param sql the storage of a Durable Object, whose rows have the same bound */
function makeStorageStrict({ sql }: DurableObjectStorage): void {
  replace(prototypeOf(sql), "exec", (real) => {
    return function (query: string, ...values: unknown[]) {
      checkValues(values);
      return Reflect.apply(real, this, [query, ...values]) as unknown;
    };
  });
}

/** Runs once for a test file: its bindings have these classes from then on. */
export async function makeStrict(): Promise<void> {
  const probe = "production/probe";
  const upload = await env.BLOBS.createMultipartUpload(probe);
  await upload.abort();
  await env.BLOBS.put(probe, "");
  const object = await env.BLOBS.get(probe);
  if (object === null) throw new Error("the bucket does not keep what was put into it");
  await object.text();
  await env.BLOBS.delete(probe);
  makeBucketStrict(env.BLOBS);
  makeMultipartStrict(upload);
  makeObjectStrict(object);
  makeDatabaseStrict(env.DB);
  makeQueueStrict(env.EVENTS);
  connectAll(prototypeOf(await caches.open("production")), ["match", "put", "delete"]);
  const session = env.SESSIONS.getByName("production");
  await runInDurableObject(session, (_, { storage }) => makeStorageStrict(storage));
}
