/** What a later run of a command can use of an earlier one, in the cache folder of the user. All of it may be deleted at any time. */
import { createHash, randomBytes } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";
import { reasonOf } from "../file.ts";
import { warn } from "../report.ts";

/** Uploads at a registry end earlier, and what was compressed can be compressed again. */
const MAX_AGE_MS = 14 * 86_400_000;

function cacheFolder(): string {
  // A relative path is to be ignored (XDG Base Directory Specification).
  const given = process.env["XDG_CACHE_HOME"] ?? "";
  return join(isAbsolute(given) ? given : join(homedir(), ".cache"), "slipway");
}

let hasWarned = false;

/** Values of one kind by their keys, a file for each. */
export class Cache<T> {
  readonly #folder: string;

  constructor(kind: string) {
    this.#folder = join(cacheFolder(), kind);
  }

  /** @returns null if it was not kept, or cannot be read */
  async get(key: string): Promise<T | null> {
    try {
      return JSON.parse(await readFile(this.#file(key), "utf8")) as T;
    } catch (error) {
      if (error instanceof SyntaxError || isMissing(error)) return null;
      throw error;
    }
  }

  /**
   * Keeps a value for this user alone: an upload's location is a right to write to it. Where it cannot be kept, the command goes on
   * after a warning.
   */
  async set(key: string, value: T): Promise<void> {
    const file = this.#file(key);
    const draft = `${file}.${randomBytes(6).toString("hex")}`;
    try {
      await mkdir(this.#folder, { recursive: true, mode: 0o700 });
      await writeFile(draft, JSON.stringify(value), { mode: 0o600, flag: "wx" });
      await rename(draft, file);
    } catch (error) {
      if (!hasWarned) {
        warn(`cannot write to ${this.#folder}: ${reasonOf(error)}. A later run begins anew.`);
      }
      hasWarned = true;
    }
  }

  async remove(key: string): Promise<void> {
    await rm(this.#file(key), { force: true });
  }

  /** Deletes what is too old to be of use. */
  async prune(now = Date.now()): Promise<void> {
    const names = await readdir(this.#folder).catch((error: unknown) => {
      if (isMissing(error)) return [];
      throw error;
    });
    for (const name of names) {
      const file = join(this.#folder, name);
      const { mtimeMs } = await stat(file).catch(() => ({ mtimeMs: now }));
      if (now - mtimeMs > MAX_AGE_MS) await rm(file, { force: true });
    }
  }

  #file(key: string): string {
    return join(this.#folder, createHash("sha256").update(key).digest("hex"));
  }
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === "ENOENT";
}
