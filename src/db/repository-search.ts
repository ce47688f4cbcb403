import type { PullPatterns } from "../auth/policy/access.ts";
import type { NameRange } from "../auth/policy/ranges.ts";
import type { Namespace, RepositoryName } from "../oci/reference.ts";
import {
  COLUMNS,
  parse,
  type Row,
  type StoredRepository,
  type Visibility,
} from "./repositories.ts";
import { type Fragment, prepare } from "./sql.ts";

/** Whose repositories a search may find, besides the public ones. */
export interface Reach {
  readonly ranges: readonly NameRange[];
  /** The globs of the caller's rights: in a range, some names may match none of them. */
  readonly patterns: PullPatterns;
  /** The namespaces of the ranges; null where they reach beyond a few namespaces. */
  readonly namespaces: readonly Namespace[] | null;
}

export interface Wanted {
  /** Words, each of which begins one of the repository's; none for all repositories. */
  readonly words: readonly string[];
  readonly reach: Reach;
  /** Only those of one visibility; null for both. */
  readonly visibility: Visibility | null;
}

/** A repository that a search may show. */
export interface Candidate {
  readonly id: number;
  readonly name: RepositoryName;
  readonly visibility: Visibility;
  /** Where the words were found: 0 in the name, 1 also in the description, 2 also in the labels. */
  readonly tier: number;
  /** Milliseconds since 1970; 0 if it has no manifest. */
  readonly pushedAt: number;
}

export interface FoundRow extends StoredRepository {
  readonly id: number;
  /** Milliseconds since 1970; null if it has no manifest. */
  readonly pushedAt: number | null;
  /** null: more than MAX_COUNTED. */
  readonly tags: number | null;
}

/** The most matches of a search that are ranked: those of names first, and of these the newest repositories. */
const MAX_CANDIDATES = 1_000;
/** The most repositories that have the words, or lie in the caller's ranges, and are looked at for what the caller may see. */
const MAX_SCANNED = 3_000;
/** The most tags of a repository that are counted. */
const MAX_COUNTED = 100;

const TIERS = ["name", "name description", "name description labels"] as const;

/** SQL over `r`: when something was last pushed to the repository. */
const PUSHED_AT = `(SELECT max(m.pushed_at) FROM manifests m INDEXED BY manifests_by_push
  WHERE m.repository_id = r.id AND m.deleted_at IS NULL)`;

/** D1: finds repositories by words. */
export class RepositorySearch {
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  /** @returns at most MAX_CANDIDATES, and whether they are all */
  async candidates(wanted: Wanted): Promise<{
    readonly candidates: readonly Candidate[];
    readonly isComplete: boolean;
  }> {
    const isAll = wanted.words.length === 0;
    const ids = isAll ? everyId(wanted) : matchingIds(wanted);
    const { results } = await prepare(
      this.#db,
      `SELECT r.id, r.name, r.visibility, min(listed.tier) AS tier, coalesce(${PUSHED_AT}, 0) AS pushedAt
       FROM (${ids.sql}) listed CROSS JOIN repositories r ON r.id = listed.id
       GROUP BY r.id ORDER BY ${isAll ? "r.name" : "tier, r.id DESC"} LIMIT ${MAX_CANDIDATES + 1}`,
      ids.values,
    ).all<Candidate>();
    const candidates = results.slice(0, MAX_CANDIDATES);
    if (results.length > MAX_CANDIDATES) return { candidates, isComplete: false };
    const beyond = isAll ? beyondScannedRanges(wanted) : beyondScannedMatches(wanted);
    const rest = await prepare(this.#db, beyond.sql, beyond.values).first();
    return { candidates, isComplete: rest === null };
  }

  /** Reads what a page shows of repositories, in any order. */
  async rows(ids: readonly number[]): Promise<FoundRow[]> {
    const { results } = await prepare(
      this.#db,
      `SELECT r.id, ${COLUMNS}, ${PUSHED_AT} AS pushedAt,
         (SELECT CASE WHEN count(*) <= ${MAX_COUNTED} THEN count(*) END FROM (
           SELECT 1 FROM tags t WHERE t.repository_id = r.id LIMIT ${MAX_COUNTED + 1})) AS tags
       FROM json_each(:ids) w CROSS JOIN repositories r ON r.id = w.value`,
      { ids: JSON.stringify(ids) },
    ).all<Row<FoundRow>>();
    return results.map(parse);
  }
}

/**
 * The repositories with all words, by what they were found in. A word is a text of letters and digits in quotes, so no
 * syntax of FTS5 can be in it.
 */
function matchingIds(wanting: Wanted): Fragment {
  const { reach, visibility } = wanting;
  const seen = `(r.visibility = 'public' OR EXISTS (
    SELECT 1 FROM json_each(:ranges) w WHERE r.name >= w.value ->> 'from' AND r.name <= w.value ->> 'to')
    AND ${allowed("r")})`;
  const wanted = visibility === null ? "" : "AND r.visibility = :visibility";
  const tiers = TIERS.map(
    (columns, tier) => `SELECT * FROM (
      SELECT r.id, ${tier} AS tier FROM (
        SELECT rowid AS id FROM repository_search WHERE repository_search MATCH :tier${tier}
        ORDER BY rowid DESC LIMIT ${MAX_SCANNED}) s
      CROSS JOIN repositories r ON r.id = s.id WHERE ${seen} ${wanted} LIMIT ${MAX_CANDIDATES + 1})`,
  );
  return {
    sql: tiers.join(" UNION ALL "),
    values: {
      ...Object.fromEntries(TIERS.map((_, tier) => [`tier${tier}`, match(wanting, tier)])),
      ...valuesOf(reach),
      ...(visibility === null ? {} : { visibility }),
    },
  };
}

/** Says whether more repositories have the words than are looked at. */
function beyondScannedMatches(wanted: Wanted): Fragment {
  return {
    sql: `SELECT 1 FROM repository_search WHERE repository_search MATCH :all LIMIT 1 OFFSET ${MAX_SCANNED}`,
    values: { all: match(wanted, TIERS.length - 1) },
  };
}

/** FTS5: the words, in the columns of a tier. */
function match({ words, reach, visibility }: Wanted, tier: number): string {
  const terms = words.map((word) => `"${word}" *`).join(" AND ");
  return `{${TIERS[tier]}} : (${terms})${withinOf(reach, visibility)}`;
}

/**
 * SQL: whether the rights' globs match a repository's name, as `covers` in auth/policy/access.ts has it. Otherwise names that
 * the caller may not see would count among the first thousand.
 */
function allowed(table: string): string {
  const matched = (patterns: string) => `EXISTS (SELECT 1 FROM json_each(${patterns}) p
    WHERE ${table}.name || CASE WHEN instr(${table}.name, '/') = 0 AND p.value <> ${table}.name THEN '/' ELSE '' END GLOB p.value)`;
  return `${matched(":granted")} AND (:limited IS NULL OR ${matched(":limited")})`;
}

function valuesOf({ ranges, patterns: { grants, limits } }: Reach) {
  return {
    ranges: JSON.stringify(ranges),
    granted: JSON.stringify(grants),
    limited: limits === null ? null : JSON.stringify(limits),
  };
}

/** FTS5: a condition that leaves out what the caller cannot see, or most of it: names are compared afterwards. */
function withinOf({ namespaces }: Reach, visibility: Visibility | null): string {
  const all = [
    ...(visibility === "private" ? [] : [`visibility : "public"`]),
    ...(namespaces ?? []).map((namespace) => `namespace : "${namespace}"`),
  ];
  if (namespaces === null) return visibility === null ? "" : ` AND visibility : "${visibility}"`;
  // Nothing is called so: a caller who sees no private repository finds none.
  return ` AND (${all.length === 0 ? `visibility : "none"` : all.join(" OR ")})`;
}

/** The first repositories of the ranges, and the first public ones. */
function everyId({ reach, visibility }: Wanted): Fragment {
  const wanted = visibility === null ? "" : "AND r.visibility = :visibility";
  const own = `SELECT * FROM (
    SELECT r.id, 0 AS tier FROM (${IN_RANGES} LIMIT ${MAX_SCANNED}) r WHERE ${allowed("r")} ${wanted}
    LIMIT ${MAX_CANDIDATES + 1})`;
  const open = `SELECT * FROM (
    SELECT id, 0 AS tier FROM repositories WHERE visibility = 'public' AND name < '~'
    ORDER BY name LIMIT ${MAX_CANDIDATES + 1})`;
  return {
    sql: visibility === "private" ? own : `${own} UNION ALL ${open}`,
    values: { ...valuesOf(reach), ...(visibility === null ? {} : { visibility }) },
  };
}

/** Says whether more repositories lie in the ranges than are looked at. */
function beyondScannedRanges({ reach }: Wanted): Fragment {
  return {
    sql: `${IN_RANGES} LIMIT 1 OFFSET ${MAX_SCANNED}`,
    values: { ranges: JSON.stringify(reach.ranges) },
  };
}

/** SQL: the repositories of the ranges by name, since ranges are sorted and do not overlap. */
const IN_RANGES = `SELECT r.id, r.name, r.visibility FROM json_each(:ranges) w
  CROSS JOIN repositories r ON r.name >= w.value ->> 'from' AND r.name <= w.value ->> 'to'`;
