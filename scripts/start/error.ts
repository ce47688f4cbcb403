/** The reason why the registry does not start, in one line for its user. */
export class StartError extends Error {}

/** @returns the system's code of a failure, such as ENOENT */
export function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? String(error);
}
