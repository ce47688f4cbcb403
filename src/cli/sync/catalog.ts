/** Docker's list of a registry's repositories, which the OCI specification leaves out. */
import { json } from "node:stream/consumers";
import * as v from "valibot";
import { CliError } from "../error.ts";
import { refused } from "../image/refusal.ts";
import { reached } from "../remote/retry.ts";
import type { Upstream } from "../remote/upstream.ts";

const Page = v.object({ repositories: v.nullish(v.array(v.string()), []) });

export async function* repositoriesOf(upstream: Upstream): AsyncGenerator<string, void> {
  const { origin } = upstream;
  const scopes = ["registry:catalog:*"];
  for (let path: string | null = "/v2/_catalog?n=1000"; path !== null;) {
    const asked: string = path;
    const answer = await reached(origin, () =>
      upstream.request({ method: "GET", path: asked, scopes }),
    );
    if (answer.status !== 200) throw await refused(answer, "list the repositories", origin);
    const page = v.safeParse(Page, await json(answer.body));
    if (!page.success) throw new CliError(`${origin} answered no list of repositories`);
    yield* page.output.repositories;
    const link = [answer.headers.link ?? []].flat().join(",");
    const next = /<([^>]*)>\s*;\s*rel="?next"?/.exec(link)?.[1];
    path = next === undefined ? null : pathOf(new URL(next, origin));
  }
}

function pathOf({ pathname, search }: URL): string {
  return pathname + search;
}
