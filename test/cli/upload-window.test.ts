/** How much of an upload the proxy holds, by the speed of the line. */
import { afterEach, expect, test } from "vitest";
import { UploadWindow } from "../../src/cli/upload/window.ts";

const open: UploadWindow[] = [];

afterEach(() => {
  for (const window of open.splice(0)) window.close();
});

function upload(maxRequestBytes = 100_000_000): UploadWindow {
  const window = new UploadWindow(maxRequestBytes);
  open.push(window);
  return window;
}

/** Sends requests of the size that the window wants, over a line of this speed, until it wants no larger ones. */
function settle(windows: readonly UploadWindow[], bytesPerSecond: number): void {
  for (let i = 0; i < 20; i++) {
    for (const window of windows) {
      const bytes = window.bytes / 2;
      window.measure(bytes, (bytes / (bytesPerSecond / windows.length)) * 1000);
    }
  }
}

test.each([
  [2, 18.9],
  [10, 18],
  [100, 18],
])(
  "at %i Mbit/s what is held and what the sockets hold is sent within jib's 20 s",
  (megabits, seconds) => {
    const bytesPerSecond = (megabits / 8) * 1_000_000;
    const window = upload();
    settle([window], bytesPerSecond);
    expect((window.bytes + 4_200_000) / bytesPerSecond).toBeLessThanOrEqual(seconds);
    // Requests are long enough to make the time between them small.
    expect(window.bytes / 2 / bytesPerSecond).toBeGreaterThanOrEqual(0.9);
  },
);

test("uploads share the line, also one that joins later and is not measured yet", () => {
  const first = upload();
  settle([first], 1_250_000);
  expect(first.bytes).toBeGreaterThan(9_000_000);
  const second = upload();
  expect(first.bytes).toBeLessThanOrEqual(5_000_000);
  second.close();
  expect(first.bytes).toBeGreaterThan(9_000_000);
});

test("a first request that took long does not keep the later ones small", () => {
  const window = upload();
  // 0.6 s of latency, and then a line of 100 Mbit/s.
  for (let i = 0; i < 8; i++) {
    const bytes = window.bytes / 2;
    window.measure(bytes, 600 + bytes / 12_500);
  }
  expect(window.bytes).toBeGreaterThan(50_000_000);
});

test("all uploads together hold 112 MiB at most, and none more than two requests", () => {
  const windows = Array.from({ length: 8 }, () => upload());
  settle(windows, 1e9);
  const held = windows.reduce((sum, { bytes }) => sum + bytes, 0);
  expect(held).toBeLessThanOrEqual(112 * 1024 ** 2);
  for (const window of windows) window.close();
  const small = upload(1_000_000);
  settle([small], 1e9);
  expect([small.bytes, small.requestBytes(0)]).toEqual([2_000_000, 1_000_000]);
});
