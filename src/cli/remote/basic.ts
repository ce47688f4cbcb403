/** The Authorization header of a user and a password (RFC 7617). */
export function basic({
  user,
  password,
}: {
  readonly user: string;
  readonly password: string;
}): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
}
