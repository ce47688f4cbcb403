import { createHmac } from "node:crypto";
import type { Signing } from "../auth/login/jwt.ts";

/**
 * Encrypts row ids. Rows are numbered in sequence over all namespaces, so two plain numbers would tell how many rows
 * lie between. The cipher is a Feistel network of four rounds, a permutation that nobody can tell from a random one
 * without the key (Luby and Rackoff 1988). The number fills half of the 64 bits; the other half is 0, which reveals a
 * wrong key.
 */
const ROUNDS = [0, 1, 2, 3] as const;
const HALF = /^[0-9a-f]{16}$/;

export function opaqueId(id: number, { key, nextKey }: Signing): string {
  if (id >= 2 ** 32) throw new Error(`the row ${id} is beyond the ids that can be shown`);
  let [left, right] = [id, 0];
  for (const round of ROUNDS) [left, right] = [right, mixed(left, right, round, nextKey ?? key)];
  return [left, right].map((half) => half.toString(16).padStart(8, "0")).join("");
}

/** @returns null for text that is no id, or the id of another registry */
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

/** Changes one half by the other. */
function mixed(half: number, by: number, round: number, key: string): number {
  const mac = createHmac("sha256", key).update(`slipway row id ${round} ${by}`).digest();
  return (half ^ mac.readUInt32BE(0)) >>> 0;
}
