import { createHmac } from "node:crypto";
import type { Signing } from "../auth/login/jwt.ts";

/**
 * Rows are numbered one after the other, over all namespaces, so a number tells how many there were in between. Whoever sees
 * two gets them enciphered: a Feistel network of four rounds, which is a permutation that nobody can tell from a random one
 * without the key (Luby and Rackoff 1988). Of its 64 bits the number takes half; the others are 0, which tells a wrong key.
 */
const ROUNDS = [0, 1, 2, 3] as const;
const HALF = /^[0-9a-f]{16}$/;

export function opaqueId(id: number, { key, nextKey }: Signing): string {
  if (id >= 2 ** 32) throw new Error(`the row ${id} is beyond the ids that can be shown`);
  let [left, right] = [id, 0];
  for (const round of ROUNDS) [left, right] = [right, mixed(left, right, round, nextKey ?? key)];
  return [left, right].map((half) => half.toString(16).padStart(8, "0")).join("");
}

/** @returns null for what is no id, or one of another registry */
export function idOf(text: string, { key, nextKey }: Signing): number | null {
  if (!HALF.test(text)) return null;
  for (const secret of nextKey === null ? [key] : [nextKey, key]) {
    let [left, right] = [text.slice(0, 8), text.slice(8)].map((half) => Number.parseInt(half, 16));
    for (const round of ROUNDS.toReversed()) {
      [left, right] = [mixed(right ?? 0, left ?? 0, round, secret), left];
    }
    if (right === 0 && left !== undefined) return left;
  }
  return null;
}

/** One half, changed by the other. */
function mixed(half: number, by: number, round: number, key: string): number {
  const mac = createHmac("sha256", key).update(`slipway row id ${round} ${by}`).digest();
  return (half ^ mac.readUInt32BE(0)) >>> 0;
}
