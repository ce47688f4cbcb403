import { NOW } from "./clock.ts";
import type {
  LoginQuery,
  LoginRecord,
  OnRevocations,
  Identities,
  PublicRecord,
  Revocations,
  Trust,
  TrustQuery,
} from "../auth/identity-store.ts";
import type { TrustRule } from "../auth/oidc/trust.ts";
import { type LoginRow, parseLogin } from "./login-rows.ts";
import { prepare } from "./sql.ts";
import { listRevoked, parseRevoked, type RevokedRow } from "./revocations.ts";

/** SQL for a JSON list of those of the listed repositories that the public may pull. */
function publicAmong(list: string): string {
  return `(SELECT json_group_array(r.name) FROM json_each(${list}) w
    JOIN repositories r ON r.name = w.value WHERE r.visibility = 'public')`;
}

/**
 * The most roles that are read in the namespaces of a request, and the most that are read in all namespaces, where each
 * namespace gives a first one before any gives a second. They are read as one JSON text, of which D1 holds 2 MB. Roles
 * are given by the owners of other namespaces, and must not crowd each other out.
 */
const MAX_ROLES = 2_000;

/**
 * The most rules of other namespaces that are compared with an ID token, to find whether the token matches any rule at
 * all. If there are more, it is treated as matching one of them, which gives no right.
 */
const MAX_OTHERS = 50;

/**
 * SQL that returns one row of the public repositories among those in a JSON list, then one row for each rule that the
 * sources return.
 */
function publicAndRules(list: string, ...sources: readonly string[]): string {
  const rules = sources.map(
    (source) => `UNION ALL SELECT * FROM (
      SELECT t.name, t.issuer, t.audience, t.claims, t.scopes, t.lifetime,
        t.namespace, t.created_at, NULL, NULL ${source})`,
  );
  return `SELECT NULL AS id, NULL AS issuer, NULL AS audience, NULL AS claims, NULL AS scopes,
      NULL AS lifetime, NULL AS namespace, NULL AS createdAt, ${publicAmong(list)} AS public, ${NOW} AS readAt
    ${rules.join(" ")}`;
}

interface RuleRow extends Pick<TrustRule, "id" | "issuer" | "audience" | "lifetime"> {
  /** JSON lists. */
  readonly claims: string;
  readonly scopes: string;
  readonly namespace: string;
  readonly createdAt: number;
  readonly public: null;
}

interface PublicRow {
  readonly public: string;
  readonly readAt: number;
}

/** D1: who there is and what they may do, by one query for each login. */
export class IdentityStore implements Identities {
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  async find(query: LoginQuery, onRevocations: OnRevocations | null): Promise<LoginRecord> {
    const { name, hash, session, places, repositories, namespaces } = query;
    const keys = places === null ? [] : [...places.known, ...places.unknown];
    const statement = prepare(
      this.#db,
      `WITH who AS (
         SELECT coalesce(:name, (SELECT coalesce(user, robot) FROM tokens WHERE hash = :hash),
           (SELECT user FROM sessions WHERE hash = :session)) AS name
       )
       SELECT who.name, ${NOW} AS readAt,
         (SELECT json_object('password', password, 'admin', admin, 'disabled', disabled_at IS NOT NULL)
          FROM users WHERE name = who.name) AS user,
         (SELECT json_group_array(json_object('pattern', pattern, 'role', role)) FROM (
            SELECT * FROM (SELECT m.pattern, m.role FROM json_each(:namespaces) n
              CROSS JOIN members m ON m.namespace = n.value AND m.user = who.name LIMIT ${MAX_ROLES})
            UNION
            SELECT * FROM (SELECT pattern, role FROM (
              SELECT pattern, role, row_number() OVER (PARTITION BY namespace) AS n
              FROM members WHERE user = who.name) ORDER BY n LIMIT ${MAX_ROLES})
          )) AS roles,
         (SELECT json_object('id', t.id, 'isRobot', t.robot IS NOT NULL,
            'disabled', o.disabled_at IS NOT NULL, 'scopes', json(coalesce(t.scopes, o.scopes)),
            'createdAt', t.created_at, 'expiresAt', t.expires_at, 'lastUsed', t.last_used)
          FROM tokens t LEFT JOIN robots o ON o.name = t.robot
          WHERE t.hash = :hash AND coalesce(t.user, t.robot) = who.name) AS token,
         (SELECT json_object('id', id, 'mark', mark, 'seenAt', seen_at, 'expiresAt', expires_at)
          FROM sessions WHERE hash = :session) AS session,
         EXISTS (SELECT 1 FROM robots WHERE name = who.name) AS robot,
         (SELECT json_group_array(json_object('key', f.key, 'failures', f.failures, 'since', f.since, 'triedAt', f.tried_at))
          FROM json_each(:keys) w CROSS JOIN login_failures f ON f.key = w.value) AS failures,
         (SELECT used_at FROM login_networks WHERE account = :account AND network = :network) AS usedAt,
         ${publicAmong(":repositories")} AS public
       FROM who`,
      {
        name,
        hash,
        session,
        keys: JSON.stringify(keys),
        repositories: JSON.stringify(repositories),
        namespaces: JSON.stringify(namespaces),
        account: places?.account ?? null,
        network: places?.network ?? null,
      },
    );
    const [row] = await this.#read<LoginRow>(statement, onRevocations);
    if (row === undefined) throw new Error("a query of scalars gave no row");
    return parseLogin(row);
  }

  async trusting(query: TrustQuery, onRevocations: OnRevocations | null): Promise<Trust> {
    const { issuer, namespaces, selectors, repositories } = query;
    const statement = prepare(
      this.#db,
      publicAndRules(
        ":repositories",
        `FROM json_each(:namespaces) n CROSS JOIN trust_rules t ON t.namespace = n.value
           WHERE t.issuer = :issuer`,
        `FROM json_each(:selectors) s CROSS JOIN trust_rules t ON t.issuer = :issuer AND t.selector = s.value
           WHERE t.namespace NOT IN (SELECT value FROM json_each(:namespaces)) LIMIT ${MAX_OTHERS}`,
      ),
      {
        issuer,
        repositories: JSON.stringify(repositories),
        namespaces: JSON.stringify(namespaces),
        selectors: JSON.stringify(selectors),
      },
    );
    const { rows, ...record } = await this.#rules(statement, onRevocations);
    const isNamed = ({ namespace }: RuleRow): boolean => namespaces.includes(namespace);
    const others = rows.filter((row) => !isNamed(row)).map(parseRule);
    const rules = rows.filter(isNamed).map(parseRule);
    return { ...record, rules, others, hasMore: others.length === MAX_OTHERS };
  }

  async rulesNamed(
    names: readonly string[],
    repositories: readonly string[],
    onRevocations: OnRevocations | null,
  ): Promise<PublicRecord & { readonly rules: TrustRule[] }> {
    const statement = prepare(
      this.#db,
      publicAndRules(
        ":repositories",
        `FROM json_each(:names) n CROSS JOIN trust_rules t ON t.name = n.value`,
      ),
      { repositories: JSON.stringify(repositories), names: JSON.stringify(names) },
    );
    const { rows, ...record } = await this.#rules(statement, onRevocations);
    return { ...record, rules: rows.map(parseRule) };
  }

  /** Returns the rows of rules, the oldest first, and the public repositories. */
  async #rules(
    statement: D1PreparedStatement,
    onRevocations: OnRevocations | null,
  ): Promise<PublicRecord & { readonly rows: RuleRow[] }> {
    const all = await this.#read<PublicRow | RuleRow>(statement, onRevocations);
    const rows = all.filter((row) => row.public === null);
    const record = all.find((row) => row.public !== null);
    if (record === undefined) throw new Error("no row says what is public");
    const order = (one: RuleRow, other: RuleRow): number =>
      one.createdAt - other.createdAt || (one.id < other.id ? -1 : 1);
    return {
      rows: rows.toSorted(order),
      public: JSON.parse(record.public) as string[],
      readAt: record.readAt,
    };
  }

  async publicAmong(
    repositories: readonly string[],
    onRevocations: OnRevocations | null,
  ): Promise<PublicRecord> {
    const statement = prepare(
      this.#db,
      `SELECT ${publicAmong(":repositories")} AS public, ${NOW} AS readAt`,
      { repositories: JSON.stringify(repositories) },
    );
    const [row] = await this.#read<PublicRow>(statement, onRevocations);
    if (row === undefined) throw new Error("a query of scalars gave no row");
    return { public: JSON.parse(row.public) as string[], readAt: row.readAt };
  }

  /** The statement's rows, and in the same round trip the revocations. */
  async #read<Row>(
    statement: D1PreparedStatement,
    onRevocations: OnRevocations | null,
  ): Promise<Row[]> {
    if (onRevocations === null) return (await statement.all<Row>()).results;
    const [asked, revoked] = await this.#db.batch([statement, listRevoked(this.#db)]);
    onRevocations(parseRevoked((revoked?.results ?? []) as RevokedRow[]));
    return (asked?.results ?? []) as Row[];
  }

  async used(token: string, day: number): Promise<void> {
    await prepare(this.#db, `UPDATE tokens SET last_used = :day WHERE id = :token`, {
      token,
      day,
    }).run();
  }

  async seen(hash: string, now: number, before: number): Promise<void> {
    await prepare(
      this.#db,
      `UPDATE sessions SET seen_at = :now WHERE hash = :hash AND seen_at <= :before`,
      { hash, now, before },
    ).run();
  }

  async revoked(): Promise<Revocations> {
    return parseRevoked((await listRevoked(this.#db).all<RevokedRow>()).results);
  }

  async revocationsOf(subjects: readonly string[]): Promise<Map<string, number>> {
    const { results } = await prepare(
      this.#db,
      `SELECT subject, revoked_at AS at FROM revocations
       WHERE subject IN (SELECT value FROM json_each(:subjects))`,
      { subjects: JSON.stringify(subjects) },
    ).all<RevokedRow>();
    return new Map(results.map(({ subject, at }) => [subject, at]));
  }

  /** Deletes revocations from before a time, at most `limit` of them. */
  async expire(before: number, limit: number): Promise<void> {
    await prepare(
      this.#db,
      `DELETE FROM revocations WHERE subject IN (
         SELECT subject FROM revocations WHERE revoked_at < :before ORDER BY revoked_at LIMIT :limit)`,
      { before, limit },
    ).run();
  }
}

function parseRule(row: RuleRow): TrustRule {
  const { id, issuer, audience, lifetime } = row;
  return {
    id,
    issuer,
    audience,
    lifetime,
    claims: JSON.parse(row.claims) as TrustRule["claims"],
    scopes: JSON.parse(row.scopes) as TrustRule["scopes"],
  };
}
