/** Who can sign in: people, with a password. */
import { isSecret } from "../login/secret.ts";
import { isCredential } from "../login/token.ts";
import { WORKLOAD } from "../oidc/workload.ts";

/** Returns whether it is a name of people: a robot's has a plus, and workloads share one. */
export function isPersonName(name: string): boolean {
  return name !== WORKLOAD && !name.includes("+");
}

/** Returns whether it is a token, an exchanged credential or a robot's secret. */
export function isToken(password: string): boolean {
  return isSecret(password) || isCredential(password);
}
