/** Archives that skopeo writes, and what it reads of an image that `slipway push` brought. It is tried where it is installed. */
import { execFile, spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Server, startServer } from "../../../scripts/server.ts";
import { content, imageManifest, text } from "../../support/images.ts";
import { CommandLine } from "../harness.ts";
import { archive, put, sha256, writeLayout } from "./layouts.ts";

const IS_HERE = spawnSync("skopeo", ["--version"]).status === 0;

describe.skipIf(!IS_HERE)("skopeo", () => {
  const commandLine = new CommandLine();
  let server: Server;
  let folder: string;
  let digest: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "slipway-skopeo-"));
    server = await startServer();
    await commandLine.logIn(server);
    await put(folder, "files/hello", "hello\n".repeat(1000));
    await archive(join(folder, "files"), join(folder, "layer.tar"));
    const layer = await readFile(join(folder, "layer.tar"));
    const config = text(
      JSON.stringify({
        os: "linux",
        architecture: "amd64",
        config: {},
        rootfs: { type: "layers", diff_ids: [sha256(layer)] },
      }),
    );
    const packed = content(Uint8Array.from(gzipSync(layer)));
    const manifest = imageManifest({ config, layers: [packed] });
    ({ digest } = manifest);
    await writeLayout(join(folder, "layout"), [{ manifest, name: "v1" }], [config, packed]);
  });

  afterAll(async () => {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  });

  async function skopeo(...args: string[]): Promise<string> {
    const creds = `admin:${server.password}`;
    const given = args[0] === "inspect" ? ["--tls-verify=false", "--creds", creds] : [];
    const all = ["--insecure-policy", ...args.slice(0, 1), ...given, ...args.slice(1)];
    const { stdout } = await promisify(execFile)("skopeo", all, { cwd: folder });
    return stdout;
  }

  test.each(["docker-archive", "oci-archive"])("writes a %s that is pushed", async (kind) => {
    await skopeo("copy", "oci:layout:v1", `${kind}:${kind}.tar:acme/app:v1`);
    await commandLine.slipway(`push ${kind}:${folder}/${kind}.tar ${server.host}/acme/${kind}:v1`);
    const shown = await skopeo("inspect", `docker://${server.host}/acme/${kind}:v1`);
    const found = JSON.parse(shown) as { Digest: string; Layers: string[] };
    expect(found.Layers).toHaveLength(1);
    // In docker's form the layer was unpacked, and gzip here makes the same bytes of it again.
    expect(found.Digest).toBe(digest);
  });
});
