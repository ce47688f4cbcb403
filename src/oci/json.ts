const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const BRACKET = 0x5b;
const BRACE = 0x7b;
const COMMA = 0x2c;
const COLON = 0x3a;

/** The size of a JSON text, counted outside of its strings before it is parsed. */
export interface Shape {
  readonly depth: number;
  /** An upper bound of the number of values. */
  readonly values: number;
  /** Members of all objects. */
  readonly members: number;
}

export function shapeOf(bytes: Uint8Array): Shape {
  let level = 0;
  let depth = 0;
  let values = 1;
  let members = 0;
  let inString = false;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i];
    if (byte === QUOTE) inString = !inString;
    else if (inString) i += byte === BACKSLASH ? 1 : 0;
    else if (byte === BRACKET || byte === BRACE) {
      depth = Math.max(depth, ++level);
      values++;
    } else if (byte === BRACKET + 2 || byte === BRACE + 2) level--;
    else if (byte === COMMA) values++;
    else if (byte === COLON) members++;
  }
  return { depth, values, members };
}

/**
 * Finds what makes two readers understand parsed JSON differently: a key twice in one object, of which JSON.parse keeps
 * the last and other parsers the first (RFC 8259 § 4), or half of a surrogate pair, which UTF-8 cannot hold (§ 8.2).
 * @param members the count of `shapeOf`: a key that was there twice is missing in the parsed value
 * @returns what is wrong, or null
 */
export function ambiguityOf(json: unknown, members: number): string | null {
  let found = 0;
  const left: unknown[] = [json];
  while (left.length > 0) {
    const value = left.pop();
    if (typeof value === "string" && !value.isWellFormed()) return ILL_FORMED;
    if (typeof value !== "object" || value === null) continue;
    if (Array.isArray(value)) {
      for (const item of value as unknown[]) left.push(item);
      continue;
    }
    for (const [key, item] of Object.entries(value)) {
      if (!key.isWellFormed()) return ILL_FORMED;
      found++;
      left.push(item);
    }
  }
  return found === members ? null : "an object has the same key twice";
}

const ILL_FORMED = String.raw`a text has half of a surrogate pair, such as "\ud800"`;
