/** One of the `errors` of a refusal: a field that is wrong, or what the request would need to be granted. */
export interface Fault {
  readonly field?: string;
  readonly message?: string;
  readonly needs?: string;
  readonly confirm?: string;
  readonly namespaces?: readonly string[];
}

interface Options {
  /** The registry's code, or one of this program's, for scripts. */
  readonly code?: string;
  /** The next step, as a sentence or command. */
  readonly hint?: string | null;
  readonly status?: number;
  readonly faults?: readonly Fault[];
  /** Where it is another than the code says. */
  readonly exitCode?: number;
  readonly cause?: unknown;
}

/** An error in words for the user, with what to do about it. Everything else that is thrown is a bug. */
export class CliError extends Error {
  readonly code: string;
  readonly hint: string | null;
  /** The status of the registry's answer, if there was one. */
  readonly status: number | undefined;
  readonly faults: readonly Fault[];
  readonly exitCode: number | null;

  constructor(message: string, options: Options = {}) {
    super(message, { cause: options.cause });
    this.name = "CliError";
    this.code = options.code ?? "FAILED";
    this.hint = options.hint ?? null;
    this.status = options.status;
    this.faults = options.faults ?? [];
    this.exitCode = options.exitCode ?? null;
  }
}

/** A mistake in the arguments. */
export class UsageError extends CliError {
  constructor(message: string, hint: string) {
    super(message, { code: "USAGE", hint });
    this.name = "UsageError";
  }
}

/** Says what to do next where the registry refuses with a status. */
export async function hinted<T>(answer: Promise<T>, status: number, hint: string): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (!(error instanceof CliError) || error.status !== status) throw error;
    const { message, code, faults } = error;
    throw new CliError(message, { code, hint, status, faults, cause: error });
  }
}
