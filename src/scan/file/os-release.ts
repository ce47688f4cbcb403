import { type FileReader, UnreadableFile } from "../layer/list.ts";
import type { Distribution } from "../package.ts";
import { linesOf, textOf } from "./content.ts";

const PATHS = ["etc/os-release", "usr/lib/os-release"];

const MAX_LENGTH = 256;

/** What os-release(5) allows in an ID. */
const ID = /^[a-z0-9._-]+$/;

/**
 * Reads os-release(5). What else names a release, such as etc/debian_version, has no number either where VERSION_ID is missing:
 * a development release has none.
 */
export const osRelease: FileReader = {
  matches: (path) => PATHS.includes(path),
  // Real ones are below 1 KB.
  maxBytes: 64 * 1024,
  read: (bytes) => {
    const text = textOf(bytes);
    if (text.trim() === "") return { packages: [], distribution: null };
    return { packages: [], distribution: distributionOf(assignmentsOf(text)) };
  },
};

function distributionOf(values: ReadonlyMap<string, string>): Distribution {
  if (values.size === 0) throw new UnreadableFile("it assigns no variable");
  // The defaults are those of os-release(5).
  const id = (values.get("ID") || "linux").toLowerCase();
  const version = values.get("VERSION_ID") ?? "";
  if (id.length > MAX_LENGTH || !ID.test(id)) throw new UnreadableFile("its ID is no identifier");
  if (version.length > MAX_LENGTH) throw new UnreadableFile("its VERSION_ID is too long");
  const name = values.get("PRETTY_NAME") || values.get("NAME") || "Linux";
  return { id, version, name: name.slice(0, MAX_LENGTH) };
}

/** Returns the variables; a later assignment replaces an earlier one, and what is none is left out, as in a shell. */
function assignmentsOf(text: string): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  for (const line of linesOf(text)) {
    const [, name, value] = /^\s*([A-Z][A-Z0-9_]*)=(.*)$/.exec(line) ?? [];
    if (name !== undefined && value !== undefined) values.set(name, unquoted(value.trim()));
  }
  return values;
}

/**
 * In double quotes, and without any, a backslash takes the meaning from the character after it; in single quotes nothing does.
 * Control characters are left out, since terminals obey them.
 */
function unquoted(value: string): string {
  const quote = value[0];
  const isQuoted = (quote === '"' || quote === "'") && value.length > 1 && value.endsWith(quote);
  const inner = isQuoted ? value.slice(1, -1) : value;
  const plain = quote === "'" && isQuoted ? inner : inner.replaceAll(/\\(.)/g, "$1");
  return plain.replaceAll(/[\p{Cc}\p{Cs}]/gu, "");
}
