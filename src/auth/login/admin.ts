import { Lru, entrySize } from "../../memory/lru.ts";
import type { Actor } from "../policy/access.ts";
import type { AuthContext } from "../context.ts";
import { secretHash } from "./secret.ts";

/** The built-in administrator; its password is the deployment's secret. */
export const ADMIN = "admin";

const MARK = "secret:";

/** Those of this deployment: each request of the administrator's token is compared with them. */
const marks = new Lru<string>(16 * 1024);

/** What the built-in administrator's tokens rest on besides its name: another ADMIN_PASSWORD ends them. */
export function adminMark({ adminPassword, signing }: AuthContext): Promise<string> {
  return markOf(adminPassword, signing.nextKey ?? signing.key);
}

/** Did the built-in administrator log in with another password than it has now? */
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

/** The key is in it so that whoever holds a token cannot try passwords against it. */
async function markOf(adminPassword: string, key: string): Promise<string> {
  const text = `${key}\n${adminPassword}`;
  const known = marks.get(text);
  if (known !== undefined) return known;
  const mark = MARK + (await secretHash(text)).slice(0, 16);
  marks.set(text, mark, entrySize(text, mark));
  return mark;
}
