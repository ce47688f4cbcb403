/**
 * The upload of one blob to a registry. Where the registry tells the size of a request, the blob goes in ranged requests, and where the
 * session is stands in the user's cache: a second run asks the session what it has, and goes on there. Other registries get it as docker
 * sends it, in one request.
 */
import { Readable } from "node:stream";
import { algorithmOf } from "../../oci/digest.ts";
import { CliError } from "../error.ts";
import { Cache } from "../image/cache.ts";
import type { Repository } from "../image/repository.ts";
import { isNetworkError, isPassing, reached } from "../remote/retry.ts";
import { unreachable } from "../remote/unreachable.ts";
import type { Answer } from "../remote/upstream.ts";
import { isRetryable, MAX_TRIES, waitToRetry } from "../remote/backoff.ts";
import { sendBlob } from "../upload/send-blob.ts";
import { isSuccess, pathOf, Session, withDigest } from "../upload/session.ts";
import { type Beginning, bodyOf, counted, fromStart } from "./blob-body.ts";
import type { Writing } from "./target.ts";

export interface Begun {
  /** Path and query of the session. */
  readonly location: string;
  /** null where the registry does not tell it. */
  readonly maxRequestBytes: number | null;
}

interface Kept {
  readonly location: string;
  readonly maxRequestBytes: number;
  /** The process that sends; two must not send to one session. */
  readonly pid: number;
}

/** Smaller blobs are sent again sooner than asked for. */
const MIN_KEPT_BYTES = 1024 ** 2;
/** A session may end while it is used: it is too old, or the registry lost it. */
const MAX_SESSIONS = 3;
/** The requests to a registry that refused a whole blob as too large, and told no limit. Every plan of Cloudflare lets them through. */
const CAUTIOUS_REQUEST_BYTES = 64 * 1024 ** 2;

export class BlobUpload {
  readonly #repository: Repository;
  readonly #writing: Writing;
  readonly #uploads = new Cache<Kept>("uploads");
  readonly #key: string;
  #keeping: Promise<void> = Promise.resolve();

  constructor(repository: Repository, writing: Writing) {
    this.#repository = repository;
    this.#writing = writing;
    this.#key = `${repository.registry} ${repository.name} ${writing.blob.digest}`;
  }

  /**
   * Goes on with an upload that an earlier run did not end.
   * @returns how many bytes were left to send; null if there is none, or the registry has it no more
   */
  async resume(): Promise<number | null> {
    const kept = await this.#uploads.get(this.#key);
    if (kept === null || (kept.pid !== process.pid && isRunning(kept.pid))) return null;
    const { upstream, scopes } = this.#repository;
    const { signal } = this.#writing;
    const found = { location: kept.location };
    const session = new Session({
      upstream,
      scopes,
      location: kept.location,
      offset: 0,
      onLocation: (location) => (found.location = location),
      signal,
    });
    const answer = await reached(upstream.origin, () => session.ask(), signal);
    const { offset } = session;
    const isGone = answer.status >= 400 && answer.status < 500;
    if (!isGone && !isSuccess(answer)) throw await this.#refused(answer);
    answer.body.resume();
    const { blob, step } = this.#writing;
    if (isGone || offset > blob.size) {
      await this.#forget();
      return null;
    }
    if (offset > 0) step.resumed(offset);
    const { maxRequestBytes } = kept;
    const sent = await this.#sendRanged(
      { location: found.location, maxRequestBytes },
      { offset, hash: offset === 0 ? fromStart(blob).hash : null },
    );
    const sentBytes = blob.size - offset;
    if (isSuccess(sent)) return sentBytes;
    // The registry compares the digest of all of it. What it had before may be wrong, so all of it is sent anew.
    if (sent.status !== 400 && sent.status !== 404) throw await this.#refused(sent);
    sent.body.resume();
    return sent.status === 404 && (await this.#isThere()) ? sentBytes : null;
  }

  /**
   * Begins an upload.
   * @param from another repository there that may have the blob
   * @returns null where the registry took it from that repository
   */
  async begin(from: string | null): Promise<Begun | null> {
    const { blob, signal } = this.#writing;
    const query = new URLSearchParams();
    if (from !== null) {
      query.set("mount", blob.digest);
      query.set("from", from);
    }
    const algorithm = algorithmOf(blob.digest);
    // spec.md, "Pushing a blob": an upload is hashed with sha256 unless it says so.
    if (algorithm !== "sha256") query.set("digest-algorithm", algorithm);
    const { scopes, registry } = this.#repository;
    const answer = await this.#repository.call({
      method: "POST",
      path: `blobs/uploads/${query.size === 0 ? "" : `?${query.toString()}`}`,
      body: [],
      scopes: from === null ? scopes : [...scopes, `repository:${from}:pull`],
      signal,
    });
    const { location, "oci-chunk-max-length": most } = answer.headers;
    const isMounted = answer.status === 201 && from !== null;
    if (!isMounted && (answer.status !== 202 || location === undefined)) {
      throw await this.#repository.refused(answer, "begin an upload");
    }
    answer.body.resume();
    if (isMounted || location === undefined) return null;
    const maxRequestBytes = Number(most) > 0 ? Number(most) : null;
    return { location: pathOf(location, registry), maxRequestBytes };
  }

  /** @throws CliError where the registry refuses, or the source is damaged */
  async send(begun: Begun): Promise<void> {
    let { location, maxRequestBytes } = begun;
    for (let sessions = 1; ; sessions++) {
      const answer =
        maxRequestBytes === null
          ? await this.#sendWhole(location)
          : await this.#sendRanged({ location, maxRequestBytes }, fromStart(this.#writing.blob));
      if (isSuccess(answer)) return;
      const isTooLarge = answer.status === 413 && maxRequestBytes === null;
      const isGone = answer.status === 404;
      if (sessions === MAX_SESSIONS || (!isTooLarge && !isGone)) throw await this.#refused(answer);
      answer.body.resume();
      if (isGone && (await this.#isThere())) return;
      if (isTooLarge) maxRequestBytes = CAUTIOUS_REQUEST_BYTES;
      location = (await this.begin(null))?.location ?? location;
    }
  }

  /** A session that is gone may have ended well, and all answers that said so were lost. */
  #isThere(): Promise<boolean> {
    return this.#repository.hasBlob(this.#writing.blob.digest, this.#writing.signal);
  }

  async #sendRanged(
    { location, maxRequestBytes }: { location: string; maxRequestBytes: number },
    beginning: Beginning,
  ): Promise<Answer> {
    const { upstream, scopes } = this.#repository;
    const { blob, source, step, signal } = this.#writing;
    const session = { location };
    const body = bodyOf(source, blob, beginning, signal);
    this.#keep({ location, maxRequestBytes });
    try {
      const answer = await sendBlob({
        upstream,
        scopes,
        location,
        offset: beginning.offset,
        body,
        finish: () => blob.digest,
        maxRequestBytes,
        onSent: (offset) => step.at(offset),
        onLocation: (moved) => {
          session.location = moved;
          this.#keep({ location: moved, maxRequestBytes });
        },
        signal,
      });
      if (isSuccess(answer)) answer.body.resume();
      // What the registry refused would be refused again.
      await this.#forget();
      return answer;
    } catch (error) {
      await this.#keeping;
      if (error instanceof CliError && error.code === "DAMAGED")
        await this.#cancel(session.location);
      throw error;
    } finally {
      // What was not read to its end holds its source open. Nobody waits for that, nor for how it ends.
      body.return(undefined).catch(() => undefined);
    }
  }

  /** Sends the blob in one request, and again from its start where that broke off. */
  async #sendWhole(first: string): Promise<Answer> {
    let location = first;
    for (let failures = 1; ; failures++) {
      const result = await this.#tryWhole(location);
      const { registry: origin } = this.#repository;
      if (!(result instanceof Error)) {
        if (!isRetryable(result) || failures === MAX_TRIES) return result;
        result.body.resume();
      } else if (!isPassing(result) || failures === MAX_TRIES) throw unreachable(origin, result);
      const failed = { origin, result, failures, maxTries: MAX_TRIES };
      await waitToRetry(failed, this.#writing.signal);
      location = (await this.begin(null))?.location ?? location;
    }
  }

  async #tryWhole(location: string): Promise<Answer | Error> {
    const { upstream, scopes } = this.#repository;
    const { blob, source, step, signal } = this.#writing;
    const failure: { error: unknown } = { error: null };
    const path = withDigest(location, blob.digest);
    const headers = { "content-type": "application/octet-stream" };
    const stream = Readable.from(
      counted(bodyOf(source, blob, fromStart(blob), signal), 0, step.at.bind(step)),
    );
    stream.once("error", (error) => (failure.error = error));
    const body = { stream, bytes: blob.size };
    try {
      return await upstream.request({ method: "PUT", path, headers, body, scopes, signal });
    } catch (error) {
      signal.throwIfAborted();
      if (failure.error instanceof CliError) throw failure.error;
      if (isNetworkError(error)) return error;
      throw error;
    } finally {
      stream.destroy();
    }
  }

  async #cancel(location: string): Promise<void> {
    await this.#forget();
    const answer = await this.#repository.call({ method: "DELETE", path: location });
    answer.body.resume();
  }

  #refused(answer: Answer): Promise<CliError> {
    return this.#repository.refused(answer, `write the blob ${this.#writing.blob.digest}`);
  }

  /** Keeps where the session is, in the order in which it moves. */
  #keep(moved: Omit<Kept, "pid">): void {
    if (this.#writing.blob.size < MIN_KEPT_BYTES) return;
    this.#keeping = this.#keeping.then(() =>
      this.#uploads.set(this.#key, { ...moved, pid: process.pid }),
    );
  }

  async #forget(): Promise<void> {
    await this.#keeping;
    await this.#uploads.remove(this.#key);
  }
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    // EPERM: it runs, as somebody else.
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
