/** A CI job's shell, with stand-ins for what a runner has and this machine may not: docker, and each forge's command. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { LAUNCHER } from "../cli/harness.ts";
import {
  indexType,
  writeArchive,
  writeBlob,
  writeIndexFile,
  writeLayer,
  writeManifest,
} from "../e2e/layout.ts";
import { file } from "../e2e/tar.ts";

const RELEASE = join(import.meta.dirname, "../../examples/shell/release.sh");

/** Docker builds an archive that is there already, and keeps logins as the real one does. */
const DOCKER = `#!${process.execPath}
const { appendFileSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } = require("node:fs");
const { CALLS, ARCHIVE, DOCKER_CONFIG } = process.env;
const [command, ...args] = process.argv.slice(2);
appendFileSync(CALLS, ["docker", command, ...args].join(" ") + "\\n");
const save = (auths) => {
  mkdirSync(DOCKER_CONFIG, { recursive: true });
  writeFileSync(DOCKER_CONFIG + "/config.json", JSON.stringify({ auths }));
};
if (command === "login") {
  const password = readFileSync(0, "utf8").trim();
  appendFileSync(CALLS + ".secret", password);
  save({ [args[0]]: { auth: Buffer.from("oidc:" + password).toString("base64") } });
}
if (command === "logout") save({});
const output = /^type=oci,dest=(.+)$/.exec(args[args.indexOf("--output") + 1] ?? "")?.[1];
if (command === "buildx" && args[0] === "build") copyFileSync(ARCHIVE, output);
`;

/** Prints the job's ID token, and keeps what it was asked. */
const TOKEN = `#!/bin/sh
echo "$(basename "$0") $*" >> "$CALLS"
printf %s "$ID_TOKEN"
`;
const NOTHING = `#!/bin/sh
echo "$(basename "$0") $*" >> "$CALLS"
`;

export interface Job {
  readonly code: number;
  readonly log: string;
  /** The commands that the stand-ins got, with their arguments. */
  readonly calls: readonly string[];
  /** The password that docker got; "" for none. */
  readonly password: string;
}

export class CiShell {
  readonly #folder: string;
  /** The digest of the image that docker builds. */
  readonly image: string;

  private constructor(folder: string, image: string) {
    this.#folder = folder;
    this.image = image;
  }

  static async start(): Promise<CiShell> {
    const folder = await mkdtemp(join(tmpdir(), "slipway-examples-"));
    const programs = {
      docker: DOCKER,
      slipway: `#!/bin/sh\nexec '${process.execPath}' '${LAUNCHER}' "$@"\n`,
      circleci: TOKEN,
      "buildkite-agent": TOKEN,
      apk: NOTHING,
      npm: NOTHING,
    };
    await mkdir(join(folder, "bin"));
    for (const [name, source] of Object.entries(programs)) {
      await writeFile(join(folder, "bin", name), source);
      await chmod(join(folder, "bin", name), 0o755);
    }
    return new CiShell(folder, await writeImage(folder));
  }

  /** Runs a job's script in a folder with release.sh, as a CI's shell does. */
  async run(script: string, variables: Readonly<Record<string, string>>): Promise<Job> {
    const work = await mkdtemp(join(this.#folder, "job-"));
    await writeFile(join(work, "release.sh"), await readFile(RELEASE));
    await chmod(join(work, "release.sh"), 0o755);
    const calls = join(work, "calls");
    const child = spawn("bash", ["--noprofile", "--norc", "-eo", "pipefail", "-c", script], {
      cwd: work,
      env: {
        PATH: `${join(this.#folder, "bin")}:${dirname(process.execPath)}:/usr/bin:/bin`,
        HOME: work,
        XDG_CONFIG_HOME: join(work, "config"),
        DOCKER_CONFIG: join(work, "docker-config"),
        ARCHIVE: join(this.#folder, "image.tar"),
        CALLS: calls,
        ...variables,
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const [stdout, stderr, [code]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, "close") as Promise<[number]>,
    ]);
    const lines = (await textIn(calls)).split("\n").filter((line) => line !== "");
    return { code, log: stdout + stderr, calls: lines, password: await textIn(`${calls}.secret`) };
  }

  async stop(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }
}

function textIn(path: string): Promise<string> {
  return readFile(path, "utf8").catch(() => "");
}

/** Writes an archive of an image for two platforms. @returns its digest */
async function writeImage(folder: string): Promise<string> {
  const layout = join(folder, "layout");
  await mkdir(join(layout, "blobs", "sha256"), { recursive: true });
  const manifests = [];
  for (const architecture of ["amd64", "arm64"]) {
    const layer = await writeLayer(layout, [file("hello", Buffer.from(architecture))], 6);
    const platform = { os: "linux", architecture };
    const { mediaType, digest, size } = await writeManifest(layout, {
      platform,
      layers: [layer],
      command: ["/hello"],
    });
    manifests.push({ mediaType, digest, size, platform });
  }
  const index = { schemaVersion: 2, mediaType: indexType, manifests };
  const root = await writeBlob(layout, indexType, JSON.stringify(index));
  await writeIndexFile(layout, "app", root);
  await writeArchive(layout, join(folder, "image.tar"), "[]");
  return root.digest;
}
