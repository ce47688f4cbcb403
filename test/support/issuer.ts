/** Another party's server, which issues ID tokens; `fetch` reaches it while it runs. */
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { vi } from "vitest";
import { done, makeNamespace } from "./management.ts";

export interface Issuer {
  readonly url: string;
  /** Signs an ID token with these claims, valid for that many seconds. */
  sign(claims: Record<string, unknown>, seconds?: number): Promise<string>;
}

const documents = new Map<string, unknown>();

export async function startIssuer(
  url = `https://issuer-${crypto.randomUUID()}.example`,
): Promise<Issuer> {
  const { privateKey, publicKey } = await generateKeyPair("ES256", { extractable: true });
  const kid = crypto.randomUUID();
  const jwk = { ...(await exportJWK(publicKey)), kid, alg: "ES256", use: "sig" };
  documents.set(`${url}/.well-known/openid-configuration`, {
    issuer: url,
    jwks_uri: `${url}/keys`,
  });
  documents.set(`${url}/keys`, { keys: [jwk] });
  vi.stubGlobal("fetch", (address: string | URL) => {
    const found = documents.get(String(address));
    return Promise.resolve(
      found === undefined ? new Response(null, { status: 404 }) : Response.json(found),
    );
  });
  return {
    url,
    sign: (claims, seconds = 300) => {
      const now = Math.floor(Date.now() / 1000);
      return new SignJWT(claims)
        .setProtectedHeader({ alg: "ES256", kid })
        .setIssuer(url)
        .setIssuedAt(now)
        .setExpirationTime(now + seconds)
        .sign(privateKey);
    },
  };
}

/** What a test's ID tokens are for. */
export const AUDIENCE = "https://registry.test";

/**
 * A namespace that trusts the issuer.
 * @param rule its claims, and what is other than a rule `ci` that lets jobs push to `<namespace>/app`
 */
export async function makeTrustRule(
  { url }: Issuer,
  rule: { readonly claims: Record<string, string[]>; readonly [property: string]: unknown },
) {
  const { namespace, owner } = await makeNamespace();
  const list = `/namespaces/${namespace}/trust-rules`;
  const scopes = [{ repositories: `${namespace}/app`, actions: ["push"] }];
  const as = owner.authorization;
  await done(
    "POST",
    list,
    { name: "ci", issuer: url, audience: AUDIENCE, scopes, ...rule },
    { as },
  );
  return { namespace, as, path: `${list}/ci`, repository: `${namespace}/app` };
}
