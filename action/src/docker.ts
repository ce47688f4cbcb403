/** Docker's command line. Passwords go to its standard input: others on the machine can read arguments. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { CliError } from "../../src/cli/error.ts";

/** @throws CliError where Docker is not installed */
export async function requireDocker(): Promise<void> {
  await docker(["--version"]);
}

export async function logIn(host: string, user: string, password: string): Promise<void> {
  await docker(["login", host, "--username", user, "--password-stdin"], password);
}

export async function logOut(host: string): Promise<void> {
  await docker(["logout", host]);
}

/** @throws CliError with Docker's own words where it fails */
async function docker(args: readonly string[], given = ""): Promise<void> {
  const child = spawn("docker", args, { stdio: ["pipe", "ignore", "pipe"] });
  // A command that ends without reading its input breaks the pipe; its exit code says what went wrong.
  child.stdin.on("error", () => {});
  child.stdin.end(given);
  const ended = once(child, "close") as Promise<[code: number | null]>;
  const [said, [code]] = await Promise.all([text(child.stderr), ended]).catch(notThere);
  if (code === 0) return;
  const [command = ""] = args;
  throw new CliError(`docker ${command} failed: ${said.trim() || `exit code ${code}`}`);
}

function notThere(error: unknown): never {
  if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  throw new CliError("docker is not installed on this runner", {
    cause: error,
    hint: "Use a runner that has it, such as ubuntu-latest, or install it in an earlier step. A job in a container needs an image with the docker command.",
  });
}
