import type { LoginRecord, SessionRecord, TokenRecord } from "../auth/identity-store.ts";

/** A login's record, with its parts as JSON texts. */
export interface LoginRow {
  readonly name: string | null;
  readonly readAt: number;
  readonly user: string | null;
  readonly roles: string;
  readonly token: string | null;
  readonly session: string | null;
  readonly robot: number;
  readonly failures: string;
  readonly usedAt: number | null;
  readonly public: string;
}

export function parseLogin(row: LoginRow): LoginRecord {
  return {
    name: row.name ?? "",
    readAt: row.readAt,
    user: parseUser(row.user),
    roles: JSON.parse(row.roles) as LoginRecord["roles"],
    token: parseToken(row.token),
    session: row.session === null ? null : (JSON.parse(row.session) as SessionRecord),
    robot: row.robot === 1,
    failures: JSON.parse(row.failures) as LoginRecord["failures"],
    usedAt: row.usedAt,
    public: JSON.parse(row.public) as string[],
  };
}

function parseUser(json: string | null): LoginRecord["user"] {
  if (json === null) return null;
  const user = JSON.parse(json) as { password: string; admin: number; disabled: number };
  return { ...user, admin: user.admin === 1, disabled: user.disabled === 1 };
}

/** Parses a token. SQLite's JSON has numbers in the place of booleans. */
function parseToken(json: string | null): TokenRecord | null {
  if (json === null) return null;
  const token = JSON.parse(json) as Omit<TokenRecord, "isRobot" | "disabled"> &
    Record<"isRobot" | "disabled", number>;
  return { ...token, isRobot: token.isRobot === 1, disabled: token.disabled === 1 };
}
