/** Digests as tables show them: "sha256:1a2b3c4d5e6f" stands for the only manifest whose digest begins so. */
import { isDigest } from "../oci/digest.ts";
import type { Api } from "./api.ts";
import { CliError } from "./error.ts";
import { repositoryPath } from "./repository-path.ts";
import { copyable } from "./sentence.ts";

/** Shorter, a beginning is likely that of several. */
const PREFIX = /^sha(?:256|512):[0-9a-f]{6,127}$/;

export function isDigestOrPrefix(text: string): boolean {
  return isDigest(text) || PREFIX.test(text);
}

/** The digest of a live manifest. */
export async function wholeDigest(api: Api, repository: string, given: string): Promise<string> {
  if (isDigest(given)) return given;
  return only(await liveDigests(api, repository, given), given, repository);
}

/** The digest of a manifest in the trash. */
export async function trashedDigest(api: Api, repository: string, given: string): Promise<string> {
  if (isDigest(given)) return given;
  return only(await trashedDigests(api, repository, given), given, repository);
}

/** The digest of a manifest, wherever it is. */
export async function anyDigest(api: Api, repository: string, given: string): Promise<string> {
  if (isDigest(given)) return given;
  const live = await liveDigests(api, repository, given);
  return only([...live, ...(await trashedDigests(api, repository, given))], given, repository);
}

/** The digest of what a tag named before. */
export async function pastDigest(
  api: Api,
  { repository, tag }: { readonly repository: string; readonly tag: string },
  given: string,
): Promise<string> {
  if (isDigest(given)) return given;
  const past = api.list<Digested>(`${repositoryPath(repository)}/-/history`, { tag });
  return only(await beginning(past, given), given, repository);
}

interface Digested {
  readonly digest: string;
}

async function liveDigests(api: Api, repository: string, given: string): Promise<string[]> {
  // The list is sorted by digest, and a beginning sorts before all that begin so.
  const query = { after: given, limit: "2" };
  const found: string[] = [];
  for await (const { digest } of api.list<Digested>(
    `${repositoryPath(repository)}/-/manifests`,
    query,
  )) {
    if (!digest.startsWith(given) || found.push(digest) === 2) break;
  }
  return found;
}

function trashedDigests(api: Api, repository: string, given: string): Promise<string[]> {
  return beginning(api.list<Digested>(`${repositoryPath(repository)}/-/deleted`), given);
}

async function beginning(items: AsyncIterable<Digested>, given: string): Promise<string[]> {
  const all = await Array.fromAsync(items, ({ digest }) => digest);
  return all.filter((digest) => digest.startsWith(given));
}

function only(found: readonly string[], given: string, repository: string): string {
  const [digest, ...others] = new Set(found);
  if (digest !== undefined && others.length === 0) return digest;
  const hint = `${copyable(`slipway manifest list ${repository} --wide`)} lists whole digests, ${copyable(`slipway trash list ${repository}`)} those in the trash`;
  if (digest === undefined) {
    const message = `there is no such manifest in ${repository} whose digest begins with ${given}`;
    throw new CliError(message, { code: "MANIFEST_UNKNOWN", hint });
  }
  const message = `several manifests of ${repository} have digests that begin with ${given}`;
  throw new CliError(message, { code: "AMBIGUOUS", hint });
}
