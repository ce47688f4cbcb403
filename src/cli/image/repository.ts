/** A repository at a registry, by the OCI distribution spec. Requests without a body of bytes are sent again where that may help. */
import type { Readable } from "node:stream";
import * as v from "valibot";
import { type Digest, isDigest } from "../../oci/digest.ts";
import {
  DOCKER_LIST,
  DOCKER_MANIFEST,
  OCI_ARTIFACT,
  OCI_INDEX,
  OCI_MANIFEST,
} from "../../oci/media-type.ts";
import { CliError } from "../error.ts";
import { isNetworkError, reached } from "../remote/retry.ts";
import { unreachable } from "../remote/unreachable.ts";
import { type Answer, type Asked, Upstream } from "../remote/upstream.ts";
import { type Descriptor, type Manifest, MAX_MANIFEST_BYTES, parseManifest } from "./manifest.ts";
import { refused } from "./refusal.ts";
import type { Blob, Bytes } from "./source.ts";

const ACCEPT = [OCI_MANIFEST, OCI_INDEX, DOCKER_MANIFEST, DOCKER_LIST, OCI_ARTIFACT].join(", ");
const MAX_REDIRECTS = 5;
const READ_TRIES = 4;

type Call = Omit<Asked, "body"> & { readonly body?: readonly Uint8Array[] };

export class Repository {
  readonly upstream: Upstream;
  readonly name: string;
  readonly scopes: readonly string[];
  /** Where blobs are downloaded from: content networks that a registry redirects to. */
  readonly #elsewhere = new Map<string, Upstream>();

  /** @param actions what its tokens allow: "pull", or "pull,push" */
  constructor(upstream: Upstream, name: string, actions: "pull" | "pull,push") {
    this.upstream = upstream;
    this.name = name;
    this.scopes = [`repository:${name}:${actions}`];
  }

  get registry(): string {
    return this.upstream.origin;
  }

  /** Sends a request below `/v2/<name>/`, and again where that may help. */
  call(asked: Call): Promise<Answer> {
    const path = asked.path.startsWith("/") ? asked.path : `/v2/${this.name}/${asked.path}`;
    const { signal } = asked;
    return reached(
      this.registry,
      () => this.upstream.request({ scopes: this.scopes, ...asked, path }),
      signal,
    );
  }

  refused(answer: Answer, doing: string): Promise<CliError> {
    return refused(answer, `${doing} of ${this.name}`, this.registry);
  }

  /** @returns null if there is none */
  async manifest(reference: string): Promise<Manifest | null> {
    const path = `manifests/${reference}`;
    const { answer, bytes } = await this.#read({
      method: "GET",
      path,
      headers: { accept: ACCEPT },
    });
    if (bytes !== null) {
      const { "content-type": type = "" } = answer.headers;
      return parseManifest(bytes, isDigest(reference) ? reference : null, type);
    }
    if (answer.status !== 404) throw await this.refused(answer, `read the manifest ${reference}`);
    answer.body.resume();
    return null;
  }

  /** The digest of a manifest; null if there is none. Registries that don't say it are read. */
  async digestOf(reference: string): Promise<Digest | null> {
    const path = `manifests/${reference}`;
    const answer = await this.call({ method: "HEAD", path, headers: { accept: ACCEPT } });
    answer.body.resume();
    if (answer.status === 404) return null;
    if (answer.status !== 200)
      throw await this.refused(answer, `look for the manifest ${reference}`);
    const said = String(answer.headers["docker-content-digest"]);
    return isDigest(said) ? said : ((await this.manifest(reference))?.digest ?? null);
  }

  async hasBlob(digest: Digest, signal?: AbortSignal): Promise<boolean> {
    const path = `blobs/${digest}`;
    const { status, body } = await this.#followed({ method: "HEAD", path, ...only(signal) });
    body.resume();
    return status === 200;
  }

  /** Downloads a blob from an offset. What breaks off is not continued here. */
  async openBlob({ digest, size }: Blob, offset: number): Promise<Bytes> {
    const range = offset === 0 ? {} : { range: `bytes=${offset}-${size - 1}` };
    const headers = { "accept-encoding": "identity", ...range };
    const answer = await this.#followed({ method: "GET", path: `blobs/${digest}`, headers });
    const { status, body } = answer;
    if (status !== 200 && status !== 206)
      throw await this.refused(answer, `read the blob ${digest}`);
    return offset > 0 && status === 200 ? skipped(body, offset) : body;
  }

  /** Follows redirects to a content network, without the registry's credentials. */
  async #followed(asked: Call): Promise<Answer> {
    let answer = await this.call(asked);
    let at = this.registry;
    for (let hops = 0; hops < MAX_REDIRECTS && isRedirect(answer); hops++) {
      answer.body.resume();
      const url = new URL(answer.headers.location ?? "", at);
      if (url.protocol !== "https:" && at.startsWith("https:")) {
        throw new CliError(`${at} leads from https to ${url.origin}, which is not followed`);
      }
      at = url.origin;
      const upstream = this.#elsewhere.get(at) ?? new Upstream(at);
      this.#elsewhere.set(at, upstream);
      const path = url.pathname + url.search;
      answer = await reached(at, () => upstream.request({ ...asked, path }), asked.signal);
    }
    return answer;
  }

  /** The tags, page by page. */
  async *tags(): AsyncGenerator<string, void> {
    for await (const page of this.#pages("tags/list?n=1000", TagPage)) yield* page.tags ?? [];
  }

  /** The manifests with this subject, by the endpoint or by the tag that stands in for it; null: the registry has neither. */
  async referrers(subject: Digest): Promise<Descriptor[]> {
    const found: Descriptor[] = [];
    try {
      for await (const page of this.#pages(`referrers/${subject}`, IndexPage)) {
        found.push(...(page.manifests as Descriptor[]));
      }
      return found;
    } catch (error) {
      if (!(error instanceof CliError) || error.status !== 404) throw error;
    }
    // spec.md, "Unavailable Referrers API".
    return (await this.manifest(fallbackTag(subject)))?.body.manifests ?? [];
  }

  async *#pages<T>(path: string, schema: v.GenericSchema<unknown, T>): AsyncGenerator<T, void> {
    for (let next: string | null = path; next !== null;) {
      const { answer, bytes } = await this.#read({ method: "GET", path: next });
      if (bytes === null) throw await this.refused(answer, `list ${path}`);
      const page = v.safeParse(v.pipe(v.string(), v.parseJson(), schema), bytes.toString());
      if (!page.success) throw new CliError(`${this.registry} answered no list at ${next}`);
      yield page.output;
      next = nextOf(answer, this.registry);
    }
  }

  /** Reads an answer of 200 whole, and again if it breaks off. */
  async #read(asked: Call): Promise<{ answer: Answer; bytes: Buffer | null }> {
    for (let tries = 1; ; tries++) {
      const answer = await this.call(asked);
      if (answer.status !== 200) return { answer, bytes: null };
      try {
        return { answer, bytes: await limited(answer.body) };
      } catch (error) {
        if (!isNetworkError(error)) throw error;
        if (tries === READ_TRIES) throw unreachable(this.registry, error);
      }
    }
  }

  /** Closes what it opened; the connection to the registry is for others, too. */
  close(): void {
    for (const upstream of this.#elsewhere.values()) upstream.close();
  }
}

const TagPage = v.object({ tags: v.nullish(v.array(v.string())) });
const IndexPage = v.object({
  manifests: v.array(v.looseObject({ digest: v.string(), size: v.number() })),
});

/** The tag of an index of referrers, where a registry has no endpoint for them. */
export function fallbackTag(subject: Digest): string {
  return subject.replace(":", "-");
}

/** The next page (RFC 8288), which is at the same registry. */
function nextOf({ headers }: Answer, registry: string): string | null {
  const link = [headers.link ?? []].flat().join(",");
  const target = /<([^>]*)>\s*;\s*rel="?next"?/.exec(link)?.[1];
  if (target === undefined) return null;
  const { pathname, search } = new URL(target, registry);
  return pathname + search;
}

function isRedirect({ status, headers }: Answer): boolean {
  return [301, 302, 303, 307, 308].includes(status) && headers.location !== undefined;
}

function only(signal: AbortSignal | undefined): { signal?: AbortSignal } {
  return signal === undefined ? {} : { signal };
}

async function limited(body: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > MAX_MANIFEST_BYTES) {
      throw new CliError(`an answer is larger than ${MAX_MANIFEST_BYTES} bytes: it is no manifest`);
    }
  }
  return Buffer.concat(chunks);
}

/** Reads on from an offset, where a registry has no ranges. */
async function* skipped(body: AsyncIterable<Buffer>, offset: number): AsyncGenerator<Buffer, void> {
  let left = offset;
  for await (const chunk of body) {
    if (chunk.length > left) yield chunk.subarray(left);
    left = Math.max(0, left - chunk.length);
  }
}
