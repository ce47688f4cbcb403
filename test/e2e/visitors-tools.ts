/** Commands of the tools without an engine: crane, oras, regctl, helm, cosign, skopeo. */
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Account } from "./accounts.ts";
import type { Bench } from "./client.ts";
import { homeOf, type Visitor, type Who } from "./visitor.ts";

const given = ({ user }: Account) => ["--username", user, "--password-stdin"];

/** An empty folder to pull into. */
async function emptyFolder(bench: Bench): Promise<string> {
  const folder = join(bench.folder, "visits", "pulled");
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  return folder;
}

export function craneVisitor(bench: Bench): Visitor {
  const { host } = bench.registry;
  const layout = bench.images.hello.layout;
  const as = async (who: Who) => ({ env: { DOCKER_CONFIG: await homeOf(bench, who) } });
  const call = async (who: Who, ...argv: string[]) =>
    bench.attempt(["crane", "--insecure", ...argv], await as(who));
  return {
    name: bench.id,
    checksLogin: false,
    repeatsMessage: true,
    login: async (account) => {
      const options = { ...(await as(account)), input: account.secret };
      return bench.attempt(["crane", "auth", "login", ...given(account), host], options);
    },
    push: (who, name, tag) => call(who, "push", layout, `${host}/${name}:${tag}`),
    pull: async (who, name) =>
      call(who, "pull", "--format=oci", `${host}/${name}:v1`, await emptyFolder(bench)),
  };
}

export function orasVisitor(bench: Bench): Visitor {
  const { host } = bench.registry;
  const config = async (who: Who) => join(await homeOf(bench, who), "config.json");
  const copy = async (who: Who, side: "from" | "to", argv: string[]) => {
    const access = [`--${side}-plain-http`, `--${side}-registry-config`, await config(who)];
    return bench.attempt(["oras", "cp", "--no-tty", ...access, ...argv]);
  };
  return {
    name: bench.id,
    checksLogin: true,
    repeatsMessage: true,
    asksByHead: true,
    login: async (account) => {
      const login = ["oras", "login", "--plain-http", "--registry-config", await config(account)];
      return bench.attempt([...login, ...given(account), host], { input: account.secret });
    },
    push: (who, name, tag) => {
      const from = ["--from-oci-layout", `${bench.images.hello.layout}:v1`];
      return copy(who, "to", [...from, `${host}/${name}:${tag}`]);
    },
    pull: async (who, name) => {
      const to = ["--to-oci-layout", `${await emptyFolder(bench)}:v1`];
      return copy(who, "from", [`${host}/${name}:v1`, ...to]);
    },
  };
}

export function regctlVisitor(bench: Bench): Visitor {
  const { host } = bench.registry;
  const as = async (who: Who) => {
    const home = await homeOf(bench, who);
    return { env: { REGCTL_CONFIG: join(home, "regctl.json"), DOCKER_CONFIG: home } };
  };
  const call = async (who: Who, argv: string[], input = "") => {
    const set = ["registry", "set", "--skip-check", "--tls=disabled", host];
    await bench.run(["regctl", ...set], await as(who));
    return bench.attempt(["regctl", ...argv], { ...(await as(who)), input });
  };
  return {
    name: bench.id,
    checksLogin: true,
    repeatsMessage: true,
    login: (account) => {
      const login = ["registry", "login", "--user", account.user, "--pass-stdin", host];
      return call(account, login, account.secret);
    },
    push: (who, name, tag) => {
      const from = `ocidir://${bench.images.hello.layout}:v1`;
      return call(who, ["image", "copy", from, `${host}/${name}:${tag}`]);
    },
    pull: async (who, name) => {
      const to = `ocidir://${await emptyFolder(bench)}:v1`;
      return call(who, ["image", "copy", `${host}/${name}:v1`, to]);
    },
  };
}

/** The client's own steps have made them. */
const CHARTS = { v1: "demo-1.0.0.tgz", v2: "demo-1.2.0.tgz" };

export function helmVisitor(bench: Bench): Visitor {
  const { host } = bench.registry;
  const call = async (who: Who, argv: string[], input = "") => {
    const config = join(await homeOf(bench, who), "config.json");
    const flags = ["--plain-http", "--registry-config", config];
    return bench.attempt(["helm", ...argv, ...flags], { input });
  };
  return {
    name: bench.id,
    checksLogin: true,
    repeatsMessage: true,
    asksByHead: true,
    place: (name) => `${name}/demo`,
    tags: { v1: "1.0.0", v2: "1.2.0" },
    login: (account) =>
      call(account, ["registry", "login", ...given(account), host], account.secret),
    push: (who, name, tag) => call(who, ["push", CHARTS[tag], `oci://${host}/${name}`]),
    pull: async (who, name) => {
      const chart = [`oci://${host}/${name}/demo`, "--version=1.0.0"];
      return call(who, ["pull", ...chart, "--destination", await emptyFolder(bench)]);
    },
  };
}

/** Pushes a file as an artifact, and reads its manifest. */
export function cosignVisitor(bench: Bench): Visitor {
  const { host } = bench.registry;
  const call = async (who: Who, argv: string[], input = "") =>
    bench.attempt(["cosign", ...argv], {
      env: { DOCKER_CONFIG: await homeOf(bench, who) },
      input,
    });
  const http = "--allow-http-registry";
  return {
    name: bench.id,
    checksLogin: false,
    repeatsMessage: true,
    login: (account) => call(account, ["login", ...given(account), host], account.secret),
    push: async (who, name, tag) => {
      await writeFile(join(bench.folder, "file.txt"), "a file\n");
      return call(who, ["upload", "blob", http, "--files=file.txt", `${host}/${name}:${tag}`]);
    },
    pull: (who, name) => call(who, ["triangulate", http, `${host}/${name}:v1`]),
  };
}

function creds(who: Who, side: "src" | "dest"): string[] {
  return who === null ? [`--${side}-no-creds`] : [`--${side}-creds=${who.user}:${who.secret}`];
}

/** The account comes by `--creds`, except for the login itself. */
export function skopeoVisitor(bench: Bench): Visitor {
  const { host } = bench.registry;
  const call = async (who: Who, argv: string[], input = "") => {
    const home = await homeOf(bench, who);
    const env = {
      XDG_RUNTIME_DIR: home,
      REGISTRY_AUTH_FILE: join(home, "containers", "auth.json"),
    };
    return bench.attempt(["skopeo", ...argv], { env, input });
  };
  return {
    name: bench.id,
    checksLogin: true,
    repeatsMessage: true,
    login: (account) =>
      call(account, ["login", "--tls-verify=false", ...given(account), host], account.secret),
    push: (who, name, tag) => {
      const flags = ["--dest-tls-verify=false", ...creds(who, "dest")];
      const from = `oci:${bench.images.hello.layout}:v1`;
      return call(who, ["copy", ...flags, from, `docker://${host}/${name}:${tag}`]);
    },
    pull: async (who, name) => {
      const flags = ["--src-tls-verify=false", ...creds(who, "src")];
      const to = `dir:${await emptyFolder(bench)}`;
      return call(who, ["copy", ...flags, `docker://${host}/${name}:v1`, to]);
    },
  };
}
