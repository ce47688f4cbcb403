/** Sends the fuzzer's requests, and checks the answers. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Asked } from "./requests.ts";

/** The most milliseconds that an answer may take: after that a client counts as hung. */
export const MAX_ANSWER_MS = 5_000;

export interface Answer {
  readonly status: number;
  readonly location: string | null;
}

/** @throws Error that names the fault of the answer */
export async function ask(
  url: string,
  { method, path, headers, body, isChunked }: Asked,
  authorization: string | null,
): Promise<Answer> {
  const stream = body !== null && isChunked ? ReadableStream.from([Buffer.from(body)]) : body;
  const given = authorization === null ? {} : { authorization };
  const init = { method, headers: { ...headers, ...given }, body: stream, duplex: "half" as const };
  const over = new AbortController();
  const late = sleep(MAX_ANSWER_MS, undefined, { signal: over.signal }).then(() => {
    throw new Error(`no answer within ${MAX_ANSWER_MS} ms`);
  });
  try {
    return await Promise.race([exchange(url + path, init, over.signal), late]);
  } finally {
    late.catch(() => {});
    over.abort();
  }
}

async function exchange(url: string, init: RequestInit, signal: AbortSignal): Promise<Answer> {
  const response = await fetch(url, { ...init, redirect: "manual", signal });
  const { status, headers } = response;
  const text = await response.text();
  if (status >= 500) throw new Error(`answered ${status}: ${text.slice(0, 500)}`);
  if (status >= 400 && init.method !== "HEAD")
    checkRefusal(text, headers.get("content-type") ?? "");
  return { status, location: headers.get("location") };
}

/** Checks for the specification's list of errors, or the API's problem (RFC 9457). */
function checkRefusal(text: string, type: string): void {
  const body = JSON.parse(text) as { errors?: { code?: unknown }[]; title?: unknown };
  const isProblem = type.startsWith("application/problem+json") && typeof body.title === "string";
  if (!isProblem && typeof body.errors?.[0]?.code !== "string") {
    throw new Error(`a refusal without a reason: ${text.slice(0, 500)}`);
  }
}
