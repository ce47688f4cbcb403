/** One of the `errors` of a refusal: a field that is wrong, or what the request would need to be granted. */
export interface Fault {
  readonly field?: string;
  readonly message?: string;
  readonly needs?: string;
  readonly confirm?: string;
  readonly namespaces?: readonly string[];
}

/** What went wrong in words for the user, and what to do about it. Everything else that is thrown is a bug. */
export class CliError extends Error {
  /** What the registry answered, if it did. */
  readonly status: number | undefined;
  readonly faults: readonly Fault[];

  constructor(
    message: string,
    options: {
      readonly status?: number;
      readonly faults?: readonly Fault[];
      readonly cause?: unknown;
    } = {},
  ) {
    super(message, { cause: options.cause });
    this.name = "CliError";
    this.status = options.status;
    this.faults = options.faults ?? [];
  }
}
