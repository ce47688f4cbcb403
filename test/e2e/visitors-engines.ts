/** Commands of the engines: docker, BuildKit, containerd, podman, buildah. Each pull is into an engine without images. */
import { randomBytes } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Account } from "./accounts.ts";
import type { Bench } from "./client.ts";
import type { Result } from "./shell.ts";
import { loadIntoStorage } from "./skopeo.ts";
import { homeOf, type Visitor, type Who } from "./visitor.ts";

const given = ({ user }: Account) => ["--username", user, "--password-stdin"];

function dockerCall(bench: Bench, socket: string) {
  return async (who: Who, argv: string[], input = ""): Promise<Result> => {
    const env = { DOCKER_CONFIG: await homeOf(bench, who), DOCKER_HOST: `unix://${socket}` };
    return bench.attempt(["docker", ...argv], { env, input });
  };
}

export function dockerVisitor(bench: Bench, socket: string): Visitor {
  const { host } = bench.registry;
  const { hello } = bench.images;
  const call = dockerCall(bench, socket);
  const forget = async () => {
    const { stdout } = await call(null, ["images", "--all", "--quiet"]);
    const ids = [...new Set(stdout.split(/\s+/).filter((id) => id !== ""))];
    if (ids.length > 0) await call(null, ["rmi", "--force", ...ids]);
  };
  return {
    name: bench.id,
    checksLogin: true,
    repeatsMessage: !bench.id.startsWith("docker-containerd@"),
    login: (account) => call(account, ["login", ...given(account), host], account.secret),
    push: async (who, name, tag) => {
      await call(null, ["load", "--quiet", "--input", hello.archive]);
      await call(null, ["tag", `slipway/${hello.name}:v1`, `${host}/${name}:${tag}`]);
      return call(who, ["push", `${host}/${name}:${tag}`]);
    },
    pull: async (who, name) => {
      await forget();
      return call(who, ["pull", `${host}/${name}:v1`]);
    },
  };
}

/** Its tokens are fetched by the command, its blobs are sent by the daemon. Every build is another image. */
export function buildxVisitor(bench: Bench, socket: string, fileBytes = 16): Visitor {
  const { host } = bench.registry;
  const call = dockerCall(bench, socket);
  const name = bench.id.replace(/^[^@]*/, "buildx");
  return {
    name,
    checksLogin: true,
    repeatsMessage: false,
    isNew: true,
    login: (account) => call(account, ["login", ...given(account), host], account.secret),
    push: async (who, repository, tag) => {
      const context = join(bench.folder, "visits", "context");
      await mkdir(context, { recursive: true });
      await writeFile(join(context, "file"), randomBytes(fileBytes));
      await writeFile(join(context, "Dockerfile"), "FROM scratch\nCOPY file /\n");
      const flags = ["--progress=plain", "--provenance=false", "--push"];
      const to = `${host}/${repository}:${tag}`;
      return call(who, ["buildx", "build", ...flags, "--tag", to, context]);
    },
    pull: (who, repository) =>
      call(who, ["buildx", "imagetools", "inspect", `${host}/${repository}:v1`]),
  };
}

function userFlag(who: Who): string[] {
  return who === null ? [] : ["--user", `${who.user}:${who.secret}`];
}

export function ctrVisitor(bench: Bench, socket: string): Visitor {
  const { host } = bench.registry;
  const { hello } = bench.images;
  const call = (...argv: string[]) => bench.attempt(["ctr", "--address", socket, ...argv]);
  const forget = async () => {
    const { stdout } = await call("images", "list", "--quiet");
    const names = stdout.split("\n").filter((name) => name !== "");
    if (names.length > 0) await call("images", "rm", "--sync", ...names);
  };
  return {
    name: bench.id,
    checksLogin: false,
    repeatsMessage: false,
    push: async (who, name, tag) => {
      await call("images", "import", "--no-unpack", hello.archive);
      const to = `${host}/${name}:${tag}`;
      await call("images", "tag", "--force", `docker.io/slipway/${hello.name}:v1`, to);
      return call("images", "push", "--plain-http", ...userFlag(who), to);
    },
    pull: async (who, name) => {
      await forget();
      return call("images", "pull", "--plain-http", ...userFlag(who), `${host}/${name}:v1`);
    },
  };
}

/** podman and buildah have the same commands for this. */
export function storageVisitor(tool: "podman" | "buildah"): (bench: Bench) => Visitor {
  return (bench) => {
    const { host } = bench.registry;
    const call = async (who: Who, argv: string[], input = "") => {
      const home = await homeOf(bench, who);
      const file = join(home, "containers", "auth.json");
      const env = { XDG_RUNTIME_DIR: home, REGISTRY_AUTH_FILE: file };
      return bench.attempt([tool, ...argv], {
        env: { ...env, BUILDAH_ISOLATION: "chroot" },
        input,
      });
    };
    const flags = ["--quiet", "--tls-verify=false"];
    return {
      name: bench.id,
      checksLogin: true,
      repeatsMessage: true,
      login: (account) =>
        call(account, ["login", "--tls-verify=false", ...given(account), host], account.secret),
      push: async (who, name, tag) => {
        await loadIntoStorage(bench, bench.images.hello, "localhost/hello:v1");
        return call(who, [
          "push",
          ...flags,
          "localhost/hello:v1",
          `docker://${host}/${name}:${tag}`,
        ]);
      },
      pull: async (who, name) => {
        if (tool === "buildah") await call(null, ["rm", "--all"]);
        await call(null, ["rmi", "--all", "--force"]);
        return call(who, ["pull", ...flags, `${host}/${name}:v1`]);
      },
    };
  };
}
