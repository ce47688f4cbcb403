/** Bodies that bring nothing, as many as there are buffers. */
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { handle } from "../production/request.ts";
import { bufferUse, STALLED_AFTER } from "../../src/session/parts.ts";
import { ignore, RegistryClient, refusal, streamOf } from "../support/client.ts";
import { blob, type Bytes } from "../support/images.ts";

const MIB = 1024 * 1024;
const BUFFERS = 6;
const BROKEN = { status: 400, code: "BLOB_UPLOAD_INVALID" };
const client = new RegistryClient({ send: (request) => handle(request, env, ignore) });

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
});

afterEach(() => {
  vi.useRealTimers();
});

interface Stalled {
  readonly location: string;
  readonly answer: Promise<Response>;
  readonly send: (bytes: Bytes) => Promise<void>;
  readonly end: () => Promise<void>;
}

/** A chunk of which a few bytes arrive; the rest is up to the test. */
async function stall(bytes = new Uint8Array(1000)): Promise<Stalled> {
  const location = await client.startUpload();
  const { readable, writable } = new IdentityTransformStream();
  const writer = writable.getWriter();
  const answer = client.patch(location, readable);
  await writer.write(bytes);
  return {
    location,
    answer,
    send: (more) => writer.write(more),
    end: () => writer.close(),
  };
}

/** So many that nobody else gets a buffer. */
function stallAll(): Promise<Stalled[]> {
  return Promise.all(Array.from({ length: BUFFERS }, () => stall()));
}

/** Ends those that are still taken. @returns what each was answered */
function outcomes(stalled: readonly Stalled[]): Promise<number[]> {
  return Promise.all(
    stalled.map(async ({ answer, end }) => {
      await Promise.race([answer, end()]);
      return (await answer).status;
    }),
  );
}

test("of bodies that bring nothing while another waits for a buffer some are broken off, and can go on", async () => {
  const stalled = await stallAll();
  expect(bufferUse().used).toBe(48 * MIB);
  const { bytes, digest } = blob(100);
  const location = await client.startUpload();
  const waiting = client.patch(location, streamOf(bytes));
  let isAnswered = false;
  void waiting.then(() => (isAnswered = true));
  await scheduler.wait(100);
  await vi.advanceTimersByTimeAsync(STALLED_AFTER - 1);
  await scheduler.wait(100);
  expect(isAnswered).toBe(false);
  await vi.advanceTimersByTimeAsync(1);
  expect((await waiting).status).toBe(202);
  expect((await client.finish(location, digest)).status).toBe(201);
  const statuses = await outcomes(stalled);
  expect(statuses).toContain(400);
  for (const [i, { location: at, answer }] of stalled.entries()) {
    if (statuses[i] === 202) continue;
    expect(await refusal(await answer)).toEqual(BROKEN);
    expect(await client.progress(at)).toBe("0--1");
    expect((await client.patch(at, streamOf(bytes))).status).toBe(202);
  }
  expect(bufferUse().used).toBe(0);
});

test("where nobody waits a body may stand still", async () => {
  const { answer, send, end } = await stall();
  await vi.advanceTimersByTimeAsync(10 * STALLED_AFTER);
  await send(new Uint8Array(1000));
  await end();
  const response = await answer;
  expect(response.status).toBe(202);
  expect(response.headers.get("range")).toBe("0-1999");
});

test("a body that brings a piece a minute is left in peace, though others wait", async () => {
  const [slow, ...others] = await stallAll();
  if (slow === undefined) throw new Error("six were made");
  const waiting = client.patch(await client.startUpload(), streamOf(blob(100).bytes));
  await scheduler.wait(100);
  // All stand still for nearly as long as they may; then one of them moves on.
  await vi.advanceTimersByTimeAsync(STALLED_AFTER - 1);
  await slow.send(new Uint8Array(MIB));
  await scheduler.wait(50);
  await vi.advanceTimersByTimeAsync(1);
  expect((await waiting).status).toBe(202);
  expect(await outcomes(others)).toContain(400);
  await slow.end();
  const response = await slow.answer;
  expect(response.status).toBe(202);
  expect(response.headers.get("range")).toBe(`0-${MIB + 999}`);
});
