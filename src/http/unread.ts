/**
 * Reads the rest of a request's body before the answer. A client that still sends when its connection is closed gets a
 * reset, and loses an answer that has arrived already (RFC 9112 § 9.6). A client that sends more than these bounds, or
 * more slowly, is answered at once.
 */
const MAX_BYTES = 128 * 1024 * 1024;
const MAX_MS = 10_000;
/** Bodies read at once in an isolate. Strangers have a count of their own, so that they slow down no known client. */
const MAX_AT_ONCE = 32;
const BUFFER_BYTES = 64 * 1024;

export type Sender = "known" | "stranger";

const atOnce: Record<Sender, number> = { known: 0, stranger: 0 };

/** Reads and drops the rest of the body, if any. Never rejects. */
export async function dropUnread(request: Request, sender: Sender): Promise<void> {
  const { body } = request;
  // The holder of a locked body reads it, or has read it all.
  if (body === null || body.locked || isAwaited(request)) return;
  const length = Number(request.headers.get("content-length") ?? 1);
  if (length === 0 || length > MAX_BYTES || atOnce[sender] >= MAX_AT_ONCE) return;
  atOnce[sender]++;
  let clock: ReturnType<typeof setTimeout> | undefined;
  try {
    const reader = body.getReader({ mode: "byob" });
    clock = setTimeout(() => void reader.cancel().catch(() => {}), MAX_MS);
    let buffer = new ArrayBuffer(BUFFER_BYTES);
    for (let bytes = 0; bytes < MAX_BYTES;) {
      const { value, done } = await reader.read(new Uint8Array(buffer));
      if (done || value === undefined) return;
      bytes += value.length;
      buffer = value.buffer;
    }
  } catch {
    // The body broke off or can't be read: no client is left to answer.
  } finally {
    clearTimeout(clock);
    atOnce[sender]--;
  }
}

/** Returns whether the client waits for `100 Continue`, which a read would send: it is refused before it sends any. */
function isAwaited({ bodyUsed, headers }: Request): boolean {
  return !bodyUsed && headers.get("expect")?.toLowerCase() === "100-continue";
}
