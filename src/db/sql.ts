/** A value of a parameter. D1 binds no booleans: a condition is 1 or 0. */
export type Value = string | number | null | ArrayBuffer;
export type Values = Readonly<Record<string, Value>>;

/** A piece of SQL with named parameters such as `:digest`, and their values. */
export interface Fragment {
  readonly sql: string;
  readonly values: Values;
}

/** A condition that always holds. */
export const ALWAYS: Fragment = { sql: "SELECT 1", values: {} };

/** Makes a fragment of SQL and those of the values that it names. */
export function fragment(sql: string, all: Values): Fragment {
  const { names } = numbered(sql);
  return {
    sql,
    values: Object.fromEntries(Object.entries(all).filter(([name]) => names.includes(name))),
  };
}

/** What SQLite gets: numbered parameters, and the names in the order of their numbers. */
interface Numbered {
  readonly sql: string;
  readonly names: readonly string[];
}

/** A name, or a text in quotes, in which a colon means nothing. */
const NAMES = /'(?:[^']|'')*'|:([A-Za-z]\w*)/g;
/** The texts that were numbered before. Nearly all are constant; the few with lists in them are bounded by this. */
const MAX_KNOWN = 1_000;
const known = new Map<string, Numbered>();

/**
 * Prepares a statement. D1 has no named parameters, so each name gets a number; a name may occur several times.
 * @throws TypeError for a name without a value, and for a value whose name does not occur
 */
export function prepare(
  db: Pick<D1Database, "prepare">,
  sql: string,
  values: Values = {},
): D1PreparedStatement {
  const { sql: text, names } = numbered(sql);
  const bound = names.map((name) => {
    const value = Object.hasOwn(values, name) ? values[name] : undefined;
    if (value === undefined) throw new TypeError(`no value for :${name} in: ${sql}`);
    return value;
  });
  const unused = Object.keys(values).find((name) => !names.includes(name));
  if (unused !== undefined) throw new TypeError(`:${unused} does not occur in: ${sql}`);
  const statement = db.prepare(text);
  return bound.length === 0 ? statement : statement.bind(...bound);
}

/**
 * Merges the values of fragments that become one statement.
 * @throws TypeError if a name has two values
 */
export function merge(...all: readonly Values[]): Values {
  const merged: Record<string, Value> = {};
  for (const [name, value] of all.flatMap((values) => Object.entries(values))) {
    if (Object.hasOwn(merged, name) && merged[name] !== value) {
      throw new TypeError(`:${name} has two values`);
    }
    merged[name] = value;
  }
  return merged;
}

function numbered(sql: string): Numbered {
  const before = known.get(sql);
  if (before !== undefined) return before;
  const names: string[] = [];
  const text = sql.replace(NAMES, (found: string, name: string | undefined) => {
    if (name === undefined) return found;
    if (!names.includes(name)) names.push(name);
    return `?${names.indexOf(name) + 1}`;
  });
  const made = { sql: text, names };
  if (known.size >= MAX_KNOWN) known.clear();
  known.set(sql, made);
  return made;
}
