/** The step: logs Docker in by the job's ID token, and starts the proxy. */
import { CliError } from "../../src/cli/error.ts";
import { isClear, parseRegistry } from "../../src/cli/registry-url.ts";
import { exchange } from "../../src/cli/remote/oidc.ts";
import { logIn, requireDocker } from "./docker.ts";
import { PROXY_USER, startProxy, untilReady } from "./proxy.ts";
import { input, mask, reportError, saveState, setOutput, type State, warn } from "./runner.ts";

let state: State = { hosts: [], credential: null, proxy: null };

try {
  await run();
} catch (error) {
  reportError(error);
  process.exitCode = 1;
}

/** Saves each thing as soon as there is one, so that `post` undoes it, whatever fails afterwards. */
function add(change: Partial<State>): void {
  state = { ...state, ...change };
  saveState(state);
}

async function run(): Promise<void> {
  const registry = registryIn(input("registry"));
  const namespaces = namespacesIn(input("namespaces"));
  const port = input("port") || "5001";
  const withProxy = isTrue("proxy");
  const audience = input("audience");
  // The proxy gets it with the environment, too.
  if (audience !== "") process.env["SLIPWAY_AUDIENCE"] = audience;
  if (isClear(registry)) warn(`${registry} is not https: credentials travel in clear text`);
  await requireDocker();

  const { username, password, expiresAt } = await exchange(registry, {
    namespaces,
    audience: registry,
  });
  mask(password);
  add({ credential: { registry, password } });
  const { host } = new URL(registry);
  await logInTo(host, username, password);
  setOutput("registry", host);
  setOutput("username", username);
  console.log(`Docker is logged in to ${host} as ${username}, until ${expiresAt}.`);
  const proxy = withProxy ? await openProxy({ registry, namespaces, port }) : "";
  setOutput("proxy", proxy);
}

async function openProxy(wanted: Parameters<typeof startProxy>[0]): Promise<string> {
  const { pid, log, secret } = startProxy(wanted);
  mask(secret);
  add({ proxy: { pid, log } });
  const host = await untilReady({ pid, log });
  await logInTo(host, PROXY_USER, secret);
  console.log(`Push layers of any size to ${host}: it sends them on to ${wanted.registry}.`);
  return host;
}

async function logInTo(host: string, user: string, password: string): Promise<void> {
  await logIn(host, user, password);
  add({ hosts: [...state.hosts, host] });
}

function registryIn(text: string): string {
  if (text !== "") return parseRegistry(text);
  throw new CliError("the input registry is missing", {
    hint: "Give the registry's host: with: { registry: registry.example.com }",
  });
}

function namespacesIn(text: string): string[] {
  const named = text.split(/[\s,]+/).filter((name) => name !== "");
  if (named.length > 0) return named;
  const owner = process.env["GITHUB_REPOSITORY_OWNER"];
  if (owner) return [owner.toLowerCase()];
  throw new CliError("the input namespaces is missing", {
    hint: "Give the first part of the image's name: with: { namespaces: acme }",
  });
}

function isTrue(name: string): boolean {
  const text = input(name) || "true";
  if (text === "true" || text === "false") return text === "true";
  throw new CliError(`the input ${name} is "${text}": write true or false`);
}
