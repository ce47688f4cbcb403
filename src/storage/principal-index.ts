import { NOW } from "./clock.ts";
import type {
  LoginQuery,
  LoginRecord,
  News,
  Principals,
  PublicRecord,
  Revocations,
  TokenRecord,
  Trust,
} from "../auth/principals.ts";
import type { TrustRule } from "../auth/trust.ts";
import type { Condition } from "./audit-index.ts";
import { listRevoked, parseRevoked, type RevokedRow } from "./revoked.ts";

/** SQL: those of the repositories in a JSON list that everyone may pull, as a JSON list. */
function publicAmong(list: string): string {
  return `(SELECT json_group_array(r.name) FROM json_each(${list}) w
    JOIN repositories r ON r.name = w.value WHERE r.visibility = 'public')`;
}

/** How long failed logins are kept, in milliseconds: longer than any window that they are counted over. */
export const REMEMBERED_FAILURES = 86_400_000;

/** So many rules are looked at, and no more. */
const MAX_RULES = 500;

/** The rules as `auth/trust.ts` reads them; the lists in them are JSON. */
const RULE = `name AS id, issuer, audience, claims, scopes, lifetime`;

/**
 * SQL: the oldest rules of the issuer ?1 that a token with the selectors ?3 may match. Those of the namespaces that are asked
 * for are looked up on their own: however many others there are, they are among them.
 */
function candidates(condition: string): string {
  return `SELECT t.* FROM json_each(?3) s
    CROSS JOIN trust_rules t ON t.issuer = ?1 AND t.selector = s.value
    WHERE ${condition} LIMIT ${MAX_RULES}`;
}

/** The parts of a login's record, as JSON texts. */
interface LoginRow {
  readonly name: string | null;
  readonly readAt: number;
  readonly user: string | null;
  readonly roles: string;
  readonly token: string | null;
  readonly failures: string;
  readonly public: string;
}

type RuleRow = Record<"claims" | "scopes" | "public", string> &
  TrustRule & { readonly readAt: number };

/** D1: who there is and what they may do, by one query for each login. */
export class PrincipalIndex implements Principals {
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  async find(query: LoginQuery, news: News | null): Promise<LoginRecord> {
    const { name, hash, failureKeys, repositories } = query;
    const statement = this.#db
      .prepare(
        `WITH who AS (
           SELECT coalesce(?1, (SELECT coalesce(user, robot) FROM tokens WHERE hash = ?2)) AS name
         )
         SELECT who.name, ${NOW} AS readAt,
           (SELECT json_object('password', password, 'admin', admin, 'disabled', disabled_at IS NOT NULL)
            FROM users WHERE name = who.name) AS user,
           (SELECT json_group_array(json_object('pattern', pattern, 'role', role))
            FROM members WHERE user = who.name) AS roles,
           (SELECT json_object('id', t.id, 'isRobot', t.robot IS NOT NULL,
              'disabled', o.disabled_at IS NOT NULL, 'scopes', json(coalesce(t.scopes, o.scopes)),
              'createdAt', t.created_at, 'expiresAt', t.expires_at, 'lastUsed', t.last_used)
            FROM tokens t LEFT JOIN robots o ON o.name = t.robot
            WHERE t.hash = ?2 AND coalesce(t.user, t.robot) = who.name) AS token,
           (SELECT json_group_array(json_object('key', f.key, 'failures', f.failures, 'since', f.since))
            FROM json_each(?3) w CROSS JOIN login_failures f ON f.key = w.value) AS failures,
           ${publicAmong("?4")} AS public
         FROM who`,
      )
      .bind(name, hash, JSON.stringify(failureKeys), JSON.stringify(repositories));
    const [row] = await this.#read<LoginRow>(statement, news);
    if (row === undefined) throw new Error("a query of scalars gave no row");
    return {
      name: row.name ?? "",
      readAt: row.readAt,
      user: parseUser(row.user),
      roles: JSON.parse(row.roles) as LoginRecord["roles"],
      token: parseToken(row.token),
      failures: JSON.parse(row.failures) as LoginRecord["failures"],
      public: JSON.parse(row.public) as string[],
    };
  }

  async trusting(
    { issuer, selectors }: { readonly issuer: string; readonly selectors: readonly string[] },
    repositories: readonly string[],
    news: News | null,
  ): Promise<Trust> {
    const statement = this.#db
      .prepare(
        `SELECT ${RULE}, ${publicAmong("?2")} AS public, ${NOW} AS readAt FROM (SELECT 1)
         LEFT JOIN (
           SELECT * FROM (${candidates("t.namespace IN (SELECT value FROM json_each(?4))")})
           UNION SELECT * FROM (${candidates("true")})
         ) ORDER BY created_at, name`,
      )
      .bind(
        issuer,
        JSON.stringify(repositories),
        JSON.stringify(selectors),
        JSON.stringify(repositories.map((name) => name.split("/", 1)[0])),
      );
    const rows = await this.#read<RuleRow>(statement, news);
    const [first] = rows;
    if (first === undefined) throw new Error("an outer join gave no row");
    return {
      // Without a rule there is one row, of what is public alone.
      rules: rows.flatMap((row) => (row.id === null ? [] : parseRule(row))),
      public: JSON.parse(first.public) as string[],
      readAt: first.readAt,
    };
  }

  async publicAmong(repositories: readonly string[], news: News | null): Promise<PublicRecord> {
    const statement = this.#db
      .prepare(`SELECT ${publicAmong("?1")} AS public, ${NOW} AS readAt`)
      .bind(JSON.stringify(repositories));
    const [row] = await this.#read<{ public: string; readAt: number }>(statement, news);
    if (row === undefined) throw new Error("a query of scalars gave no row");
    return { public: JSON.parse(row.public) as string[], readAt: row.readAt };
  }

  /** The statement's rows, and in the same round trip the news. */
  async #read<Row>(statement: D1PreparedStatement, news: News | null): Promise<Row[]> {
    if (news === null) return (await statement.all<Row>()).results;
    const [asked, revoked] = await this.#db.batch([statement, listRevoked(this.#db)]);
    news(parseRevoked((revoked?.results ?? []) as RevokedRow[]));
    return (asked?.results ?? []) as Row[];
  }

  async failed(keys: readonly string[], now: number, window: number): Promise<void> {
    await this.#db
      .prepare(
        `INSERT INTO login_failures (key, failures, since)
         SELECT value, 1, ?2 FROM json_each(?1) WHERE true
         ON CONFLICT (key) DO UPDATE SET
           failures = CASE WHEN since > ?2 - ?3 THEN failures + 1 ELSE 1 END,
           since = CASE WHEN since > ?2 - ?3 THEN since ELSE ?2 END`,
      )
      .bind(JSON.stringify(keys), now, window)
      .run();
  }

  async used(token: string, day: number): Promise<void> {
    await this.#db.prepare(`UPDATE tokens SET last_used = ?2 WHERE id = ?1`).bind(token, day).run();
  }

  async revoked(): Promise<Revocations> {
    return parseRevoked((await listRevoked(this.#db).all<RevokedRow>()).results);
  }

  async revocationsOf(subjects: readonly string[]): Promise<Map<string, number>> {
    const { results } = await this.#db
      .prepare(
        `SELECT subject, revoked_at AS at FROM revocations
         WHERE subject IN (SELECT value FROM json_each(?1))`,
      )
      .bind(JSON.stringify(subjects))
      .all<RevokedRow>();
    return new Map(results.map(({ subject, at }) => [subject, at]));
  }

  /** Forgets what no longer matters: failures and revocations from before these times, so many of each. */
  async expire(failures: number, revocations: number, limit: number): Promise<void> {
    await this.#db.batch([
      this.#db
        .prepare(
          `DELETE FROM login_failures WHERE key IN (
             SELECT key FROM login_failures WHERE since < ?1 ORDER BY since LIMIT ?2)`,
        )
        .bind(failures, limit),
      this.#db
        .prepare(
          `DELETE FROM revocations WHERE subject IN (
             SELECT subject FROM revocations WHERE revoked_at < ?1 ORDER BY revoked_at LIMIT ?2)`,
        )
        .bind(revocations, limit),
    ]);
  }
}

/**
 * For the batch of every change that takes rights away: what was signed for the subject before holds no longer.
 * (`public:<repository>` and `repository:<name>` are revoked by the triggers of migrations/0007_pull_revocations.sql.)
 * @param subject `user:<name>`, `user:<name>@<namespace>`, `token:<id>`, `robot:<name>` or `rule:<name>`
 * @param condition says, before the change, whether it will take anything away: a refused one must revoke nothing
 */
export function revoke(
  db: D1Database,
  subject: string,
  condition: Condition = { sql: "SELECT 1", parameters: [] },
): D1PreparedStatement {
  return db
    .prepare(
      `INSERT INTO revocations (subject, revoked_at) SELECT ?1, ${NOW} WHERE EXISTS (${condition.sql})
       ON CONFLICT (subject) DO UPDATE SET revoked_at = excluded.revoked_at`,
    )
    .bind(subject, ...condition.parameters);
}

function parseUser(json: string | null): LoginRecord["user"] {
  if (json === null) return null;
  const user = JSON.parse(json) as { password: string; admin: number; disabled: number };
  return { ...user, admin: user.admin === 1, disabled: user.disabled === 1 };
}

/** SQLite's JSON has numbers where there are truths. */
function parseToken(json: string | null): TokenRecord | null {
  if (json === null) return null;
  const token = JSON.parse(json) as Omit<TokenRecord, "isRobot" | "disabled"> &
    Record<"isRobot" | "disabled", number>;
  return { ...token, isRobot: token.isRobot === 1, disabled: token.disabled === 1 };
}

function parseRule(row: Record<"claims" | "scopes", string> & TrustRule): TrustRule {
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
