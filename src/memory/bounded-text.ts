/**
 * Reads the text of an answer that another server gave.
 * @returns null when it is longer than `maxBytes`; the rest is not read
 * @throws the signal's reason
 */
export async function boundedText(
  body: ReadableStream<Uint8Array>,
  maxBytes: number,
  signal: AbortSignal,
): Promise<string | null> {
  const reader = body.getReader();
  // workerd checks a pipe's signal only when bytes come. Cancelling the reader ends it at once.
  signal.addEventListener("abort", () => void reader.cancel(signal.reason).catch(() => {}));
  const decoder = new TextDecoder();
  let size = 0;
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    signal.throwIfAborted();
    if (done) return text + decoder.decode();
    size += value.byteLength;
    if (size > maxBytes) {
      await reader.cancel();
      return null;
    }
    text += decoder.decode(value, { stream: true });
  }
}
