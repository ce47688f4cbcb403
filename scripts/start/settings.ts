/** The settings that a start takes from its environment, read as the Worker reads them. */
import { join } from "node:path";
import { ROOT } from "./build.ts";
import type { Environment } from "./checks.ts";
import { StartError } from "./error.ts";
import type { Secrets } from "./secrets.ts";

/** src/settings.ts, loaded by its path: it uses the Worker's types, which programs do not have. */
interface WorkerEnvironment {
  readonly readSettings: (env: object) => unknown;
}

/** Secrets that are read but never generated: the second signing key exists only during a key rotation. */
const OPTIONAL_SECRETS = [
  "TOKEN_KEY_NEXT",
  "TRIVY_TOKEN",
  "HARBOR_SCANNER_AUTHORIZATION",
  "CLAIR_KEY",
] as const;

/** @param vars those of wrangler.toml @returns the secrets and what the environment sets */
export async function settingsOf(
  vars: object,
  secrets: Secrets,
  env: Environment,
): Promise<Record<string, string>> {
  const names = [...Object.keys(vars), "ADMIN_PASSWORD", ...OPTIONAL_SECRETS];
  const given = names.flatMap((name) => {
    const value = env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  const settings = { ...secrets, ...Object.fromEntries(given) };
  const { readSettings } = (await import(join(ROOT, "src", "settings.ts"))) as WorkerEnvironment;
  try {
    readSettings({ ...vars, ...settings });
  } catch (error) {
    throw new StartError((error as Error).message, { cause: error });
  }
  return settings;
}
