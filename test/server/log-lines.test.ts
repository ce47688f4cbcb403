/** The local server's output of the Worker's log. */
import { expect, test } from "vitest";
import { logLine, readLogFormat } from "../../scripts/start/log-lines.ts";

const ENTRY = {
  time: "2026-11-02T10:11:12.345Z",
  requestId: "x",
  method: "GET",
  route: "/v2/{name}/manifests/{reference}",
  repository: "acme/app",
  actor: "alice",
  status: 200,
  bytesIn: null,
  bytesOut: 1234,
  duration: 3.4,
  peakBuffers: 0,
};

test("on a terminal a request is one line for people", () => {
  expect(logLine(JSON.stringify(ENTRY), "text")).toBe(
    "10:11:12  200  GET  /v2/{name}/manifests/{reference} of acme/app  by alice  3 ms  1234 B out",
  );
  const failed = {
    ...ENTRY,
    status: 500,
    route: null,
    actor: null,
    bytesOut: null,
    error: "Error: x",
  };
  expect(logLine(JSON.stringify(failed), "text")).toBe(
    "10:11:12  500  GET  (no such path)  3 ms  Error: x",
  );
});

test("without a terminal it is the Worker's JSON, and LOG_FORMAT wins over both", () => {
  expect(JSON.parse(logLine(JSON.stringify(ENTRY), "json"))).toEqual(ENTRY);
  expect(readLogFormat({}, true)).toBe("text");
  expect(readLogFormat({}, false)).toBe("json");
  expect(readLogFormat({ LOG_FORMAT: "json" }, true)).toBe("json");
  expect(readLogFormat({ LOG_FORMAT: "text" }, false)).toBe("text");
  expect(readLogFormat({ LOG_FORMAT: "" }, false)).toBe("json");
  expect(() => readLogFormat({ LOG_FORMAT: "yaml" }, false)).toThrow("it should be json or text");
});

test.each(["json", "text"] as const)("nothing in a line steers the terminal: %s", (format) => {
  const hostile = "a\u{9B}31m\u{1B}]0;x\u{7}\u{202E}b\u{2066}c\u{200F}d\u{61C}";
  const line = logLine(JSON.stringify({ ...ENTRY, error: hostile, actor: hostile }), format);
  expect(line).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  if (format === "json") expect(JSON.parse(line)).toMatchObject({ error: hostile, actor: hostile });
  expect(logLine(`${hostile}\n at x`, format)).not.toMatch(/(?!\n)[\p{Cc}\p{Cf}]/u);
});
