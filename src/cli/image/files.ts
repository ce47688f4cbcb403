/** The files of a folder or of an archive, by their paths in it. */
import { createReadStream } from "node:fs";
import { open, stat } from "node:fs/promises";
import { join } from "node:path";
import { CliError } from "../error.ts";
import { reasonOf } from "../file.ts";
import { MAX_MANIFEST_BYTES } from "./manifest.ts";
import type { Bytes } from "./source.ts";

export interface Files {
  readonly path: string;
  has(name: string): Promise<boolean>;
  /** @throws CliError if there is no such file */
  sizeOf(name: string): Promise<number>;
  /** @throws CliError if there is no such file */
  read(name: string, offset?: number): Promise<Bytes>;
}

export class Folder implements Files {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  async has(name: string): Promise<boolean> {
    const found = await stat(join(this.path, name)).catch(ifMissing);
    return found?.isFile() === true;
  }

  async sizeOf(name: string): Promise<number> {
    const found = await stat(join(this.path, name)).catch(ifMissing);
    if (found == null) throw missing(this.path, name);
    return found.size;
  }

  async read(name: string, start = 0): Promise<Bytes> {
    try {
      const file = await open(join(this.path, name));
      return createReadStream("", { fd: file, start });
    } catch (error) {
      if (ifMissing(error) === null) throw missing(this.path, name);
      throw new CliError(`cannot read ${join(this.path, name)}: ${reasonOf(error)}`, {
        cause: error,
      });
    }
  }
}

function ifMissing(error: unknown): null {
  const { code } = error as NodeJS.ErrnoException;
  if (code === "ENOENT" || code === "ENOTDIR") return null;
  throw error;
}

export function missing(path: string, name: string): CliError {
  return new CliError(`${path} has no file ${name}: it is not complete`, { code: "DAMAGED" });
}

/** The JSON of a small file. */
export async function readJson(files: Files, name: string): Promise<unknown> {
  const bytes = await readWhole(files, name);
  try {
    return JSON.parse(bytes.toString());
  } catch (cause) {
    throw new CliError(`${files.path}: ${name} is no JSON`, { code: "DAMAGED", cause });
  }
}

export async function readWhole(files: Files, name: string): Promise<Buffer> {
  if ((await files.sizeOf(name)) > MAX_MANIFEST_BYTES) {
    throw new CliError(`${files.path}: ${name} is larger than ${MAX_MANIFEST_BYTES} bytes`);
  }
  return Buffer.concat(await Array.fromAsync(await files.read(name)));
}
