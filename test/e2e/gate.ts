/** Opens the place of the cases about accounts: the front, the issuer, and a credential that will have expired. */
import { makeBrief } from "./accounts.ts";
import { openFront } from "./front.ts";
import { openIssuer } from "./issuer.ts";
import type { Registry } from "./registry.ts";
import type { Gate } from "./visitor.ts";

export async function openGate(registry: Registry): Promise<Gate | undefined> {
  if (registry.log === undefined) {
    console.log("skip accounts: they want a registry of their own, not the one of REGISTRY_URL");
    return undefined;
  }
  const front = await openFront(registry);
  const issuer = await openIssuer();
  const brief = await makeBrief(front.registry, issuer);
  return { front, issuer, brief, refusals: [] };
}
