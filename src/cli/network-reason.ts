const NO_TLS = "it does not speak https there; if it speaks http, write http://HOST";

/** Codes of system and TLS errors → what they mean to whoever typed the address. */
const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nothing listens there",
  ENOTFOUND: "there is no host of that name",
  EAI_AGAIN: "its name cannot be looked up now; is there a network?",
  ERR_SSL_WRONG_VERSION_NUMBER: NO_TLS,
  ERR_SSL_PACKET_LENGTH_TOO_LONG: NO_TLS,
};

/** Says why nothing came, in words. fetch() wraps what happened, and a host with several addresses wraps it once more. */
export function networkReasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.cause !== undefined) return networkReasonOf(error.cause);
  const { code = "" } = error as NodeJS.ErrnoException;
  // node:https has OpenSSL's text alone.
  if (code === "EPROTO" && /wrong version number|packet length/.test(error.message)) return NO_TLS;
  return REASONS[code] ?? (error.message === "" ? code || error.name : error.message);
}
