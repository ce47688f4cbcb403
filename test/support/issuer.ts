/** Another party's server, which issues ID tokens; `fetch` reaches it while it runs. */
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { vi } from "vitest";

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
