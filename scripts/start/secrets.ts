/** The secrets of a data folder: made by its first start, and stored in a file that its owner alone can read. */
import { randomBytes } from "node:crypto";
import { chmod, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { codeOf, StartError } from "./error.ts";

export interface Secrets {
  readonly ADMIN_PASSWORD: string;
  readonly TOKEN_KEY: string;
}

export function secretsFile(folder: string): string {
  return join(folder, "secrets.json");
}

/** @returns null where there are none yet */
export async function readSecrets(folder: string): Promise<Secrets | null> {
  const file = secretsFile(folder);
  try {
    const { ADMIN_PASSWORD, TOKEN_KEY } = JSON.parse(await readFile(file, "utf8")) as Secrets;
    if (typeof ADMIN_PASSWORD === "string" && typeof TOKEN_KEY === "string") {
      return { ADMIN_PASSWORD, TOKEN_KEY };
    }
  } catch (error) {
    if (codeOf(error) === "ENOENT") return null;
    if (!(error instanceof SyntaxError)) {
      throw new StartError(`cannot read ${file}: ${codeOf(error)}`, { cause: error });
    }
  }
  throw new StartError(
    `${file} is not what a start wrote: it should be JSON with ADMIN_PASSWORD and TOKEN_KEY`,
  );
}

export function makeSecrets(): Secrets {
  return {
    ADMIN_PASSWORD: randomBytes(12).toString("hex"),
    TOKEN_KEY: randomBytes(32).toString("hex"),
  };
}

/** Writes them in one step: a start that is killed in the meantime leaves no half of them. */
export async function writeSecrets(folder: string, secrets: Secrets): Promise<void> {
  const file = secretsFile(folder);
  await writeFile(`${file}.new`, JSON.stringify(secrets, null, 2), { mode: 0o600 });
  await rename(`${file}.new`, file);
}

/** Takes away the access that earlier versions gave to all users of this machine. */
export async function closeFolder(folder: string, hasSecrets: boolean): Promise<void> {
  await chmod(folder, 0o700);
  if (hasSecrets) await chmod(secretsFile(folder), 0o600);
}
