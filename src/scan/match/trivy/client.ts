import * as v from "valibot";
import { answerOf, refusal } from "../answer.ts";
import { exchange, originOf, type Reply, ScannerUnavailable, type Transport } from "../exchange.ts";
import type { Finding } from "../finding.ts";
import { artifactOf, blobOf, missingOf, scanOf, type TrivyImage } from "./request.ts";
import { readScan } from "./response.ts";

export interface TrivyOptions extends Transport {
  /** The address of `trivy server`, without a path. */
  readonly baseUrl: string;
  /** What the server was started with as `--token`; null if with none. */
  readonly token: string | null;
}

const CACHE = "/twirp/trivy.cache.v1.Cache";
const SCANNER = "/twirp/trivy.scanner.v1.Scanner";
/** 766 packages are answered within 400 ms; a server that loads its database takes longer. */
const TIMEOUT_MS = 60_000;
/** A finding has up to 10 KB with its description; thousands of them are an image full of old packages. */
const MAX_BYTES = 32 * 1024 ** 2;

const Missing = answerOf({
  missing_artifact: v.optional(v.nullable(v.boolean()), false),
  missing_blob_ids: v.optional(v.nullable(v.array(v.string())), []),
});

const Failure = v.object({ msg: v.pipe(v.string(), v.maxLength(1_000)) });

const Version = v.object({
  VulnerabilityDB: v.object({ UpdatedAt: v.pipe(v.string(), v.maxLength(64)) }),
});

/**
 * Matches an image's packages by `trivy server`, with two requests where it knows the list and four where it does not.
 * @throws ScannerUnavailable
 */
export async function matchByTrivy(
  image: TrivyImage,
  options: TrivyOptions,
): Promise<readonly Finding[]> {
  if (await isMissing(image, options)) await put(image, options);
  const scanned = await send(`${SCANNER}/Scan`, scanOf(image), options);
  // The server may lose its cache in between; then it says so, and the list is put again.
  const isLost = scanned.status === 500 && /layer cache missing/.test(failureOf(scanned) ?? "");
  if (!isLost) return read(scanned, image, options);
  await put(image, options);
  return read(await send(`${SCANNER}/Scan`, scanOf(image), options), image, options);
}

/** Returns when the server's database was made, as it writes it; null from a server that does not say. */
export async function trivyDatabaseTime(options: TrivyOptions): Promise<string | null> {
  const { status, json } = await send("/version", undefined, options);
  const parsed = v.safeParse(Version, json);
  return status === 200 && parsed.success ? parsed.output.VulnerabilityDB.UpdatedAt : null;
}

async function isMissing(image: TrivyImage, options: TrivyOptions): Promise<boolean> {
  const reply = await send(`${CACHE}/MissingBlobs`, missingOf(image), options);
  const parsed = v.safeParse(Missing, succeeded(reply, options).json);
  if (!parsed.success) throw strange(options);
  const { missing_artifact: isNew, missing_blob_ids: blobs } = parsed.output;
  return isNew === true || (blobs ?? []).includes(image.listId);
}

async function put(image: TrivyImage, options: TrivyOptions): Promise<void> {
  succeeded(await send(`${CACHE}/PutBlob`, blobOf(image), options), options);
  succeeded(await send(`${CACHE}/PutArtifact`, artifactOf(image), options), options);
}

function read(reply: Reply, image: TrivyImage, options: TrivyOptions): readonly Finding[] {
  const findings = readScan(succeeded(reply, options).json, image);
  if (findings === null) throw strange(options);
  return findings;
}

function send(path: string, body: unknown, options: TrivyOptions): Promise<Reply> {
  return exchange(options, {
    url: options.baseUrl.replace(/\/$/, "") + path,
    body,
    headers: options.token === null ? {} : { "trivy-token": options.token },
    timeoutMs: TIMEOUT_MS,
    maxBytes: MAX_BYTES,
  });
}

function succeeded(reply: Reply, { baseUrl, token }: TrivyOptions): Reply {
  if (reply.status === 200) return reply;
  const origin = originOf(baseUrl);
  if (reply.status === 401) throw new ScannerUnavailable(`${origin} refused the token`);
  throw refusal(origin, reply, failureOf(reply), token === null ? [] : [token]);
}

function failureOf({ json }: Reply): string | null {
  const parsed = v.safeParse(Failure, json);
  return parsed.success ? parsed.output.msg : null;
}

function strange({ baseUrl }: TrivyOptions): ScannerUnavailable {
  return new ScannerUnavailable(`${originOf(baseUrl)} gave an answer that is not a Trivy server's`);
}
