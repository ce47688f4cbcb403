/** "Would this token match?", answered in the browser by the code that the registry compares tokens with. */
import { type Asked, conditionsOf, refusedEvent } from "../../../auth/oidc/trust.ts";

export type Claims = Readonly<Record<string, unknown>>;

/** One thing that a rule asks for; `wanted` is empty where it asks for no value. */
export interface Check {
  readonly name: string;
  readonly wanted: readonly string[];
  readonly found: readonly string[];
  readonly holds: boolean;
}

/**
 * Reads a token's claims, or claims written as JSON. Nothing is verified, and nothing is sent.
 * @throws SyntaxError for what is neither
 */
export function claimsOf(text: string): Claims {
  const given = text.trim();
  const payload = /^[\w-]+\.([\w-]+)\.[\w-]*$/.exec(given)?.[1];
  const parsed: unknown = JSON.parse(payload === undefined ? given : decoded(payload));
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) {
    throw new SyntaxError("a token's claims are a JSON object");
  }
  return parsed as Claims;
}

/** Decodes base64url (RFC 7515, appendix C). */
function decoded(payload: string): string {
  const base64 = payload.replaceAll("-", "+").replaceAll("_", "/");
  let binary: string;
  try {
    binary = atob(base64);
  } catch (error) {
    throw new SyntaxError("the token's middle part is no base64url", { cause: error });
  }
  return new TextDecoder().decode(Uint8Array.from(binary, (one) => one.charCodeAt(0)));
}

/** Compares claims with a rule: each thing that the registry asks for, in its order. */
export function checksOf(
  rule: Asked & { readonly issuer: string },
  claims: Claims,
  nowMs: number,
): Check[] {
  const { iss, exp } = claims;
  const issuer = typeof iss === "string" ? [iss] : [];
  const event = refusedEvent(rule, claims);
  return [
    { name: "iss", wanted: [rule.issuer], found: issuer, holds: iss === rule.issuer },
    ...conditionsOf(rule, claims).map(({ claim, ...condition }) => ({ name: claim, ...condition })),
    ...(event === null ? [] : [{ name: EVENT, wanted: [], found: [event], holds: false }]),
    ...(typeof exp === "number"
      ? [{ name: "exp", wanted: [], found: [timeOf(exp)], holds: exp * 1000 > nowMs }]
      : []),
  ];
}

/** The name of the check of the event that caused a run. */
export const EVENT = "event";

function timeOf(seconds: number): string {
  const time = new Date(seconds * 1000);
  return Number.isNaN(time.getTime()) ? String(seconds) : time.toISOString();
}
