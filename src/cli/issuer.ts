/** An issuer as its tokens name it: a rule for any other spelling is never satisfied. */
import { CliError } from "./error.ts";
import { warn } from "./report.ts";

const TIMEOUT_MS = 5_000;

/**
 * Compares the issuer with what it calls itself (OpenID Connect Discovery § 4.3). The registry may reach what this machine
 * does not, so who is not heard is only warned of.
 * @param known the forge's own, which needs no question
 */
export async function checkIssuer(issuer: string, known?: string): Promise<void> {
  if (issuer === known) return;
  const url = `${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`;
  const named = await issuerIn(url);
  if (named === null) {
    warn(
      `${url} could not be read here, so nobody has checked that tokens name their issuer "${issuer}"`,
    );
  } else if (named !== issuer) {
    throw new CliError(`tokens of ${issuer} name their issuer "${named}"`, {
      hint: `Give --issuer ${named}`,
    });
  }
}

async function issuerIn(url: string): Promise<string | null> {
  if (!URL.canParse(url)) return null;
  try {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const response = await fetch(url, { signal, redirect: "error" });
    const { issuer } = (await response.json()) as { readonly issuer?: unknown };
    return response.ok && typeof issuer === "string" ? issuer : null;
  } catch {
    return null;
  }
}
