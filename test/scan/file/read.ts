/** What the tests of readers share: a file by its path and text, and what a reader makes of it. */
import { expect } from "vitest";
import { READERS } from "../../../src/scan/file/readers.ts";
import { type FileContent, type FileReader, UnreadableFile } from "../../../src/scan/layer/list.ts";

export function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** The one reader of a path. */
export function readerOf(path: string): FileReader {
  const [reader, ...others] = READERS.filter((one) => one.matches(path));
  expect(others).toEqual([]);
  if (reader === undefined) throw new Error(`no reader has ${path}`);
  return reader;
}

export function isRead(path: string): boolean {
  return READERS.some((one) => one.matches(path));
}

export async function read(path: string, content: string | Uint8Array): Promise<FileContent> {
  const bytes = typeof content === "string" ? bytesOf(content) : content;
  return readerOf(path).read(bytes, path);
}

/** The packages in short: "name version", with the source in brackets where there is one. */
export async function names(path: string, content: string | Uint8Array): Promise<string[]> {
  const { packages } = await read(path, content);
  return packages.map(({ name, version, source }) =>
    source === null
      ? `${name} ${version}`
      : `${name} ${version} (${source.name} ${source.version})`,
  );
}

/** Why a file cannot be read; the test fails if it can. */
export async function problem(path: string, content: string | Uint8Array): Promise<string> {
  try {
    await read(path, content);
  } catch (error) {
    if (error instanceof UnreadableFile) return error.message;
    throw error;
  }
  throw new Error(`${path} can be read`);
}
