/** The logins that `slipway login` keeps, a token for each registry. Only its owner can read the file. */
import { randomBytes } from "node:crypto";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, isAbsolute, join } from "node:path";
import { CliError } from "./error.ts";
import { reasonOf } from "./file.ts";

export interface Login {
  readonly user: string;
  /** A secret of the registry. */
  readonly token: string;
  /** The id of a token that the login created and the logout has to delete; null where a secret was given. */
  readonly tokenId: string | null;
}

export interface Config {
  /** The registry of the last login. */
  readonly current: string | null;
  /** By the registry's origin, such as "https://registry.example.com". */
  readonly logins: Readonly<Record<string, Login>>;
}

const EMPTY: Config = { current: null, logins: {} };

export function configFile(): string {
  // A relative path is to be ignored (XDG Base Directory Specification).
  const given = process.env["XDG_CONFIG_HOME"] ?? "";
  return join(isAbsolute(given) ? given : join(homedir(), ".config"), "slipway", "config.json");
}

export async function readConfig(): Promise<Config> {
  const file = configFile();
  try {
    const { current, logins } = JSON.parse(await readFile(file, "utf8")) as Partial<Config>;
    return { current: current ?? null, logins: logins ?? {} };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return EMPTY;
    const isBroken = error instanceof SyntaxError;
    const why = isBroken ? "it is no JSON; delete it and log in again" : reasonOf(error);
    throw new CliError(`cannot read ${file}: ${why}`, { cause: error });
  }
}

/** The new file takes the old one's place in one step: who reads it sees one of the two, whole. */
async function writeConfig(config: Config): Promise<void> {
  const file = configFile();
  const draft = `${file}.${randomBytes(6).toString("hex")}`;
  try {
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    await writeFile(draft, `${JSON.stringify(config, null, 2)}\n`, { mode: 0o600, flag: "wx" });
    await rename(draft, file);
  } catch (error) {
    await rm(draft, { force: true });
    throw new CliError(`cannot write ${file}: ${reasonOf(error)}`, { cause: error });
  }
}

export async function saveLogin(registry: string, login: Login): Promise<void> {
  const { logins } = await readConfig();
  await writeConfig({ current: registry, logins: { ...logins, [registry]: login } });
}

export async function forgetLogin(registry: string): Promise<void> {
  const { current, logins } = await readConfig();
  const left = Object.fromEntries(Object.entries(logins).filter(([name]) => name !== registry));
  await writeConfig({ current: current === registry ? null : current, logins: left });
}
