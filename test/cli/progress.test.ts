/** How progress is shown where nobody sits at a terminal; copy.test.ts has a terminal. */
import { PassThrough } from "node:stream";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { makeProgress } from "../../src/cli/upload/progress.ts";

const MIB = 1024 * 1024;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date"] });
});

afterEach(() => {
  vi.useRealTimers();
});

function sink(): { stream: NodeJS.WriteStream; lines: () => string[] } {
  const stream = new PassThrough();
  const written: Buffer[] = [];
  stream.on("data", (chunk: Buffer) => written.push(chunk));
  const lines = () => Buffer.concat(written).toString().trimEnd().split("\n");
  return { stream: stream as unknown as NodeJS.WriteStream, lines };
}

test("a log has a line for what ended, and one each 15 s for what takes long", async () => {
  const { stream, lines } = sink();
  const progress = await makeProgress(false, stream);
  const slow = progress.begin("layer\u001B[31m 1", 100 * MIB);
  const quick = progress.begin("layer 2", null);
  quick.at(5 * MIB);
  quick.done("sent");
  for (let second = 1; second <= 40; second++) {
    vi.advanceTimersByTime(1000);
    slow.at(second * MIB);
  }
  slow.failed("failed");
  progress.end();
  expect(lines()).toEqual([
    "layer 2: sent (5.0 MiB)",
    "layer\uFFFD[31m 1: 15.0 MiB of 100.0 MiB",
    "layer\uFFFD[31m 1: 30.0 MiB of 100.0 MiB",
    "layer\uFFFD[31m 1: failed (after 40.0 MiB)",
  ]);
});

test("programs get an object when something begins, once a second, and when it ends", async () => {
  const { stream, lines } = sink();
  const progress = await makeProgress(true, stream);
  const step = progress.begin("layer", 1000);
  for (const bytes of [100, 200, 300]) {
    vi.advanceTimersByTime(600);
    step.at(bytes);
  }
  step.at(1000);
  step.done("sent");
  const shown = lines().map((line) => (JSON.parse(line) as { progress: object }).progress);
  expect(shown).toEqual([
    { name: "layer", bytes: 0, total: 1000, state: "under way" },
    { name: "layer", bytes: 200, total: 1000, state: "under way" },
    { name: "layer", bytes: 1000, total: 1000, state: "done", text: "sent" },
  ]);
});

test("what is resumed says where", async () => {
  const { stream, lines } = sink();
  const progress = await makeProgress(false, stream);
  const step = progress.begin("layer", 120 * MIB);
  step.resumed(40 * MIB);
  step.at(120 * MIB);
  step.done("sent");
  expect(lines()).toEqual(["layer: resumed at 40.0 MiB of 120.0 MiB", "layer: sent (120.0 MiB)"]);
});
