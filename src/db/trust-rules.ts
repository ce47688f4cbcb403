import type { TrustRule } from "../auth/oidc/trust.ts";
import { RegistryError } from "../oci/errors.ts";
import type { Page } from "../oci/page.ts";
import type { Namespace } from "../oci/reference.ts";
import type { AuditEntry, Initiator } from "./audit.ts";
import { type Edit, brief, create, type Creation, edit, listWithin, versioned } from "./change.ts";

/** A trust rule, as it is stored in the namespace that it gives rights in. */
export interface StoredRule extends TrustRule {
  readonly version: number;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
}

type Row = Omit<StoredRule, "claims" | "scopes"> & {
  readonly claims: string;
  readonly scopes: string;
};

const COLUMNS = `name AS id, issuer, audience, claims, scopes, lifetime, version, created_at AS createdAt`;

/** D1: whose ID tokens stand for whom. */
export class TrustRuleStore {
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  /** @throws NOT_FOUND if there is no such namespace */
  async list(namespace: Namespace, page: Page): Promise<StoredRule[]> {
    const rows = await listWithin<Row>(
      this.#db,
      namespace,
      this.#db
        .prepare(
          `SELECT ${COLUMNS} FROM trust_rules WHERE namespace = ?1 AND name > ?2
           ORDER BY name LIMIT ?3`,
        )
        .bind(namespace, page.after, page.limit),
    );
    return rows.map(parseRule);
  }

  /** @throws NOT_FOUND */
  async find(id: string): Promise<StoredRule> {
    const row = await this.#db
      .prepare(`SELECT ${COLUMNS} FROM trust_rules WHERE name = ?1`)
      .bind(id)
      .first<Row>();
    if (row === null) throw new RegistryError("NOT_FOUND");
    return parseRule(row);
  }

  /** @returns "orphan" if there is no such namespace */
  create(
    namespace: Namespace,
    rule: StoredRule,
    selector: string,
    initiator: Initiator,
  ): Promise<Creation> {
    const { id, issuer, audience, claims, scopes, lifetime, createdAt } = rule;
    const entry: AuditEntry = {
      action: "rule.create",
      namespace,
      reference: id,
      detail: describe(rule),
    };
    return create(this.#db, { initiator, entry }, [
      this.#db
        .prepare(
          `INSERT INTO trust_rules (name, namespace, issuer, audience, claims, scopes, lifetime, created_at, selector)
           VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)`,
        )
        .bind(
          id,
          namespace,
          issuer,
          audience,
          JSON.stringify(claims),
          JSON.stringify(scopes),
          lifetime,
          createdAt,
          selector,
        ),
    ]);
  }

  /**
   * Replaces the whole rule.
   * @throws NOT_FOUND or VERSION_MISMATCH
   */
  async update(
    namespace: Namespace,
    rule: TrustRule,
    { version, selector }: { readonly version: number; readonly selector: string },
    initiator: Initiator,
  ): Promise<StoredRule> {
    const { id, issuer, audience, claims, scopes, lifetime } = rule;
    const change: Edit = {
      initiator,
      entry: { action: "rule.update", namespace, reference: id, detail: describe(rule) },
      ...versioned("trust_rules", id, version),
      revokes: [{ subject: `rule:${id}` }],
    };
    const row = await edit<Row>(
      this.#db,
      change,
      this.#db
        .prepare(
          `UPDATE trust_rules SET issuer = ?3, audience = ?4, claims = ?5, scopes = ?6, lifetime = ?7,
             selector = ?8, version = version + 1
           WHERE name = ?1 AND version = ?2 RETURNING ${COLUMNS}`,
        )
        .bind(
          id,
          version,
          issuer,
          audience,
          JSON.stringify(claims),
          JSON.stringify(scopes),
          lifetime,
          selector,
        ),
    );
    return parseRule(row);
  }

  /** @throws NOT_FOUND or VERSION_MISMATCH */
  async remove(
    namespace: Namespace,
    id: string,
    version: number | null,
    initiator: Initiator,
  ): Promise<void> {
    const change: Edit = {
      initiator,
      entry: { action: "rule.delete", namespace, reference: id },
      ...versioned("trust_rules", id, version),
      revokes: [{ subject: `rule:${id}` }],
    };
    await edit(
      this.#db,
      change,
      this.#db
        .prepare(
          `DELETE FROM trust_rules WHERE name = ?1 AND (?2 IS NULL OR version = ?2) RETURNING name`,
        )
        .bind(id, version),
    );
  }
}

function parseRule({ claims, scopes, ...row }: Row): StoredRule {
  return {
    ...row,
    claims: JSON.parse(claims) as TrustRule["claims"],
    scopes: JSON.parse(scopes) as TrustRule["scopes"],
  };
}

/** Formats a rule for the audit log: its issuer and scopes. */
function describe({ issuer, scopes }: TrustRule): string {
  return `${issuer} ${brief(scopes)}`;
}
