/**
 * Whichever requests bring the bytes of a blob, and whatever happens between them, the blob has these bytes, or a
 * refusal says why not and nothing is stored. A seed determines each case; `TEST_SEED=<seed>` begins with that one.
 */
import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { handle } from "../production/request.ts";
import { brokenStream, ignore, locationOf, RegistryClient, streamOf } from "../support/client.ts";
import { type Bytes, digestOf, random, randomBytes } from "../support/images.ts";
import { sample } from "../support/sample.ts";
import { evict, leavesNothing } from "../support/storage.ts";

const CASES = 60;
const FIRST_SEED = Number(env.TEST_SEED === "" ? 20_261_123 : env.TEST_SEED);
const PART = 8 * 1024 * 1024;
const MOST = 40 * 1024 * 1024;

type Next = () => number;

const cases = Array.from({ length: CASES }, (_, i) => {
  const seed = FIRST_SEED + i;
  const next = random(seed);
  return { seed, size: sizeOf(next), next };
});

test.each(sample("ways in which a blob's bytes come", cases, { few: 12 }))(
  "seed $seed: $size bytes are the blob, however they come",
  async (given) => {
    const upload = new Upload(given.size, given.next);
    await upload.begin();
    const requests = 1 + (given.next() % 6);
    for (let i = 0; i < requests && !upload.ended; i++) {
      await upload.disturb();
      if (i < requests - 1 && !upload.ended) await upload.patch();
    }
    await upload.finish();
  },
);

/** Chooses a size, mostly small or near a part's edge, sometimes any. */
function sizeOf(next: Next): number {
  const edge = PART * (next() % 4) + (next() % 7) - 3;
  switch (next() % 8) {
    case 0:
      return next() % 3;
    case 1:
    case 2:
      return next() % 5_000;
    case 3:
      return next() % PART;
    case 4:
      return next() % MOST;
    default:
      return Math.max(0, edge);
  }
}

/** A client that knows what it has sent, and so what each answer must be. */
class Upload {
  readonly #next: Next;
  readonly #client = new RegistryClient();
  /** The same client with a connection that may break. */
  readonly #fragile = new RegistryClient({
    repository: this.#client.repository,
    send: (request) => handle(request, env, ignore),
  });
  readonly #bytes: Bytes;
  readonly #digest: string;
  /** Whether a refusal has ended the upload, so that it is unknown. */
  ended = false;
  #first = "";
  #location = "";
  #offset = 0;
  /** Requests that were answered with 202: their offsets, and the Location that they were sent to. */
  readonly #sent: { location: string; from: number; to: number; ranged: boolean }[] = [];

  constructor(size: number, next: Next) {
    this.#next = next;
    this.#bytes = randomBytes(size, next);
    this.#digest = digestOf(this.#bytes, this.#one(6) ? "sha512" : "sha256");
  }

  async begin(): Promise<void> {
    const algorithm = this.#digest.split(":")[0];
    this.#first = await this.#client.startUpload(
      this.#one(2) ? `?digest-algorithm=${algorithm}` : "",
    );
    this.#location = this.#first;
  }

  /** Sends a part of the rest. */
  async patch(): Promise<void> {
    const from = this.#offset;
    const to = this.#cut();
    const ranged = to > from && this.#one(2);
    const location = this.#location;
    const range = ranged ? { first: from, last: to - 1 } : undefined;
    const response = await this.#client.patch(location, this.#body(from, to), range);
    expect(response.status).toBe(202);
    this.#arrived(response, to);
    this.#sent.push({ location, from, to, ranged });
  }

  /** Disturbs the upload, as clients, networks and platforms may do at any time. */
  async disturb(): Promise<void> {
    switch (this.#next() % 8) {
      case 0:
      case 1:
        return evict(this.#location);
      case 2:
        return this.#replay();
      case 3:
        return this.#hangUp();
      case 4:
        return this.#sendOutOfOrder();
      case 5:
        return this.#finishWrongly();
      case 6:
        return this.#startOver();
      default:
        expect(await this.#client.progress(this.#first)).toBe(this.#range("0--1"));
    }
  }

  /** Sends the rest, or all, and checks the result. */
  async finish(): Promise<void> {
    if (this.ended) return this.#nothingStored();
    const whole = this.#one(5);
    const location = whole ? this.#first : this.#location;
    const from = whole ? 0 : this.#offset;
    const ends = this.#bytes.length;
    if (!whole && from < ends && this.#one(2)) {
      await this.#client.append(location, this.#body(from, ends), { first: from, last: ends - 1 });
      this.#offset = ends;
    }
    const rest = whole ? this.#body(0, ends) : this.#rest();
    const response = await this.#client.finish(location, this.#digest, rest);
    expect(response.status).toBe(201);
    if (this.#one(2)) await evict(location);
    const repeat = () => this.#client.finish(location, this.#digest, null);
    if (this.#one(2)) expect((await leavesNothing(repeat)).status).toBe(201);
    const pulled = await this.#client.pullBlob(this.#digest);
    expect(pulled.length).toBe(this.#bytes.length);
    expect(digestOf(pulled)).toBe(digestOf(this.#bytes));
  }

  /** Repeats a request whose answer was lost; only the very first one may be accepted again, from the beginning. */
  async #replay(): Promise<void> {
    const request = this.#sent[this.#next() % Math.max(1, this.#sent.length)];
    if (request === undefined || request.to === request.from) return;
    const { location, from, to, ranged } = request;
    const range = ranged ? { first: from, last: to - 1 } : undefined;
    const response = await this.#client.patch(location, this.#body(from, to), range);
    if (ranged || from > 0) return this.#refused(response);
    expect(response.status).toBe(202);
    this.#arrived(response, to);
  }

  /** Sends everything up to some byte to the first Location, without a range. */
  async #startOver(): Promise<void> {
    const to = this.#cut();
    if (to === 0) return;
    const response = await this.#client.patch(this.#first, this.#body(0, to));
    expect(response.status).toBe(202);
    this.#arrived(response, to);
  }

  async #hangUp(): Promise<void> {
    const some = this.#bytes.slice(this.#offset, this.#cut());
    const body = brokenStream(some.length > 0 ? some : new Uint8Array(1));
    const response = this.#one(2)
      ? await this.#fragile.patch(this.#location, body)
      : await this.#fragile.finish(this.#location, this.#digest, body);
    expect(response.status).toBeGreaterThanOrEqual(400);
    expect(response.status).toBeLessThan(500);
    await this.#unchanged();
  }

  async #sendOutOfOrder(): Promise<void> {
    const first = this.#offset + 1 + (this.#next() % 1000);
    const range = { first, last: first + 9 };
    const body = new Uint8Array(10);
    await this.#refused(
      this.#one(2)
        ? await this.#client.patch(this.#location, body, range)
        : await this.#client.finish(this.#location, this.#digest, body, range),
    );
  }

  async #finishWrongly(): Promise<void> {
    const wrong = digestOf(randomBytes(8, this.#next), this.#one(3) ? "sha512" : "sha256");
    const response = await this.#client.finish(this.#location, wrong, this.#rest());
    expect(response.status).toBe(400);
    expect((await this.#client.head(`blobs/${wrong}`)).status).toBe(404);
    // A digest that is known only when the object is read back may end the upload: wrong bytes cannot be replaced.
    this.ended = (await this.#client.get(this.#location)).status === 404;
    if (!this.ended) await this.#unchanged();
  }

  async #nothingStored(): Promise<void> {
    const finished = await this.#client.finish(this.#location, this.#digest, this.#rest());
    expect(finished.status).toBe(404);
    expect((await this.#client.head(`blobs/${this.#digest}`)).status).toBe(404);
  }

  async #refused(response: Response): Promise<void> {
    expect(response.status).toBe(416);
    expect(response.headers.get("range")).toBe(this.#range("0--1"));
    await this.#unchanged();
  }

  async #unchanged(): Promise<void> {
    expect(await this.#client.progress(this.#location)).toBe(this.#range("0--1"));
  }

  #arrived(response: Response, offset: number): void {
    this.#offset = offset;
    this.#location = locationOf(response);
    expect(response.headers.get("range")).toBe(this.#range("0-0"));
  }

  #range(empty: string): string {
    return this.#offset === 0 ? empty : `0-${this.#offset - 1}`;
  }

  /** Chooses where the request ends that begins at the upload's offset: often at a part's edge, or a byte after it. */
  #cut(): number {
    const left = this.#bytes.length - this.#offset;
    const anywhere = this.#offset + (left === 0 ? 0 : this.#next() % (left + 1));
    const edge = Math.ceil((this.#offset + 1) / PART) * PART + (this.#next() % 3) - 1;
    return this.#one(3) ? Math.max(this.#offset, Math.min(edge, this.#bytes.length)) : anywhere;
  }

  #rest(): Bytes | ReadableStream | null {
    const ends = this.#bytes.length;
    return this.#offset === ends ? null : this.#body(this.#offset, ends);
  }

  /** Makes a body with a Content-Length, or without. */
  #body(from: number, to: number): Bytes | ReadableStream {
    const bytes = this.#bytes.slice(from, to);
    if (this.#one(2)) return bytes;
    const middle = Math.floor(bytes.length / 3);
    return streamOf(bytes.slice(0, middle), bytes.slice(middle));
  }

  /** Returns true once in that many times. */
  #one(of: number): boolean {
    return this.#next() % of === 0;
  }
}
