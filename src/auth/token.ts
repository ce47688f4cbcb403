import { errors, jwtVerify, SignJWT } from "jose";
import * as v from "valibot";
import { isRepositoryName } from "../oci/reference.ts";
import type { Actor } from "./access.ts";
import { isAction, type ScopeEntry } from "./scope.ts";

/** Clients refuse less than 60 s; a token outlives the pause between two requests of a push, and is checked when one begins. */
export const TOKEN_SECONDS = 900;
const ALGORITHM = "HS256";

const Claims = v.object({
  sub: v.string(),
  access: v.array(v.object({ type: v.string(), name: v.string(), actions: v.array(v.string()) })),
  sources: v.picklist(["all", "granted"]),
});

/**
 * Signs what the actor was granted. The token is the whole decision: checking it needs no lookup.
 * @param service the registry's host, for which alone the token holds
 */
export async function signToken(
  actor: Actor,
  access: readonly ScopeEntry[],
  { key, service }: { readonly key: string; readonly service: string },
): Promise<string> {
  return new SignJWT({ access, sources: actor.sources })
    .setProtectedHeader({ alg: ALGORITHM, typ: "JWT" })
    .setIssuer(service)
    .setAudience(service)
    .setSubject(actor.name ?? "")
    .setIssuedAt()
    .setExpirationTime(`${TOKEN_SECONDS}s`)
    .setJti(crypto.randomUUID())
    .sign(await secret(key));
}

/** @returns null for a token that is not ours, was changed or has expired */
export async function verifyToken(
  token: string,
  { key, service }: { readonly key: string; readonly service: string },
): Promise<Actor | null> {
  try {
    const options = { algorithms: [ALGORITHM], issuer: service, audience: service };
    const { payload } = await jwtVerify(token, await secret(key), options);
    return actorOf(v.parse(Claims, payload));
  } catch (error) {
    if (error instanceof errors.JOSEError || error instanceof v.ValiError) return null;
    throw error;
  }
}

function actorOf({ sub, access, sources }: v.InferOutput<typeof Claims>): Actor {
  return {
    name: sub === "" ? null : sub,
    via: "token",
    grants: access.flatMap(({ type, name, actions }) =>
      type === "repository" && isRepositoryName(name)
        ? { repository: name, actions: actions.filter(isAction) }
        : [],
    ),
    catalog: access.some(({ type, name }) => type === "registry" && name === "catalog"),
    sources,
  };
}

const imported = new Map<string, CryptoKey>();

/** Imported once for each key and isolate, not for each request. */
async function secret(key: string): Promise<CryptoKey> {
  const known = imported.get(key);
  if (known !== undefined) return known;
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const bytes = new TextEncoder().encode(key);
  const made = await crypto.subtle.importKey("raw", bytes, algorithm, false, ["sign", "verify"]);
  imported.set(key, made);
  return made;
}
