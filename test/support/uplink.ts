/** A slow line, which all connections share. */
import { setTimeout as sleep } from "node:timers/promises";

/** How long the line may have been idle and still catch up: timers are late by a millisecond or two. */
const SLACK_MS = 50;

export class Uplink {
  readonly #msPerByte: number;
  /** When the bytes that were taken so far are over the line, by the process's clock. */
  #freeAt = 0;

  constructor(bytesPerSecond: number) {
    this.#msPerByte = 1000 / bytesPerSecond;
  }

  /** Resolves once these bytes are over the line. The caller reads no more until then, so the sender's socket fills up. */
  async take(bytes: number): Promise<void> {
    const now = performance.now();
    this.#freeAt = Math.max(now - SLACK_MS, this.#freeAt) + bytes * this.#msPerByte;
    if (this.#freeAt > now) await sleep(this.#freeAt - now);
  }
}
