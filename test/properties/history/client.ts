/** One client: it records its requests and their answers, and knows the progress of its own uploads. */
import { random, type Bytes, type Content, digestOf } from "../../support/images.ts";
import type { Action, Outcome, Recorder } from "./history.ts";
import type { Step } from "./plan.ts";
import type { Image } from "./universe.ts";

export interface Asked {
  readonly method: string;
  /** The path from the root. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Bytes;
  /** Whether the body is sent without a Content-Length. */
  readonly streamed?: boolean;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Uint8Array;
}

/** The registry and the surroundings of the clients. */
export interface World {
  /** @returns null when the connection broke */
  send(asked: Asked): Promise<Answer | null>;
  /** Whether connections may break. */
  readonly isFragile: boolean;
  /** Returns when there is a server to talk to. */
  ready(): Promise<void>;
  pause(milliseconds: number): Promise<void>;
  /** Evicts an upload's session from memory. */
  evict(upload: string): Promise<void>;
}

/** Uploads that may have left objects in the bucket, by the names of their sessions. */
export type Sessions = Map<string, "open" | "done">;

const NO_ANSWER = { status: 0 };
/** The tries after lost answers before a client gives up an upload. */
const PATIENCE = 5;

interface Restored {
  readonly digest: string | null;
  readonly replaced: string | null;
  readonly tags: readonly string[];
  readonly manifests: readonly string[];
}

/** The offset and the Location to continue at. */
interface Standing {
  readonly location: string;
  readonly offset: number;
}

export class Client {
  readonly #name: string;
  readonly #world: World;
  readonly #recorder: Recorder;
  readonly #sessions: Sessions;

  constructor(name: string, world: World, recorder: Recorder, sessions: Sessions) {
    this.#name = name;
    this.#world = world;
    this.#recorder = recorder;
    this.#sessions = sessions;
  }

  /** @returns the answer; null when there was none */
  async ask(
    repository: string,
    action: Action,
    asked: Asked,
    judge: (answer: Answer) => Partial<Outcome> = () => ({}),
  ): Promise<Answer | null> {
    let answer: Answer | null = null;
    await this.#recorder.record(this.#name, repository, action, async () => {
      answer = await this.#world.send(asked);
      return answer === null ? NO_ANSWER : { ...outcomeOf(answer), ...judge(answer) };
    });
    if (answer === null) await this.#world.ready();
    return answer;
  }

  /** @returns the digest that the tag points to */
  async readTag(repository: string, tag: string, method: "GET" | "HEAD"): Promise<string | null> {
    const path = `/v2/${repository}/manifests/${tag}`;
    const action = { kind: "read-tag", tag } as const;
    const answer = await this.ask(repository, action, { method, path }, (given) =>
      bytesOf(method, given),
    );
    return answer?.status === 200 ? answer.headers.get("docker-content-digest") : null;
  }

  /** @returns whether it was there */
  async readManifest(repository: string, digest: string, method: "GET" | "HEAD"): Promise<boolean> {
    const path = `/v2/${repository}/manifests/${digest}`;
    const action = { kind: "read-manifest", digest } as const;
    const answer = await this.ask(repository, action, { method, path }, (given) =>
      bytesOf(method, given),
    );
    return answer?.status === 200;
  }

  async readBlob(repository: string, digest: string): Promise<void> {
    const action = { kind: "read-blob", digest } as const;
    const asked = { method: "GET", path: `/v2/${repository}/blobs/${digest}` };
    await this.ask(repository, action, asked, (given) => bytesOf("GET", given));
  }

  /** @returns whether it need not be pushed */
  async confirmBlob(repository: string, digest: string): Promise<boolean> {
    const action = { kind: "confirm-blob", digest } as const;
    const asked = { method: "HEAD", path: `/v2/${repository}/blobs/${digest}` };
    const answer = await this.ask(repository, action, asked, (given) => bytesOf("HEAD", given));
    return answer?.status === 200;
  }

  async listTags(repository: string): Promise<void> {
    const asked = { method: "GET", path: `/v2/${repository}/tags/list` };
    await this.ask(repository, { kind: "list-tags" }, asked, ({ status, body }) =>
      status === 200 ? { tags: (parse(body) as { tags: string[] }).tags } : {},
    );
  }

  async remove(repository: string, action: Action, path: string): Promise<void> {
    await this.ask(repository, action, { method: "DELETE", path });
  }

  /** Restores or purges. */
  async undo(
    repository: string,
    action: Action,
    verb: "restore" | "purge",
    target: Readonly<Record<string, string>>,
  ): Promise<void> {
    const asked = {
      method: "POST",
      path: `/api/v1/repositories/${repository}/-/${verb}`,
      headers: { "content-type": "application/json" },
      body: new TextEncoder().encode(JSON.stringify(target)) as Bytes,
    };
    await this.ask(repository, action, asked, ({ status, body }) => {
      if (status !== 200) return {};
      const { digest, replaced, tags, manifests } = parse(body) as Restored;
      return { ...(digest === null ? {} : { digest }), replaced, tags, manifests };
    });
  }

  /** @returns the answer's status, 0 where there was none, and the code of a refusal */
  async putManifest(
    repository: string,
    { digest, bytes, mediaType }: Image,
    tags: readonly string[],
  ): Promise<Outcome> {
    const [first = digest, ...others] = tags;
    const query = others.map((tag) => `tag=${tag}`).join("&");
    const action = { kind: "put-manifest", digest, tags } as const;
    const answer = await this.ask(repository, action, {
      method: "PUT",
      path: `/v2/${repository}/manifests/${first}${query === "" ? "" : `?${query}`}`,
      headers: { "content-type": mediaType },
      body: bytes,
    });
    return answer === null ? NO_ANSWER : outcomeOf(answer);
  }

  /** @returns the Location of an upload where it can't be mounted, "mounted", or null without an answer */
  async mount(
    repository: string,
    digest: string,
    from: string,
  ): Promise<Standing | "mounted" | null> {
    const action = { kind: "mount-blob", digest, from } as const;
    const path = `/v2/${repository}/blobs/uploads/?mount=${digest}&from=${from}`;
    const answer = await this.ask(repository, action, { method: "POST", path });
    if (answer?.status === 201) return "mounted";
    return answer?.status === 202 ? this.#begun(answer) : null;
  }

  /** Uploads or mounts a blob. @returns whether the blob is pushed */
  async upload(
    repository: string,
    content: Content,
    step: Step,
    begun?: Standing,
  ): Promise<boolean> {
    const next = random(step.seed);
    // With faults its answer may be lost, and then nobody knows whose object is left.
    if (step.upload === "post" && begun === undefined && !this.#world.isFragile) {
      return this.#post(repository, content);
    }
    for (let tries = 0; tries < PATIENCE; tries++) {
      const standing = tries === 0 && begun !== undefined ? begun : await this.start(repository);
      if (standing === null) continue;
      const upload = new Upload(this, { repository, content, step, next }, standing);
      const sent = await upload.send();
      if (sent === "lost") continue;
      return sent;
    }
    return false;
  }

  async start(repository: string): Promise<Standing | null> {
    const action = { kind: "upload-step", upload: "", step: "start" } as const;
    const path = `/v2/${repository}/blobs/uploads/`;
    const answer = await this.ask(repository, action, { method: "POST", path }, (given) =>
      given.status === 202 ? {} : { wrong: `an upload was begun with ${said(given)}` },
    );
    return answer?.status === 202 ? this.#begun(answer) : null;
  }

  /** Starts an upload that is not finished: it is cancelled, or just left. */
  async abandon(repository: string, content: Content, step: Step): Promise<void> {
    const standing = await this.start(repository);
    if (standing === null) return;
    const work = { repository, content, step, next: random(step.seed) };
    await new Upload(this, work, standing).abandon();
  }

  pause(milliseconds: number): Promise<void> {
    return this.#world.pause(milliseconds);
  }

  evict(upload: string): Promise<void> {
    return this.#world.evict(upload);
  }

  ended(upload: string): void {
    this.#sessions.set(upload, "done");
  }

  #begun(answer: Answer): Standing {
    const location = answer.headers.get("location") ?? "";
    this.#sessions.set(uploadOf(location), "open");
    return { location, offset: 0 };
  }

  async #post(repository: string, { digest, bytes }: Content): Promise<boolean> {
    const path = `/v2/${repository}/blobs/uploads/?digest=${digest}`;
    const action = { kind: "finish-upload", digest, repeated: false } as const;
    const answer = await this.ask(repository, action, { method: "POST", path, body: bytes });
    return answer?.status === 201;
  }
}

/** The upload of one blob, in requests of any size. */
class Upload {
  readonly #client: Client;
  readonly #work: { repository: string; content: Content; step: Step; next: () => number };
  #standing: Standing;

  constructor(
    client: Client,
    work: { repository: string; content: Content; step: Step; next: () => number },
    standing: Standing,
  ) {
    this.#client = client;
    this.#work = work;
    this.#standing = standing;
  }

  /** @returns "lost" when the upload has to start again */
  async send(): Promise<boolean | "lost"> {
    const { content, step, next } = this.#work;
    const size = content.bytes.length;
    if (step.upload === "stream" && !(await this.#patch(size, false))) return "lost";
    if (step.upload === "chunks") {
      const chunks = 1 + (next() % 3);
      for (let i = 1; i <= chunks; i++) {
        const end = i === chunks && next() % 2 === 0 ? size : Math.floor((size * i) / (chunks + 1));
        if (end > this.#standing.offset && !(await this.#patch(end, true))) return "lost";
        await this.#disturb();
      }
    }
    for (let tries = 0; tries < PATIENCE; tries++) {
      // After a lost answer the same finish is sent again: the upload may have ended, and its blob may be deleted
      // since.
      const status = await this.#finish(tries > 0);
      if (status === 0) continue;
      if (status === 404 && tries > 0) return "lost";
      if (tries === 0) this.#client.ended(this.#id);
      if (status === 201 && next() % 4 === 0) await this.#finish(true);
      return status === 201;
    }
    return false;
  }

  async abandon(): Promise<void> {
    const { repository, content, next } = this.#work;
    if (!(await this.#patch(Math.floor(content.bytes.length / 2), true))) return;
    await this.#disturb();
    if (next() % 2 === 0) return;
    const action = { kind: "upload-step", upload: this.#id, step: "cancel" } as const;
    const asked = { method: "DELETE", path: this.#standing.location };
    await this.#client.ask(repository, action, asked, (answer) =>
      answer.status === 204 ? {} : { wrong: `it was cancelled with ${said(answer)}` },
    );
  }

  get #id(): string {
    return uploadOf(this.#standing.location);
  }

  /** Sends the bytes up to some offset. @returns false when the upload has to start again */
  async #patch(end: number, isRanged: boolean): Promise<boolean> {
    const { offset, location } = this.#standing;
    const answer = await this.#send(offset, end, location, isRanged);
    if (answer === null) return this.#ask([offset, end]);
    if (answer.status !== 202) return false;
    this.#standing = { location: answer.headers.get("location") ?? location, offset: end };
    return true;
  }

  #send(from: number, end: number, location: string, isRanged: boolean): Promise<Answer | null> {
    const { repository, content } = this.#work;
    const range = { "content-range": `${from}-${end - 1}` };
    const asked: Asked = {
      method: "PATCH",
      path: location,
      headers: isRanged && end > from ? range : {},
      body: content.bytes.slice(from, end),
      streamed: !isRanged,
    };
    const action = { kind: "upload-step", upload: this.#id, step: `patch ${from}-${end}` } as const;
    return this.#client.ask(repository, action, asked, (answer) =>
      answer.status === 202 && answer.headers.get("range") === rangeTo(end, "0-0")
        ? {}
        : { wrong: `bytes ${from} to ${end} were answered with ${said(answer)}` },
    );
  }

  /** Asks for the offset of the upload. @returns false when that is unknown */
  async #ask(offsets: readonly number[]): Promise<boolean> {
    const { repository } = this.#work;
    const { location } = this.#standing;
    const action = {
      kind: "upload-step",
      upload: this.#id,
      step: `ask ${offsets.join(" ")}`,
    } as const;
    const answer = await this.#client.ask(
      repository,
      action,
      { method: "GET", path: location },
      (given) => {
        const right = offsets.some(
          (offset) => given.headers.get("range") === rangeTo(offset, "0--1"),
        );
        return given.status === 204 && right
          ? {}
          : { wrong: `it stands elsewhere: ${said(given)}` };
      },
    );
    if (answer?.status !== 204) return false;
    const offset = Number(answer.headers.get("range")?.split("-").at(-1)) + 1;
    const from = answer.headers.get("range") === "0--1" ? 0 : offset;
    this.#standing = { location: answer.headers.get("location") ?? location, offset: from };
    return true;
  }

  /** Disturbs clients and platforms between two requests. */
  async #disturb(): Promise<void> {
    const { next } = this.#work;
    const { offset } = this.#standing;
    switch (next() % 4) {
      case 0:
        return this.#client.evict(this.#id);
      case 1:
        await this.#ask([offset]);
        return;
      case 2:
        return this.#replay();
      default:
        return this.#client.pause(next() % 10);
    }
  }

  /** Repeats the last chunk, whose answer was lost: it must not be appended twice. */
  async #replay(): Promise<void> {
    const { repository, content, next } = this.#work;
    const { offset, location } = this.#standing;
    const from = Math.max(0, offset - 1 - (next() % 50));
    if (from === offset) return;
    const asked = {
      method: "PATCH",
      path: location,
      headers: { "content-range": `${from}-${offset - 1}` },
      body: content.bytes.slice(from, offset),
    };
    const action = {
      kind: "upload-step",
      upload: this.#id,
      step: `replay ${from}-${offset}`,
    } as const;
    await this.#client.ask(repository, action, asked, (answer) =>
      answer.status === 416 && answer.headers.get("range") === rangeTo(offset, "0--1")
        ? {}
        : { wrong: `bytes that had come already were answered with ${said(answer)}` },
    );
  }

  async #finish(repeated: boolean): Promise<number> {
    const { repository, content } = this.#work;
    const { location, offset } = this.#standing;
    const { digest } = content;
    const action = { kind: "finish-upload", digest, repeated } as const;
    const answer = await this.#client.ask(repository, action, {
      method: "PUT",
      path: `${location}${location.includes("?") ? "&" : "?"}digest=${digest}`,
      body: content.bytes.slice(offset),
    });
    return answer?.status ?? 0;
  }
}

function outcomeOf({ status, headers, body }: Answer): Outcome {
  const digest = headers.get("docker-content-digest");
  return {
    status,
    ...(digest === null ? {} : { digest }),
    ...(status < 400 || body.length === 0 ? {} : { code: codeOf(body) }),
  };
}

function codeOf(body: Uint8Array): string {
  const refusal = parse(body) as { code?: string; errors?: { code?: string }[] } | null;
  return refusal?.errors?.[0]?.code ?? refusal?.code ?? "";
}

function parse(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(body));
  } catch {
    return null;
  }
}

function bytesOf(method: "GET" | "HEAD", { status, headers, body }: Answer): Partial<Outcome> {
  if (status !== 200) return {};
  if (method === "GET") return { bytes: digestOf(body) };
  const length = headers.get("content-length");
  return length === null ? {} : { length: Number(length) };
}

function said({ status, headers }: Answer): string {
  return `${status}, Range ${headers.get("range") ?? "missing"}`;
}

function rangeTo(offset: number, empty: string): string {
  return offset === 0 ? empty : `0-${offset - 1}`;
}

function uploadOf(location: string): string {
  return /\/blobs\/uploads\/([^/?.]+)/.exec(location)?.[1] ?? "";
}
