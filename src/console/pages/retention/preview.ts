import type { Expiring, Protected, RetentionPreview } from "../../../retention/schema.ts";
import type { Repository } from "../../../api/schema/repositories.ts";
import { call, type Page, path, withQuery } from "../../api/client.ts";
import type { Policy } from "./rules.ts";

/** An image that the policy would delete, with its repository. */
export interface Going extends Expiring {
  readonly repository: string;
}

/** What a policy would delete, and what it would not although a rule is for it. */
export interface Previewed {
  readonly going: readonly Going[];
  /** The bytes that nothing else in their repositories needs; null if they are too many to add up. */
  readonly freedBytes: number | null;
  /** Whether it may be more, as it was added up for each page of a list alone. */
  readonly isAtLeast: boolean;
  readonly kept: readonly Protected[];
  /** Whether there is more than was looked at. */
  readonly isCut: boolean;
}

/** Requests of one preview: a large namespace is not gone through to the end. */
const MAX_REQUESTS = 40;

/**
 * Asks the API what a policy would delete in these repositories.
 * @param onProgress is told after each request how many images go
 * @throws ApiError for a policy that the API refuses
 */
export async function preview(
  repositories: AsyncIterable<string>,
  policy: Policy,
  onProgress: (images: number) => void,
): Promise<Previewed> {
  let found: Previewed = NOTHING;
  let requests = 0;
  for await (const repository of repositories) {
    let after: string | null = "";
    while (after !== null) {
      if (++requests > MAX_REQUESTS) return { ...found, isCut: true };
      const to = withQuery(path`/repositories/${repository}/-/retention/preview`, { after });
      const page: RetentionPreview = await call<RetentionPreview>(to, {
        method: "POST",
        body: policy,
      });
      found = withPage(found, repository, page, after !== "");
      onProgress(found.going.length);
      after = page.next;
    }
  }
  return found;
}

const NOTHING: Previewed = { going: [], freedBytes: 0, isAtLeast: false, kept: [], isCut: false };

function withPage(
  { going, freedBytes, isAtLeast, kept, isCut }: Previewed,
  repository: string,
  page: RetentionPreview,
  isFurther: boolean,
): Previewed {
  return {
    going: [...going, ...page.items.map((item) => ({ repository, ...item }))],
    freedBytes:
      freedBytes === null || page.freedBytes === null ? null : freedBytes + page.freedBytes,
    isAtLeast: isAtLeast || (isFurther && page.items.length > 0),
    kept: [...kept, ...page.kept],
    isCut,
  };
}

/** Lists the repositories of a namespace that have no policy of their own: those that its policy holds in. */
export async function* repositoriesOf(namespace: string): AsyncGenerator<string> {
  let after: string | null = "";
  while (after !== null) {
    const page: Page<Repository> = await call<Page<Repository>>(
      withQuery("/repositories", { namespace, after }),
    );
    for (const { name } of page.items) {
      const { of } = await call<{ of: string | null }>(path`/repositories/${name}/-/retention`);
      if (of !== "repository") yield name;
    }
    after = page.next;
  }
}
