/**
 * A client that still sends when its connection is closed gets a reset, and with it loses an answer that has arrived already
 * (RFC 9112 § 9.6). So what a request has left of its body is read and dropped before it is answered, within these bounds;
 * who sends more, or more slowly, is answered at once.
 */
const MAX_BYTES = 128 * 1024 * 1024;
const MAX_MS = 10_000;
/** Bodies read at once in an isolate, apart for strangers: what they send must not cost the others their answers. */
const MAX_AT_ONCE = 32;
const BUFFER_BYTES = 64 * 1024;

export type Sender = "known" | "stranger";

const atOnce: Record<Sender, number> = { known: 0, stranger: 0 };

/** Reads what is left of the body, if anything is. Never rejects. */
export async function dropUnread(request: Request, sender: Sender): Promise<void> {
  const { body } = request;
  // Whoever still holds the body reads it itself, or has nothing left of it.
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
    // The body broke off, or can't be read: nobody is left to be answered.
  } finally {
    clearTimeout(clock);
    atOnce[sender]--;
  }
}

/** A client that waits for `100 Continue`, which the first read sends, is refused before it sends anything. */
function isAwaited({ bodyUsed, headers }: Request): boolean {
  return !bodyUsed && headers.get("expect")?.toLowerCase() === "100-continue";
}
