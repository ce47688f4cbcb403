/** docker's credential helpers: programs that keep credentials in the system's store, or make them for a cloud's registry. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import * as v from "valibot";
import { CliError } from "../error.ts";

/** A helper may ask a cloud for a token, or its owner for a password. */
const PATIENCE_MS = 60_000;

/** The only way in which a helper says that it has none. */
const NONE = /credentials not found|no credentials server url|no credentials username/i;

const Answer = v.object({ Username: v.string(), Secret: v.string() });

/**
 * Asks a helper by its protocol: the server's address on standard input, JSON on standard output.
 * @param name without the beginning that all helpers have, such as "desktop" or "ecr-login"
 * @returns null if it has no credentials for the server
 */
export async function fromHelper(
  name: string,
  server: string,
): Promise<{ user: string; password: string } | null> {
  if (!/^[\w.-]+$/.test(name)) throw new CliError(`"${name}" is no credential helper's name`);
  const program = `docker-credential-${name}`;
  const { code, said } = await run(program, server);
  if (code !== 0) {
    if (NONE.test(said)) return null;
    throw new CliError(`${program} gave no credentials for ${server}: ${said.trim()}`);
  }
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), Answer), said);
  if (!parsed.success) throw new CliError(`${program} answered no JSON with Username and Secret`);
  const { Username: user, Secret: password } = parsed.output;
  return password === "" ? null : { user, password };
}

async function run(program: string, input: string): Promise<{ code: number | null; said: string }> {
  const child = spawn(program, ["get"], {
    stdio: ["pipe", "pipe", "inherit"],
    timeout: PATIENCE_MS,
  });
  // A helper that ends without reading closes the pipe: its exit code tells what happened.
  child.stdin.on("error", () => undefined);
  const closed = once(child, "close") as Promise<[number | null]>;
  child.stdin.end(`${input}\n`);
  try {
    const [said, [code]] = await Promise.all([text(child.stdout), closed]);
    return { code, said };
  } catch (cause) {
    const isMissing = (cause as NodeJS.ErrnoException).code === "ENOENT";
    const why = isMissing ? "there is no such program" : (cause as Error).message;
    throw new CliError(`cannot run ${program}, which docker's config names: ${why}`, {
      hint: "Install it, or take it out of docker's config.json (credsStore, credHelpers).",
      cause,
    });
  }
}
