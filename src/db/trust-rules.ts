import type { TrustRule } from "../auth/oidc/trust.ts";
import { RegistryError } from "../oci/errors.ts";
import type { Page } from "../oci/page.ts";
import type { Namespace } from "../oci/reference.ts";
import type { AuditEntry, Initiator } from "./audit.ts";
import {
  type Edit,
  brief,
  create,
  type Creation,
  edit,
  EXPECTED,
  listWithin,
  versioned,
} from "./change.ts";
import { prepare } from "./sql.ts";

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
  async list(namespace: Namespace, { after, limit }: Page): Promise<StoredRule[]> {
    const rows = await listWithin<Row>(
      this.#db,
      namespace,
      prepare(
        this.#db,
        `SELECT ${COLUMNS} FROM trust_rules WHERE namespace = :namespace AND name > :after
         ORDER BY name LIMIT :limit`,
        { namespace, after, limit },
      ),
    );
    return rows.map(parseRule);
  }

  /** @throws NOT_FOUND */
  async find(id: string): Promise<StoredRule> {
    const row = await prepare(this.#db, `SELECT ${COLUMNS} FROM trust_rules WHERE name = :id`, {
      id,
    }).first<Row>();
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
      prepare(
        this.#db,
        `INSERT INTO trust_rules (name, namespace, issuer, audience, claims, scopes, lifetime, created_at, selector)
         VALUES (:id, :namespace, :issuer, :audience, :claims, :scopes, :lifetime, :createdAt, :selector)`,
        {
          id,
          namespace,
          issuer,
          audience,
          claims: JSON.stringify(claims),
          scopes: JSON.stringify(scopes),
          lifetime,
          createdAt,
          selector,
        },
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
      prepare(
        this.#db,
        `UPDATE trust_rules SET issuer = :issuer, audience = :audience, claims = :claims, scopes = :scopes,
           lifetime = :lifetime, selector = :selector, version = version + 1
         WHERE ${EXPECTED} RETURNING ${COLUMNS}`,
        {
          name: id,
          version,
          issuer,
          audience,
          claims: JSON.stringify(claims),
          scopes: JSON.stringify(scopes),
          lifetime,
          selector,
        },
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
      prepare(this.#db, `DELETE FROM trust_rules WHERE ${EXPECTED} RETURNING name`, {
        name: id,
        version,
      }),
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
