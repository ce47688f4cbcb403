/** The local server is killed while clients push to it: everything that it confirmed exists after the restart. */
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { Agent, type IncomingMessage, request as httpRequest } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Server, startServer } from "../../scripts/server.ts";
import { random } from "../support/images.ts";
import { sized } from "../support/sample.ts";

const MIB = 1024 * 1024;
const PASSWORD = "correct horse battery staple";
const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const ROUNDS = Number(process.env["KILL_ROUNDS"] ?? sized("times that the server is killed", 1, 3));
const CLIENTS = 4;
const SEED = Number(process.env["TEST_SEED"] ?? randomBytes(4).readUInt32LE());
const draw = random(SEED);
let agent = new Agent({ keepAlive: true });
let data: string;
let server: Server;

beforeAll(async () => {
  data = await mkdtemp(join(tmpdir(), "slipway-kill-"));
  server = await start();
});

afterAll(async () => {
  agent.destroy();
  await server.stop();
  await rm(data, { recursive: true, force: true });
});

function start(port?: number): Promise<Server> {
  const env = { ADMIN_PASSWORD: PASSWORD };
  return startServer(port === undefined ? { data, env } : { data, env, port });
}

/** Neither the server nor the runtime that it started gets a chance to put anything in order. */
async function kill(): Promise<void> {
  const { pid } = server;
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8").catch(() => "");
  for (const one of [...children.split(" ").filter(Boolean).map(Number), pid]) {
    process.kill(one, "SIGKILL");
  }
  await server.stop();
  agent.destroy();
  agent = new Agent({ keepAlive: true });
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly body: Buffer;
}

/** @returns null without an answer, or without all of it */
async function send(
  method: string,
  path: string,
  body: Buffer | null = null,
  headers: Record<string, string> = {},
): Promise<Answer | null> {
  const length = { "content-length": body?.length ?? 0 };
  const auth = `admin:${PASSWORD}`;
  const request = httpRequest(`${server.url}${path}`, {
    method,
    agent,
    auth,
    headers: { ...length, ...headers },
  });
  request.end(body ?? undefined);
  try {
    const [response] = (await once(request, "response")) as [IncomingMessage];
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    const { statusCode = 0 } = response;
    return { status: statusCode, headers: response.headers, body: Buffer.concat(chunks) };
  } catch {
    return null;
  }
}

/** The server was killed; its last request may have taken effect or not. */
class Unanswered extends Error {}

/** A client that pushes to a repository of its own, and knows what must exist. */
class Client {
  readonly #path = `/v2/kill/${randomBytes(6).toString("hex")}`;
  /** The possible values of each name: bytes, or null for nothing; two of them after a lost answer. */
  readonly #known = new Map<string, readonly (Buffer | null)[]>();
  /** Blobs to name in manifests. */
  readonly #blobs: Buffer[] = [];
  /** An upload that is not at its end: its bytes, and how many were answered for. */
  #upload: { readonly bytes: Buffer; location: string; offsets: readonly number[] } | null = null;
  answered = 0;

  /** Works until the server is killed. */
  async work(): Promise<void> {
    const entries = [
      () => this.#pushBlob(randomBytes(1 + (draw() % 5_000))),
      () => this.#pushBlob(randomBytes(9 * MIB)),
      () => this.#pushManifest(),
      () => this.#pushManifest(),
      () => this.#deleteTag(),
      () => this.#deleteManifest(),
      () => this.#deleteBlob(),
      () => this.#append(),
    ];
    try {
      for (;;) await entries[draw() % entries.length]?.();
    } catch (error) {
      if (!(error instanceof Unanswered)) throw error;
    }
  }

  /** Checks that everything with an answer is as it was, and that the rest is one of both. */
  async verify(): Promise<void> {
    for (const [name, possible] of this.#known) {
      const answer = await this.#ask("GET", name);
      const is = answer.status === 200 ? answer.body : null;
      expect([200, 404], name).toContain(answer.status);
      const found = possible.find((one) =>
        one === null || is === null ? one === is : one.equals(is),
      );
      const expected = possible.map((one) => (one === null ? null : digestOf(one)));
      expect(found, `${name}, which may be ${expected.join(" or ")}`).not.toBeUndefined();
      this.#known.set(name, [is]);
    }
  }

  /** Continues the upload where it was; no chunk that was answered may be missing. */
  async finish(): Promise<void> {
    if (this.#upload === null) return;
    const { bytes, location, offsets } = this.#upload;
    this.#upload = null;
    const status = await this.#ask("GET", location);
    expect(status.status).toBe(204);
    const [, last = "-1"] = /^0-(.*)$/.exec(String(status.headers["range"])) ?? [];
    const offset = Number(last) + 1;
    expect(offsets).toContain(offset);
    const path = `${locationOf(status)}&digest=${digestOf(bytes)}`;
    await this.#expect(201, "PUT", path, bytes.subarray(offset));
    await this.verifyBlob(bytes);
  }

  async verifyBlob(bytes: Buffer): Promise<void> {
    const answer = await this.#ask("GET", `blobs/${digestOf(bytes)}`);
    expect(answer.body.equals(bytes)).toBe(true);
  }

  async #ask(...[method, path, body, headers]: Parameters<typeof send>): Promise<Answer> {
    const url = path.startsWith("/") ? path : `${this.#path}/${path}`;
    const answer = await send(method, url, body, headers);
    if (answer === null) throw new Unanswered();
    this.answered++;
    return answer;
  }

  async #expect(status: number, ...request: Parameters<typeof send>): Promise<Answer> {
    const answer = await this.#ask(...request);
    expect(answer.status, `${request[0]} ${request[1]}: ${answer.body.toString()}`).toBe(status);
    return answer;
  }

  /** Changes a name's value, which is uncertain until the answer. */
  async #change(
    status: number,
    to: Readonly<Record<string, Buffer | null>>,
    ...request: Parameters<typeof send>
  ): Promise<void> {
    for (const [name, value] of Object.entries(to)) {
      this.#known.set(name, [...(this.#known.get(name) ?? [null]), value]);
    }
    await this.#expect(status, ...request);
    for (const [name, value] of Object.entries(to)) this.#known.set(name, [value]);
  }

  async #pushBlob(bytes: Buffer): Promise<void> {
    const digest = digestOf(bytes);
    let location = locationOf(await this.#expect(202, "POST", "blobs/uploads/"));
    const isSplit = draw() % 2 === 0;
    if (isSplit) location = locationOf(await this.#expect(202, "PATCH", location, bytes));
    const body = isSplit ? null : bytes;
    await this.#change(
      201,
      { [`blobs/${digest}`]: bytes },
      "PUT",
      `${location}&digest=${digest}`,
      body,
    );
    this.#blobs.push(bytes);
  }

  async #pushManifest(): Promise<void> {
    if (this.#blobs.length === 0) await this.#pushBlob(randomBytes(100));
    const config = this.#blobs[draw() % this.#blobs.length];
    if (config === undefined) return;
    const descriptor = { digest: digestOf(config), size: config.length };
    const bytes = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: MANIFEST,
        config: { mediaType: "application/vnd.oci.image.config.v1+json", ...descriptor },
        layers: [],
        annotations: { n: String(draw()), pad: "x".repeat(draw() % 4 === 0 ? 300_000 : 10) },
      }),
    );
    const names = { [`manifests/t${draw() % 5}`]: bytes, [`manifests/${digestOf(bytes)}`]: bytes };
    const [tag = ""] = Object.keys(names);
    await this.#change(201, names, "PUT", tag, bytes, { "content-type": MANIFEST });
  }

  async #deleteTag(): Promise<void> {
    const tag = this.#pick(/^manifests\/t/);
    if (tag !== null) await this.#change(202, { [tag]: null }, "DELETE", tag);
  }

  async #deleteManifest(): Promise<void> {
    const name = this.#pick(/^manifests\/sha256/);
    const bytes = name === null ? null : this.#known.get(name)?.[0];
    if (name === null || !bytes) return;
    // Its tags go with it.
    const names = [...this.#known].filter(([, [one]]) => one?.equals(bytes) === true);
    await this.#change(202, Object.fromEntries(names.map(([key]) => [key, null])), "DELETE", name);
  }

  /** One that no manifest has ever named, as nothing else may be deleted. */
  async #deleteBlob(): Promise<void> {
    const bytes = randomBytes(200);
    await this.#pushBlob(bytes);
    this.#blobs.pop();
    const name = `blobs/${digestOf(bytes)}`;
    await this.#change(202, { [name]: null }, "DELETE", name);
  }

  /** A chunk of an upload that is not finished before the server is killed. */
  async #append(): Promise<void> {
    if (this.#upload === null) {
      const location = locationOf(await this.#expect(202, "POST", "blobs/uploads/"));
      this.#upload = { bytes: randomBytes(20 * MIB), location, offsets: [0] };
    }
    const { bytes, location, offsets } = this.#upload;
    const [offset = 0] = offsets;
    const end = Math.min(offset + 1 + (draw() % (6 * MIB)), bytes.length);
    if (end === offset) return;
    this.#upload.offsets = [offset, end];
    const range = { "content-range": `${offset}-${end - 1}` };
    const chunk = bytes.subarray(offset, end);
    const answer = await this.#expect(202, "PATCH", location, chunk, range);
    this.#upload = { bytes, location: locationOf(answer), offsets: [end] };
  }

  #pick(pattern: RegExp): string | null {
    const names = [...this.#known.keys()].filter(
      (name) => pattern.test(name) && this.#known.get(name)?.[0] !== null,
    );
    return names[draw() % Math.max(1, names.length)] ?? null;
  }
}

/** Waits until so many more answers have come. */
async function untilAnswered(clients: readonly Client[], count: number): Promise<void> {
  const all = () => clients.reduce((sum, client) => sum + client.answered, 0);
  const end = all() + count;
  await expect.poll(all, { interval: 5 }).toBeGreaterThanOrEqual(end);
}

test(`whatever was answered is there after kill -9 (seed ${SEED})`, async () => {
  const clients = Array.from({ length: CLIENTS }, () => new Client());
  const port = Number(new URL(server.url).port);
  for (let round = 0; round < ROUNDS; round++) {
    const work = clients.map((client) => client.work());
    await untilAnswered(clients, 20 + (draw() % 100));
    await Promise.all([kill(), ...work]);
    expect(server.log.filter((line) => line.includes('"status":500'))).toEqual([]);
    server = await start(port);
    await Promise.all(clients.map((client) => client.verify()));
    await Promise.all(clients.map((client) => client.finish()));
  }
  expect(clients.every(({ answered }) => answered > 0)).toBe(true);
  expect(await findings()).toEqual([]);
});

/** Every row, every object and every byte. */
async function findings(): Promise<unknown[]> {
  const all: unknown[] = [];
  const headers = { "content-type": "application/json" };
  for (let cursor: object | null | undefined; cursor !== null;) {
    const body = Buffer.from(JSON.stringify(cursor === undefined ? {} : { cursor }));
    const answer = await send("POST", "/api/v1/fsck", body, headers);
    const step = JSON.parse(answer?.body.toString() ?? "{}") as {
      findings: unknown[];
      next: object | null;
    };
    expect(answer?.status).toBe(200);
    all.push(...step.findings);
    cursor = step.next;
  }
  return all;
}

function locationOf({ headers }: Answer): string {
  if (headers.location === undefined) throw new Error("the answer has no Location");
  return headers.location;
}

function digestOf(bytes: Buffer): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}
