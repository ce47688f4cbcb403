import { CliError } from "../error.ts";
import { networkReasonOf } from "../network-reason.ts";

/** The error for a server that no answer came from. */
export function unreachable(origin: string, error: unknown): CliError {
  const message = `cannot reach ${origin}: ${networkReasonOf(error)}`;
  return new CliError(message, { code: "UNREACHABLE", cause: error });
}
