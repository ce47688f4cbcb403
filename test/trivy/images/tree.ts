import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

/** Returns a new folder that has these files, by their paths. */
export async function tree(
  work: string,
  files: Readonly<Record<string, string | Uint8Array>> = {},
): Promise<string> {
  const folder = await mkdtemp(join(work, "tree-"));
  await put(folder, files);
  return folder;
}

export async function put(
  folder: string,
  files: Readonly<Record<string, string | Uint8Array>>,
  mode = 0o644,
): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), content, { mode });
  }
}

export function osRelease(id: string, version: string, name: string): Record<string, string> {
  const text = `PRETTY_NAME="${name}"\nNAME="${name}"\nVERSION_ID="${version}"\nID=${id}\n`;
  return { "etc/os-release": text };
}
