/** What went wrong in words for the user, and what to do about it. Everything else that is thrown is a bug. */
export class CliError extends Error {
  /** What the registry answered, if it did. */
  readonly status: number | undefined;

  constructor(
    message: string,
    options: { readonly status?: number; readonly cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause });
    this.name = "CliError";
    this.status = options.status;
  }
}
