import type { Api } from "./api.ts";
import { shortDigest, timeUtc } from "./output.ts";
import { plain } from "./terminal.ts";
import { progress } from "./progress.ts";
import { repositoryPath } from "./repository-path.ts";
import type { Expiring, Protected, RetentionPreview } from "../retention/schema.ts";

/** An image that a preview lists, with its repository. */
export interface Found extends Expiring {
  readonly repository: string;
}

/** The same with its examples from several repositories. */
export interface KeptFound extends Omit<Protected, "examples"> {
  readonly examples: readonly (Protected["examples"][number] & { readonly repository: string })[];
}

const MAX_EXAMPLES = 3;

/** The images that policies would delete and keep, as far as they were looked at. */
export class Preview {
  readonly found: Found[] = [];
  readonly #kept = new Map<string, KeptFound>();
  #looks: number;

  /** @param looks requests that it may take */
  constructor(looks = Infinity) {
    this.#looks = looks;
  }

  get isCut(): boolean {
    return this.#looks < 0;
  }

  get kept(): readonly KeptFound[] {
    return [...this.#kept.values()];
  }

  /** @param policy {} for the one in force */
  async add(repository: string, policy: object, api: Api): Promise<void> {
    const path = `${repositoryPath(repository)}/-/retention/preview`;
    let after: string | null = "";
    while (after !== null) {
      if (--this.#looks < 0) return;
      const query: string = after === "" ? "" : `?after=${encodeURIComponent(after)}`;
      const page: RetentionPreview = await api.send<RetentionPreview>("POST", path + query, policy);
      this.found.push(...page.items.map((item) => ({ repository, ...item })));
      for (const one of page.kept) this.#keep(repository, one);
      progress(`${repository}: ${this.found.length} found`);
      after = page.next;
    }
  }

  #keep(repository: string, kept: Protected): void {
    const key = `${kept.by} ${kept.rule ?? ""}`;
    const before = this.#kept.get(key);
    const examples = kept.examples.map((example) => ({ repository, ...example }));
    this.#kept.set(key, {
      ...kept,
      lastUsed: later(before?.lastUsed, kept.lastUsed),
      until: later(before?.until, kept.until),
      images: (before?.images ?? 0) + kept.images,
      examples: [...(before?.examples ?? []), ...examples].slice(0, MAX_EXAMPLES),
    });
  }
}

/** Both as the API writes them, so that the later one sorts behind the other. */
function later(a: string | null | undefined, b: string | null): string | null {
  return a !== null && a !== undefined && (b === null || a > b) ? a : b;
}

/** Lines that say what stays, and why, although a rule is for it. */
export function keptText(kept: readonly KeptFound[]): string[] {
  if (kept.length === 0) return [];
  const images = kept.reduce((sum, one) => sum + one.images, 0);
  return [
    `${images} ${images === 1 ? "image that a rule would take is" : "images that rules would take are"} protected:`,
    ...kept.map((one) => `  ${one.images} ${reasonOf(one)} (${examplesOf(one)})`),
  ];
}

function reasonOf({ by, rule, lastUsed, until }: KeptFound): string {
  const end = until === null ? "" : timeUtc(until);
  switch (by) {
    case "tags":
      return "with more than 100 tags";
    case "immutability":
      return "with an immutable tag";
    case "grace":
      return `by the grace time after a push, which ends ${end}`;
    case "rule":
      return `by the keep rule ${rule ?? ""}`;
    case "use":
      return `in use: pulled or asked for, last on ${lastUsed ?? ""}`;
    case "unknown":
      return `that may be in use: uses were not recorded for long enough before ${end}`;
  }
}

function examplesOf({ images, examples }: KeptFound): string {
  const names = examples.map(({ repository, digest, tags: [tag] }) =>
    plain(tag === undefined ? `${repository}@${shortDigest(digest)}` : `${repository}:${tag}`),
  );
  return [...names, ...(images > names.length ? ["…"] : [])].join(", ");
}

/** Images, and what goes with them. */
export function counted(found: readonly Pick<Found, "attachments">[]): string {
  const attached = found.reduce((sum, { attachments }) => sum + attachments.length, 0);
  return countedRun({ images: found.length, manifests: found.length + attached });
}

export function countedRun({ images, manifests }: { images: number; manifests: number }): string {
  const attached = manifests - images;
  return `${images} ${images === 1 ? "image" : "images"}${attached === 0 ? "" : ` and ${attached} manifests of theirs`}`;
}
