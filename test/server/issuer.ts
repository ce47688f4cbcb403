/** An issuer of ID tokens on this machine: discovery and keys over real HTTP. */
import { once } from "node:events";
import { createServer } from "node:http";
import { exportJWK, generateKeyPair, SignJWT } from "jose";

export interface Issuer {
  readonly url: string;
  /** An ID token with these claims, good for five minutes. */
  sign(claims: Readonly<Record<string, unknown>>): Promise<string>;
  stop(): Promise<void>;
}

export async function startIssuer(): Promise<Issuer> {
  const { publicKey, privateKey } = await generateKeyPair("RS256");
  const key = { ...(await exportJWK(publicKey)), kid: "one", alg: "RS256", use: "sig" };
  let url = "";
  const server = createServer((request, response) => {
    const isKeys = request.url === "/keys";
    const body = isKeys ? { keys: [key] } : { issuer: url, jwks_uri: `${url}/keys` };
    response.setHeader("content-type", "application/json").end(JSON.stringify(body));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the issuer has no port");
  url = `http://127.0.0.1:${address.port}`;
  return {
    url,
    sign: (claims) =>
      new SignJWT({ sub: "job", ...claims })
        .setProtectedHeader({ alg: "RS256", kid: "one" })
        .setIssuer(url)
        .setIssuedAt()
        .setExpirationTime("5m")
        .sign(privateKey),
    async stop() {
      server.close();
      await once(server, "close");
    },
  };
}
