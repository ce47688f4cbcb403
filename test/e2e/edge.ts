/**
 * A layer above the limit of Cloudflare's edge: without help the push fails with the message that docs/troubleshooting.md
 * has; through `slipway proxy` it succeeds.
 */
import { startProxyProcess } from "../../scripts/proxy.ts";
import { type Edge, startEdge } from "../support/edge.ts";
import type { Account } from "./accounts.ts";
import { atEnd } from "./cleanup.ts";
import { type Bench, repository, step, type Step } from "./client.ts";
import { expectEqual, expectSameFiles } from "./compare.ts";
import { EDGE_LIMIT_MB, type Registry } from "./registry.ts";
import { CommandFailure, expectRefusal, type Result } from "./shell.ts";
import type { MakeVisitor, Refusal, Visitor } from "./visitor.ts";

/** Docker 26 repeats a refused push for a minute, and containerd 1.6 hangs at times. */
const REFUSED_SECONDS = 10;
/** The repository of the pushes that are refused. */
export const REFUSED = "refused";

/** podman, buildah and skopeo say the same, the newer ones in quotation marks. */
export const REFUSED_BY_STORAGE =
  /uploading layer chunked: StatusCode: 413, \\?"?<html>[^]*413 Request Entity Too Large</;

export interface EdgePlace {
  edge: Edge;
  /** The registry as clients reach it through the edge. */
  registry: Registry;
  /** The registry as they reach it through the proxy, which is before the edge. */
  proxied: Registry;
  refusals: Refusal[];
}

export async function openEdge(registry: Registry): Promise<EdgePlace> {
  const edge = await startEdge({
    upstream: registry.url,
    limitBytes: EDGE_LIMIT_MB * 1_000_000,
    refusal: "drain",
  });
  atEnd("stop the edge", () => edge.stop());
  const at = (host: string) => ({ ...registry, host, url: `http://${host}`, plain: true });
  const proxy = await startProxyProcess(edge.url);
  atEnd("stop the proxy", async () => expectEqual(await proxy.stop(), 0, "exit code"));
  const proxied = at(proxy.host);
  return { edge, registry: at(`127.0.0.1:${edge.port}`), proxied, refusals: [] };
}

/** @param says the client's message, as docs/troubleshooting.md has it; null for a client that splits layers itself */
export function edgeSteps(bench: Bench, says: RegExp | null, ...makers: MakeVisitor[]): Step[] {
  const { edge: place } = bench;
  if (place === undefined) return [];
  return makers.flatMap((make) => {
    const refused = make({
      ...large(bench, place.registry),
      attempt: (argv, options) => bench.attempt(argv, { timeout: REFUSED_SECONDS, ...options }),
    });
    const proxied = make(large(bench, place.proxied));
    const title = (text: string) => (refused.name === bench.id ? text : `${refused.name}: ${text}`);
    return [
      step("too large", title(says === null ? SPLIT : REFUSAL), [], () =>
        push(bench, place, { visitor: refused, says }),
      ),
      step("proxy", title("the same layer through slipway proxy, and pulled again"), [], () =>
        pass(bench, place, proxied),
      ),
    ];
  });
}

const REFUSAL = "a layer above the edge's limit is refused";
const SPLIT = "a layer above the edge's limit is split by the client";

/** The client at another host, with the large image in place of the small one. */
function large(bench: Bench, registry: Registry): Bench {
  const { images } = bench;
  return { ...bench, registry, images: { ...images, hello: images.large } };
}

function adminOf({ registry }: Bench): Account {
  return { label: "admin", user: registry.user, secret: registry.password };
}

interface Pushing {
  visitor: Visitor;
  says: RegExp | null;
}

async function push(bench: Bench, place: EdgePlace, { visitor, says }: Pushing): Promise<void> {
  const { edge, refusals } = place;
  const admin = adminOf(bench);
  if (visitor.login !== undefined) expectDone(await visitor.login(admin));
  const before = edge.refused;
  const began = performance.now();
  const result = await visitor.push(admin, repository(bench, REFUSED), "v1");
  if (says === null) return expectDone(result);
  refusals.push({
    client: visitor.name,
    what: REFUSAL,
    seconds: (performance.now() - began) / 1000,
    requests: edge.refused - before,
    code: result.code,
    message: says.exec(result.output)?.[0] ?? "",
  });
  expectRefusal(result, says);
}

async function pass(bench: Bench, { edge }: EdgePlace, visitor: Visitor): Promise<void> {
  const admin = adminOf(bench);
  const name = `large-${visitor.name.replace("@", "-")}`;
  const before = edge.refused;
  if (visitor.login !== undefined) expectDone(await visitor.login(admin));
  expectDone(await visitor.push(admin, repository(bench, name), "v1"));
  expectEqual(edge.refused, before, "requests that the edge refused");
  if (visitor.isNew === undefined) await expectSameFiles(bench, bench.images.large, name);
  expectDone(await visitor.pull(admin, repository(bench, name)));
}

function expectDone(result: Result): void {
  if (result.code !== 0) throw new CommandFailure(result);
}
