/** The token by which a scanner pulls one image's repository. */
import type { RepositoryName } from "../oci/reference.ts";
import type { Actor } from "../auth/policy/access.ts";
import { grantScopes } from "../auth/policy/scope.ts";
import { signToken } from "../auth/login/token.ts";

/** How its pulls are known, and its name in logs. No account has it: it is reserved as each way to log in is. */
export const SCANNER = "scanner";

/** The token has to live until the last layer has been pulled. */
const LIFETIME_SECONDS = 900;

/** This registry as scanners pull from it. */
export interface Pullable {
  /** Its address, without a path. */
  readonly url: string;
  /** The keys that sign its tokens. */
  readonly key: string;
  readonly nextKey: string | null;
}

/** @returns a registry token that pulls this repository and nothing else, for 15 minutes */
export async function pullToken(
  repository: RepositoryName,
  { url, key, nextKey }: Pullable,
): Promise<string> {
  const actor: Actor = {
    name: SCANNER,
    via: SCANNER,
    grants: [{ pattern: repository, rights: ["pull"] }],
    limits: null,
    dependsOn: [],
    token: null,
    subject: null,
    expires: null,
    grantedAt: null,
  };
  const asked = [{ type: "repository", name: repository, actions: ["pull"] }];
  const signing = { key, nextKey, service: new URL(url).host };
  const { token } = await signToken(actor, grantScopes(actor, asked), LIFETIME_SECONDS, signing);
  return token;
}
