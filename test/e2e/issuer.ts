/** An issuer of ID tokens, as a forge runs one for its CI: discovery, a key set, and jobs that ask for a token. */
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWK } from "jose";
import { atEnd } from "./cleanup.ts";

export const ALGORITHMS = ["RS256", "ES256"] as const;
export type Algorithm = (typeof ALGORITHMS)[number];

export interface Job {
  audience: string;
  claims: Record<string, string>;
  algorithm?: Algorithm;
  /** Seconds from now; a negative number makes a token that has expired. */
  seconds?: number;
}

export interface Issuer {
  url: string;
  sign(job: Job): Promise<string>;
}

interface Key {
  secret: CryptoKey;
  jwk: JWK;
}

async function makeKey(alg: Algorithm): Promise<Key> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  const jwk = { ...(await exportJWK(publicKey)), kid: `key-${alg}`, alg, use: "sig" };
  return { secret: privateKey, jwk };
}

export async function openIssuer(): Promise<Issuer> {
  const keys = { RS256: await makeKey("RS256"), ES256: await makeKey("ES256") };
  let url = "";
  const server = createServer(({ url: path }, response) => {
    const documents: Record<string, unknown> = {
      "/.well-known/openid-configuration": { issuer: url, jwks_uri: `${url}/jwks` },
      "/jwks": { keys: ALGORITHMS.map((alg) => keys[alg].jwk) },
    };
    const found = documents[path ?? ""];
    response.writeHead(found === undefined ? 404 : 200, { "content-type": "application/json" });
    response.end(JSON.stringify(found ?? {}));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const bound = server.address();
  if (bound === null || typeof bound === "string") throw new Error("the issuer has no port");
  url = `http://127.0.0.1:${bound.port}`;
  atEnd("stop the issuer", () => {
    server.close();
    server.closeAllConnections();
  });
  return {
    url,
    sign({ audience, claims, algorithm = "RS256", seconds = 600 }) {
      const now = Math.floor(Date.now() / 1000);
      const sub = `repo:${claims["repository"] ?? ""}:ref:refs/heads/main`;
      return new SignJWT({ ...claims, event_name: "push" })
        .setProtectedHeader({ alg: algorithm, kid: `key-${algorithm}`, typ: "JWT" })
        .setIssuer(url)
        .setSubject(sub)
        .setAudience(audience)
        .setIssuedAt(Math.min(now, now + seconds - 60))
        .setExpirationTime(now + seconds)
        .setJti(randomUUID())
        .sign(keys[algorithm].secret);
    },
  };
}
