import { Lru, entrySize } from "../../memory/lru.ts";
import type { Actor } from "../policy/access.ts";
import type { AuthContext } from "../context.ts";
import { secretHash } from "./secret.ts";

/** The built-in administrator; its password is the deployment's secret. */
export const ADMIN = "admin";

const MARK = "secret:";

/** The marks of this deployment, cached because each request with an administrator's token is compared with them. */
const marks = new Lru<string>(16 * 1024);

/** A mark that the built-in administrator's tokens depend on besides its name: a new ADMIN_PASSWORD ends them. */
export function adminMark({ adminPassword, signing }: AuthContext): Promise<string> {
  return markOf(adminPassword, signing.nextKey ?? signing.key);
}

/** Returns whether the built-in administrator logged in with a password that is no longer the current one. */
export async function isOutdated(
  { dependsOn }: Actor,
  { adminPassword, signing }: AuthContext,
): Promise<boolean> {
  const mark = dependsOn.find((subject) => subject.startsWith(MARK));
  if (mark === undefined) return false;
  const { key, nextKey } = signing;
  if ((await markOf(adminPassword, key)) === mark) return false;
  return nextKey === null || (await markOf(adminPassword, nextKey)) !== mark;
}

/** Hashes the password together with the key, so that the holder of a token cannot test passwords against the mark. */
async function markOf(adminPassword: string, key: string): Promise<string> {
  const text = `${key}\n${adminPassword}`;
  const known = marks.get(text);
  if (known !== undefined) return known;
  const mark = MARK + (await secretHash(text)).slice(0, 16);
  marks.set(text, mark, entrySize(text, mark));
  return mark;
}
