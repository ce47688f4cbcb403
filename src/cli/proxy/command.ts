/** `slipway proxy`. */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { setFlagsFromString } from "node:v8";
import { type Command, InvalidArgumentError, Option } from "commander";
import { registryOf } from "../connection.ts";
import { CliError, UsageError } from "../error.ts";
import { Output } from "../output.ts";
import { reached } from "../remote/retry.ts";
import { Upstream } from "../remote/upstream.ts";
import {
  CREDENTIALS,
  type CredentialKind,
  openCredential,
  type ProxyCredential,
} from "./credential.ts";
import { proxyAuthorization, PROXY_USER } from "./guard.ts";
import { hostsToml } from "./hosts-toml.ts";
import { makeProgress } from "../upload/progress.ts";
import { startProxy } from "./server.ts";

interface ProxyCommandOptions {
  readonly port: number;
  readonly credential: CredentialKind;
  readonly namespace?: readonly string[];
}

const USUAL_PORT = 5001;
const SECRET_BYTES = 24;

export function addProxyCommand(program: Command): void {
  program
    .command("proxy")
    .description("Let any client push layers of any size: a proxy on this machine splits them.")
    .option("--port <number>", "the port on this machine; 0 for a free one", parsePort, USUAL_PORT)
    .addOption(
      new Option(
        "--credential <kind>",
        "pass: what clients send; login, docker, oidc: the proxy's own, of slipway login, of docker login or by a CI job's ID token",
      )
        .choices(CREDENTIALS)
        .default("pass"),
    )
    .option("--namespace <names...>", "with oidc: the namespaces whose trust rules it asks for")
    .action(runProxy);
}

async function runProxy(options: ProxyCommandOptions, command: Command): Promise<void> {
  // Each piece of a layer is a small object with 64 KiB outside of the heap. A young generation that grows to tens of
  // megabytes, as V8's does, would hold hundreds of megabytes of pieces that are sent already.
  setFlagsFromString("--semi-space-growth-factor=1");
  const { credential: kind, namespace: namespaces = [], port: wanted } = options;
  if (kind === "oidc" && namespaces.length === 0) {
    throw new UsageError("which namespaces? Give --namespace", "slipway proxy --help says more");
  }
  const registry = await registryOf(command);
  const secret = kind === "pass" ? null : secretOf();
  // Heard from now on, so that a credential that was made is ended whenever the signal comes.
  const ended = ending();
  const credential = kind === "pass" ? null : await openCredential(kind, { registry, namespaces });
  try {
    await serve({ registry, credential, secret, port: wanted, ended }, command);
  } finally {
    await credential?.close();
  }
}

interface Serving {
  readonly registry: string;
  readonly credential: ProxyCredential | null;
  readonly secret: string | null;
  readonly port: number;
  /** Settles when it is to end. */
  readonly ended: Promise<void>;
}

async function serve(
  { registry, credential, secret, port: wanted, ended }: Serving,
  command: Command,
): Promise<void> {
  const upstream = new Upstream(registry, credential?.authorize);
  await requireRegistry(upstream, credential !== null);
  const output = new Output(command);
  const progress = await makeProgress(output.isJson);
  const proxy = await startProxy({ upstream, port: wanted, secret, progress });
  const { port } = proxy;
  const text = `Ready. Push to localhost:${port} instead of ${new URL(registry).host}:

    docker login localhost:${port}${secret === null ? "" : ` -u ${PROXY_USER}`}
    docker push localhost:${port}/NAMESPACE/NAME:TAG`;
  // One that was given is known already, and is not for a log.
  const made = process.env["SLIPWAY_PROXY_SECRET"] ? null : secret;
  output.answer(
    { ready: `http://localhost:${port}`, registry, ...(made === null ? {} : { secret: made }) },
    text,
    ...(made === null ? [] : [`The secret is ${made}`]),
    `Or, for containerd, keep the registry's name, by this file:`,
    hostsToml(registry, port, secret === null ? null : authorizationOf(made)),
  );
  await ended;
  await proxy.stop();
  progress.end();
}

/** @throws CliError where the registry does not answer, or not to these credentials: clients would not say why */
async function requireRegistry(upstream: Upstream, isOwn: boolean): Promise<void> {
  const { status, body } = await reached(upstream.origin, () =>
    upstream.request({ method: "GET", path: "/v2/" }),
  );
  body.resume();
  if (status === 200 || (status === 401 && !isOwn)) return;
  throw status === 401
    ? new CliError(`${upstream.origin} refused the credentials`, {
        code: "UNAUTHORIZED",
        hint: "They may have ended: log in again",
      })
    : new CliError(`${upstream.origin} answered ${status} to /v2/: is it a registry?`, { status });
}

function authorizationOf(made: string | null): string {
  return made === null ? `Basic BASE64 OF ${PROXY_USER}:SECRET` : proxyAuthorization(made);
}

/** @throws UsageError for one that is easily guessed: other users of the machine can try */
function secretOf(): string {
  const given = process.env["SLIPWAY_PROXY_SECRET"];
  if (!given) return randomBytes(SECRET_BYTES).toString("base64url");
  if (given.length >= 16) return given;
  throw new UsageError(
    "SLIPWAY_PROXY_SECRET has fewer than 16 characters",
    "Leave it out, and the proxy makes one",
  );
}

async function ending(): Promise<void> {
  const one = new AbortController();
  const { signal } = one;
  const signals = ["SIGINT", "SIGTERM"].map((name) => once(process, name, { signal }));
  await Promise.race(signals);
  // A second Ctrl-C ends the process at once.
  one.abort();
  await Promise.allSettled(signals);
}

function parsePort(text: string): number {
  const port = Number(text);
  if (/^\d+$/.test(text) && port <= 65_535) return port;
  throw new InvalidArgumentError("A port is a number up to 65535.");
}
