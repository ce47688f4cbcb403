import { readFile } from "node:fs/promises";
import { text } from "node:stream/consumers";
import { CliError } from "./error.ts";

/** Codes of the system → the reason in words. */
const REASONS: Readonly<Record<string, string>> = {
  ENOSPC: "the disk is full",
  EROFS: "the disk can only be read",
  ENOENT: "there is no such file",
  ENOTDIR: "there is no such file",
  EISDIR: "it is a folder",
  EACCES: "you are not allowed to",
  EPERM: "you are not allowed to",
};

/**
 * The text of a file that an argument names.
 * @throws CliError with the reason why it cannot be read
 */
export async function readTextFile(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    const { code = "FAILED" } = error as NodeJS.ErrnoException;
    throw new CliError(`cannot read ${file}: ${reasonOf(error)}`, { code, cause: error });
  }
}

/** Says why the system refused, in words instead of a code. */
export function reasonOf(error: unknown): string {
  const { code = "", message } = error as NodeJS.ErrnoException;
  return REASONS[code] ?? message;
}

/** The same; `-` is standard input. */
export function readTextFileOrInput(file: string): Promise<string> {
  return file === "-" ? text(process.stdin) : readTextFile(file);
}
