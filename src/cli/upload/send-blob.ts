/**
 * Sends the bytes of one blob to an upload's session in requests that the edge lets through. What a request brings is
 * held until the registry has it, so that it can be sent again; the next request's bytes are read meanwhile.
 */
import { CliError } from "../error.ts";
import type { Answer, Upstream } from "../remote/upstream.ts";
import { unreachable } from "../remote/unreachable.ts";
import { firstOf, lengthOf, withoutFirst } from "../remote/pieces.ts";
import { ByteQueue } from "./byte-queue.ts";
import { isRetryable, MAX_TRIES, waitToRetry } from "../remote/backoff.ts";
import { isNetworkError, isPassing } from "../remote/retry.ts";
import { isSuccess, Session } from "./session.ts";
import { UploadWindow } from "./window.ts";

export interface Sending {
  readonly upstream: Upstream;
  readonly scopes?: readonly string[];
  /** Path and query of the session. */
  readonly location: string;
  /** Where `body` begins in the blob, and what the session should have. */
  readonly offset: number;
  /** Whether a client gave the offset itself: if it is wrong, the registry's 416 is the client's to hear. */
  readonly isOffsetStated?: boolean;
  readonly body: AsyncIterable<Uint8Array>;
  /** The length of the body of a client that waits for an answer; null where nobody knows. */
  readonly bodyBytes?: number | null;
  /** The digest, asked for when the body has ended; null leaves the session open. */
  readonly finish: (() => string) | null;
  /** The largest body of a request (`OCI-Chunk-Max-Length`). */
  readonly maxRequestBytes: number;
  /** How many bytes the registry has. */
  readonly onSent?: ((offset: number) => void) | undefined;
  readonly onLocation?: ((location: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A 413 at fewer bytes has another reason than the edge's limit. */
const LEAST_REQUEST_BYTES = 1024 ** 2;

/**
 * @returns the registry's last answer: that which ended the upload, the last chunk's, or a refusal that no other try
 * would change
 * @throws the error of the body; CliError where the registry stays out of reach, or has lost bytes that it had
 */
export async function sendBlob(sending: Sending): Promise<Answer> {
  const window = new UploadWindow(sending.maxRequestBytes, sending.bodyBytes);
  try {
    return await new BlobSender(sending, window).run();
  } finally {
    window.close();
  }
}

/** The bytes that are sent at a time. */
interface Chunk {
  readonly pieces: readonly Uint8Array[];
  /** Where they begin and end in the blob. */
  readonly start: number;
  readonly end: number;
  /** Whether the body ends with them. */
  readonly isLast: boolean;
}

/** A last answer, a failure that another try may mend, or progress. */
type Tried =
  | { readonly answer: Answer; readonly isFinal: true }
  | { readonly answer: Answer | NodeJS.ErrnoException; readonly isFinal: false }
  | "go on";

class BlobSender {
  readonly #sending: Sending;
  readonly #window: UploadWindow;
  readonly #session: Session;
  readonly #source: AsyncIterator<Uint8Array>;
  readonly #queue = new ByteQueue();
  #maxRequestBytes: number;
  #inFlight = 0;
  /** Bytes that the registry has, and the body has yet to bring: a client repeats an upload whose answer it lost. */
  #ahead = 0;
  #hasEnded = false;
  #failure: { readonly error: unknown } | null = null;
  /** Whether reading waits because no more may be held; what is there is then sent. */
  #isPaused = false;
  #wakeReader = Promise.withResolvers<undefined>();
  #wakeSender = Promise.withResolvers<undefined>();
  #isOffsetKnown = true;
  #isFinished = false;
  #mayBeFinished = false;
  /** The size of the last request, and where it began. */
  #lastSent = 0;
  #sentFrom = 0;
  #hasSent = false;

  constructor(sending: Sending, window: UploadWindow) {
    const { upstream, scopes = [], location, offset, onLocation, signal } = sending;
    this.#sending = sending;
    this.#window = window;
    this.#maxRequestBytes = sending.maxRequestBytes;
    this.#source = sending.body[Symbol.asyncIterator]();
    this.#session = new Session({ upstream, scopes, location, offset, onLocation, signal });
  }

  async run(): Promise<Answer> {
    void this.#read();
    try {
      return await this.#send();
    } finally {
      // After a refusal nothing more is read.
      this.#hasEnded = true;
      this.#changed();
    }
  }

  /** Reads while less is held than the window has room for. */
  async #read(): Promise<void> {
    try {
      while (!this.#hasEnded) {
        if (this.#window.isFull) {
          this.#isPaused = true;
          this.#notifySender();
          await this.#wakeReader.promise;
          continue;
        }
        const { value, done = false } = await this.#source.next();
        if (done) {
          this.#hasEnded = true;
          this.#window.isEnding = true;
        } else this.#queue.push(value);
        this.#changed();
      }
    } catch (error) {
      this.#failure = { error };
      this.#changed();
    }
  }

  async #send(): Promise<Answer> {
    for (;;) {
      const chunk = await this.#next();
      this.#inFlight = chunk.end - chunk.start;
      const answer = await this.#deliver(chunk);
      this.#inFlight = 0;
      this.#ahead = Math.max(0, this.#session.offset - chunk.end);
      this.#changed();
      if (!isSuccess(answer) || chunk.isLast) return answer;
      answer.body.resume();
    }
  }

  /** Waits for a request's worth of bytes, for the end of the body, or until no more may be held. */
  async #next(): Promise<Chunk> {
    for (;;) {
      if (this.#failure !== null) throw this.#failure.error;
      this.#skip();
      const start = this.#session.offset - this.#ahead;
      const bytes = Math.min(this.#window.requestBytes(start), this.#maxRequestBytes);
      const isEnough = this.#queue.length >= bytes || (this.#queue.length > 0 && this.#isPaused);
      if (this.#hasEnded || (isEnough && this.#ahead === 0)) {
        const isLast = this.#hasEnded && this.#queue.length <= bytes;
        const pieces = this.#queue.take(bytes);
        return { pieces, start, end: start + lengthOf(pieces), isLast };
      }
      await this.#wakeSender.promise;
    }
  }

  /** Drops what the registry has already. */
  #skip(): void {
    if (this.#ahead === 0) return;
    this.#ahead -= lengthOf(this.#queue.take(this.#ahead));
    this.#changed();
  }

  /**
   * Brings a chunk to the registry, in as many tries as it takes. After a failed try nobody knows what arrived, so the
   * registry is asked before more is sent.
   */
  async #deliver(chunk: Chunk): Promise<Answer> {
    const { signal } = this.#sending;
    let failures = 0;
    for (;;) {
      const { offset } = this.#session;
      const result = await this.#window.inTurn(() => this.#try(chunk));
      if (result === "go on") {
        if (this.#session.offset > offset) failures = 0;
        continue;
      }
      const { answer, isFinal } = result;
      if (isFinal) return answer;
      this.#isOffsetKnown = false;
      failures += 1;
      if (failures === MAX_TRIES) {
        if (answer instanceof Error) throw unreachable(this.#sending.upstream.origin, answer);
        return answer;
      }
      if (!(answer instanceof Error)) answer.body.resume();
      // An upload that waits leaves the uplink to the others.
      this.#window.isEnding = false;
      const { origin } = this.#sending.upstream;
      await waitToRetry({ origin, result: answer, failures, maxTries: MAX_TRIES }, signal);
      this.#window.isEnding = this.#hasEnded;
    }
  }

  /** Sends what is left of a chunk, or asks how much is. */
  async #try(chunk: Chunk): Promise<Tried> {
    const isAsking = !this.#isOffsetKnown;
    let answer: Answer;
    try {
      answer = await (isAsking ? this.#session.ask() : this.#sendRest(chunk));
    } catch (error) {
      this.#sending.signal?.throwIfAborted();
      if (!isNetworkError(error)) throw error;
      if (!isPassing(error)) throw unreachable(this.#sending.upstream.origin, error);
      return { answer: error, isFinal: false };
    }
    if (isSuccess(answer)) return this.#succeeded(chunk, answer, isAsking);
    const goesOn =
      isAsking && answer.status === 404 ? this.#finishesAgain(chunk) : this.#shrinks(answer);
    if (goesOn) {
      answer.body.resume();
      return "go on";
    }
    // The registry is elsewhere in the upload: it is asked where.
    const isElsewhere = answer.status === 416 && !isAsking && !this.#isClientsMistake;
    this.#hasSent = true;
    return isRetryable(answer) || isElsewhere
      ? { answer, isFinal: false }
      : { answer, isFinal: true };
  }

  /** A wrong offset that the client gave itself is wrong from the first request on. */
  get #isClientsMistake(): boolean {
    return this.#sending.isOffsetStated === true && !this.#hasSent;
  }

  #succeeded(chunk: Chunk, answer: Answer, wasAsked: boolean): Tried {
    const { offset } = this.#session;
    this.#hasSent = true;
    if (offset < chunk.start) {
      throw new CliError(
        `${this.#sending.upstream.origin} has lost bytes of an upload: it has ${offset}, and had ${chunk.start}. Push again.`,
      );
    }
    this.#isOffsetKnown = true;
    this.#sending.onSent?.(offset);
    const isDone = this.#isEnding(chunk) ? this.#isFinished : offset >= chunk.end;
    if (isDone) return { answer, isFinal: true };
    // A registry that takes a request and moves nothing would get it for ever.
    if (!wasAsked && offset === this.#sentFrom) return { answer, isFinal: false };
    answer.body.resume();
    return "go on";
  }

  async #sendRest(chunk: Chunk): Promise<Answer> {
    const { offset } = this.#session;
    const rest = this.#mayBeFinished ? [] : withoutFirst(chunk.pieces, offset - chunk.start);
    const length = lengthOf(rest);
    const sentLength = Math.min(length, this.#maxRequestBytes);
    const body = sentLength < length ? firstOf(rest, sentLength) : rest;
    const isRest = sentLength === length;
    const placing = offset === 0 && chunk.isLast && isRest ? "whole" : "ranged";
    const began = performance.now();
    this.#lastSent = sentLength;
    this.#sentFrom = offset;
    const { finish } = this.#sending;
    const ends = chunk.isLast && isRest && finish !== null;
    const answer = await (ends
      ? this.#session.finish(body, sentLength, { digest: finish(), placing })
      : this.#session.append(body, sentLength, placing));
    if (isSuccess(answer)) {
      this.#isFinished = ends;
      this.#window.measure(sentLength, performance.now() - began);
    }
    return answer;
  }

  #isEnding({ isLast }: Chunk): boolean {
    return isLast && this.#sending.finish !== null;
  }

  /**
   * A session that is gone may have ended, and the answer got lost, more than once perhaps: the same finish gets the same
   * answer again. If there never was one, its own 404 is the last word.
   */
  #finishesAgain(chunk: Chunk): boolean {
    if (!this.#isEnding(chunk)) return false;
    this.#mayBeFinished = true;
    this.#isOffsetKnown = true;
    return true;
  }

  /** Says whether smaller requests may get through: the edge's limit can be lower than the registry knows. */
  #shrinks({ status }: Answer): boolean {
    if (status !== 413 || this.#lastSent <= LEAST_REQUEST_BYTES) return false;
    this.#maxRequestBytes = Math.floor(this.#lastSent / 2);
    return true;
  }

  #changed(): void {
    this.#window.held = this.#queue.length + this.#inFlight;
    this.#isPaused = false;
    this.#wakeReader.resolve(undefined);
    this.#wakeReader = Promise.withResolvers();
    this.#notifySender();
  }

  #notifySender(): void {
    this.#wakeSender.resolve(undefined);
    this.#wakeSender = Promise.withResolvers();
  }
}
