import type { Scope } from "../auth/policy/access.ts";
import { RegistryError } from "../oci/errors.ts";
import type { Page } from "../oci/page.ts";
import type { Namespace } from "../oci/reference.ts";
import type { AuditEntry, Initiator } from "./audit.ts";
import {
  type Edit,
  brief,
  create,
  type Creation,
  DISABLING,
  edit,
  EXPECTED,
  listWithin,
  versioned,
} from "./change.ts";
import { insertToken, type NewToken, type Token } from "./tokens.ts";
import { prepare } from "./sql.ts";

/** A machine's account in a namespace. */
export interface Robot {
  /** The name with its namespace, such as "acme+ci". */
  readonly name: string;
  readonly description: string;
  readonly scopes: readonly Scope[];
  readonly tokens: readonly Token[];
  /** When the robot was disabled, in milliseconds since 1970, and by whom; null if it can log in. */
  readonly disabledAt: number | null;
  readonly disabledBy: string | null;
  readonly version: number;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
}

/** The fields to change; null for those that stay. */
export interface RobotChange {
  readonly description: string | null;
  readonly scopes: readonly Scope[] | null;
  readonly disabled: boolean | null;
}

type Row = Omit<Robot, "scopes" | "tokens"> & { readonly scopes: string; readonly tokens: string };

const COLUMNS = `name, description, scopes, disabled_at AS disabledAt, disabled_by AS disabledBy, version, created_at AS createdAt,
  (SELECT json_group_array(json_object('id', id, 'description', description, 'expiresAt', expires_at,
     'lastUsed', last_used, 'createdAt', created_at))
   FROM tokens WHERE robot = robots.name) AS tokens`;

/** D1: robots, with their scopes. Their secrets are tokens. */
export class RobotStore {
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  /** @throws NOT_FOUND if there is no such namespace */
  async list(namespace: Namespace, { after, limit }: Page): Promise<Robot[]> {
    const rows = await listWithin<Row>(
      this.#db,
      namespace,
      prepare(
        this.#db,
        `SELECT ${COLUMNS} FROM robots WHERE namespace = :namespace AND name > :after ORDER BY name LIMIT :limit`,
        { namespace, after, limit },
      ),
    );
    return rows.map(parseRobot);
  }

  /** @throws NOT_FOUND */
  async find(name: string): Promise<Robot> {
    const row = await prepare(this.#db, `SELECT ${COLUMNS} FROM robots WHERE name = :name`, {
      name,
    }).first<Row>();
    if (row === null) throw new RegistryError("NOT_FOUND");
    return parseRobot(row);
  }

  /**
   * Creates the robot and its first secret.
   * @returns "orphan" if there is no such namespace
   */
  create(
    namespace: Namespace,
    { name, description, scopes, createdAt }: Robot,
    token: NewToken,
    initiator: Initiator,
  ): Promise<Creation> {
    const entry: AuditEntry = {
      action: "robot.create",
      namespace,
      reference: name,
      detail: brief(scopes),
    };
    return create(this.#db, { initiator, entry }, [
      prepare(
        this.#db,
        `INSERT INTO robots (name, namespace, description, scopes, created_at)
         VALUES (:name, :namespace, :description, :scopes, :createdAt)`,
        { name, namespace, description, scopes: JSON.stringify(scopes), createdAt },
      ),
      insertToken(this.#db, { user: null, robot: name, scopes: null }, token),
    ]);
  }

  /** @throws NOT_FOUND or VERSION_MISMATCH */
  async update(
    { name, namespace }: RobotName,
    { description, scopes, disabled }: RobotChange,
    version: number | null,
    initiator: Initiator,
  ): Promise<Robot> {
    const detail = [
      ...(disabled === null ? [] : [`disabled=${disabled}`]),
      ...(scopes === null ? [] : [brief(scopes)]),
    ].join(" ");
    const change: Edit = {
      initiator,
      entry: {
        action: "robot.update",
        namespace,
        reference: name,
        detail: detail || "description",
      },
      ...versioned("robots", name, version),
      revokes: scopes === null && disabled !== true ? [] : [{ subject: `robot:${name}` }],
    };
    const row = await edit<Row>(
      this.#db,
      change,
      prepare(
        this.#db,
        `UPDATE robots SET description = coalesce(:description, description), scopes = coalesce(:scopes, scopes),
           ${DISABLING}, version = version + 1
         WHERE ${EXPECTED} RETURNING ${COLUMNS}`,
        {
          name,
          version,
          description,
          scopes: scopes === null ? null : JSON.stringify(scopes),
          disabled: disabled === null ? null : Number(disabled),
          actor: initiator.actor,
        },
      ),
    );
    return parseRobot(row);
  }

  /**
   * Deletes the robot and its tokens.
   * @throws NOT_FOUND or VERSION_MISMATCH
   */
  async remove(
    { name, namespace }: RobotName,
    version: number | null,
    initiator: Initiator,
  ): Promise<void> {
    const change: Edit = {
      initiator,
      entry: { action: "robot.delete", namespace, reference: name },
      ...versioned("robots", name, version),
      revokes: [{ subject: `robot:${name}` }],
    };
    await edit(
      this.#db,
      change,
      prepare(this.#db, `DELETE FROM robots WHERE ${EXPECTED} RETURNING name`, { name, version }),
    );
  }
}

export interface RobotName {
  readonly namespace: Namespace;
  /** The full name, with the namespace. */
  readonly name: string;
}

function parseRobot(row: Row): Robot {
  const tokens = JSON.parse(row.tokens) as Token[];
  return {
    ...row,
    scopes: JSON.parse(row.scopes) as Scope[],
    tokens: tokens.toSorted((a, b) => a.createdAt - b.createdAt),
  };
}
