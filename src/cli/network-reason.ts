/** Codes of system and TLS errors → what they mean to whoever typed the address. */
const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nothing listens there",
  ENOTFOUND: "there is no host of that name",
  EAI_AGAIN: "its name cannot be looked up now; is there a network?",
  ERR_SSL_WRONG_VERSION_NUMBER:
    "it does not speak https there; if it speaks http, write http://HOST",
  ERR_SSL_PACKET_LENGTH_TOO_LONG:
    "it does not speak https there; if it speaks http, write http://HOST",
};

/** Says why nothing came, in words. fetch() wraps what happened, and a host with several addresses wraps it once more. */
export function networkReasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.cause !== undefined) return networkReasonOf(error.cause);
  const { code = "" } = error as NodeJS.ErrnoException;
  return REASONS[code] ?? (error.message === "" ? code || error.name : error.message);
}
