/** The WWW-Authenticate header of a 401 (RFC 9110 § 11.6.1). */

export interface Challenge {
  /** In lower case, such as "bearer". */
  readonly scheme: string;
  /** By their names in lower case. */
  readonly parameters: Readonly<Record<string, string>>;
}

/** One token; a parameter `name=value` or `name="value"`; or the comma between. A scheme is a token that no `=` follows. */
const PIECE =
  /\s*(?:,|([\w!#$%&'*+.^`|~-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))|([\w!#$%&'*+.^`|~-]+))/gy;

/** All challenges of a header, in its order; what follows anything malformed is left out. */
export function parseChallenges(header: string): Challenge[] {
  const found: { scheme: string; parameters: Record<string, string> }[] = [];
  for (const [, name, quoted, bare = "", scheme] of header.matchAll(PIECE)) {
    if (scheme !== undefined) found.push({ scheme: scheme.toLowerCase(), parameters: {} });
    if (name === undefined) continue;
    const value = quoted?.replaceAll(/\\(.)/g, "$1") ?? bare;
    const last = found.at(-1);
    if (last !== undefined) last.parameters[name.toLowerCase()] = value;
  }
  return found;
}
