/** As whom the proxy speaks to the registry. */
import { CliError } from "../error.ts";
import { bearerAuthorize } from "../remote/authorize.ts";
import { dockerCredentials, loginCredentials } from "../remote/credentials.ts";
import { exchange, revoke } from "../remote/oidc.ts";
import type { Authorize } from "../remote/upstream.ts";
import { copyable } from "../sentence.ts";

export const CREDENTIALS = ["pass", "login", "docker", "oidc"] as const;
export type CredentialKind = (typeof CREDENTIALS)[number];

export interface ProxyCredential {
  readonly authorize: Authorize;
  /** Ends what was made for this proxy alone. */
  close(): Promise<void>;
}

/** An exchanged credential that ends so soon is renewed first, in milliseconds. */
const MARGIN_MS = 60_000;

/** @throws CliError where there is none of that kind */
export async function openCredential(
  kind: Exclude<CredentialKind, "pass">,
  { registry, namespaces }: { readonly registry: string; readonly namespaces: readonly string[] },
): Promise<ProxyCredential> {
  if (kind === "oidc") return openExchanged(registry, namespaces);
  const { host } = new URL(registry);
  const credentials = await (kind === "docker"
    ? dockerCredentials(host)
    : loginCredentials(registry));
  if (credentials === null) {
    const login = kind === "docker" ? `docker login ${host}` : `slipway login ${host}`;
    throw new CliError(`this machine has no credentials for ${host}`, {
      code: "NO_CREDENTIALS",
      hint: `Log in first: ${copyable(login)}`,
    });
  }
  return { authorize: bearerAuthorize(registry, credentials), close: () => Promise.resolve() };
}

/** The credentials of a CI job: exchanged for its ID token, and again before they end, also in the middle of a layer. */
async function openExchanged(
  registry: string,
  namespaces: readonly string[],
): Promise<ProxyCredential> {
  const login = { namespaces, audience: registry };
  let { password, expiresAt } = await exchange(registry, login);
  const leftMs = (): number => Date.parse(expiresAt) - Date.now();
  const renew = async (isRefused: boolean): Promise<void> => {
    try {
      ({ password, expiresAt } = await exchange(registry, login));
    } catch (error) {
      // One that still holds is used, and the next request tries again.
      if (isRefused || leftMs() <= 0) throw error;
    }
  };
  let renewing: Promise<void> | null = null;
  return {
    async authorize(_scopes, challenge) {
      const isRefused = challenge !== null;
      if (isRefused || leftMs() < MARGIN_MS) {
        // Layers that meet the end together are renewed once.
        renewing ??= renew(isRefused).finally(() => (renewing = null));
        await renewing;
      }
      return `Bearer ${password}`;
    },
    close: () => revoke(registry, password),
  };
}
