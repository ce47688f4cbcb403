/** cosign: signs by key and without a transparency log, in both places where signatures can be. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { anonymousStep, keptLoginSteps } from "./access.ts";
import { reference, repository, step, type Bench, type Client, type Step } from "./client.ts";
import { expectEqual, expectStored, expectText, referrersOf } from "./compare.ts";
import { readJson } from "./registry.ts";
import { expectRefusal } from "./shell.ts";
import { cosignVisitor } from "./visitors-tools.ts";
import { visitSteps } from "./visits.ts";

export function cosign(bench: Bench): Client {
  const tool = makeTool(bench);
  return {
    steps: [
      ...basicSteps(bench, tool),
      ...signSteps(bench, tool),
      ...endSteps(bench, tool),
      ...visitSteps(bench, cosignVisitor),
    ],
  };
}

type Tool = ReturnType<typeof makeTool>;

function makeTool(bench: Bench) {
  const { registry, folder, images } = bench;
  const plain = registry.plain ? ["--allow-http-registry"] : [];
  const as = (who: string) => ({
    env: {
      DOCKER_CONFIG: join(folder, who),
      COSIGN_PASSWORD: "",
      // Without this, cosign refuses to store signatures as referrers.
      COSIGN_EXPERIMENTAL: "1",
    },
  });
  const argvOf = (command: string, argv: string[]) => [
    "cosign",
    ...command.split(" "),
    ...plain,
    ...argv,
  ];
  const call = (command: string, ...argv: string[]) =>
    bench.run(argvOf(command, argv), as("admin"));
  const attempt = (command: string, ...argv: string[]) =>
    bench.attempt(argvOf(command, argv), as("admin"));
  const remote = (name: string) => reference(bench, name);
  const signed = (name: string) => `${remote(name)}@${images.hello.digest}`;
  const verify = (name: string, owner = "owner", ...flags: string[]) => {
    const pub = [`--key=${owner}/cosign.pub`, "--insecure-ignore-tlog=true", ...flags];
    return attempt("verify", ...pub, signed(name));
  };
  return { as, argvOf, call, remote, signed, verify };
}

function key(owner: string): string {
  return `--key=${owner}/cosign.key`;
}

function basicSteps(bench: Bench, tool: Tool): Step[] {
  const { registry, folder, images } = bench;
  const login = (password: string, who: string) => {
    const account = ["--username", registry.user, "--password-stdin", registry.host];
    return bench.attempt(["cosign", "login", ...account], { ...tool.as(who), input: password });
  };
  const resolve = (who: string) =>
    bench.attempt(tool.argvOf("triangulate", [tool.remote("hello:v1")]), tool.as(who));
  return [
    ...keptLoginSteps(registry, login, resolve),
    step(
      "push",
      "push an image to sign (skopeo, with the login of cosign)",
      ["login"],
      async () => {
        const flags = registry.plain ? ["--dest-tls-verify=false"] : [];
        const config = `--authfile=${join(folder, "admin", "config.json")}`;
        const to = `docker://${tool.remote("hello:v1")}`;
        const from = `oci:${images.hello.layout}:v1`;
        await bench.run(["skopeo", "copy", "--preserve-digests", ...flags, config, from, to]);
        await expectStored(bench, images.hello, "hello");
      },
    ),
    anonymousStep(() => resolve("nobody")),
  ];
}

function signSteps(bench: Bench, tool: Tool): Step[] {
  const { hello } = bench.images;
  const { call, signed, verify } = tool;
  return [
    step(
      "sign",
      "sign and verify; another key and an unsigned image are refused",
      ["push"],
      async () => {
        for (const owner of ["owner", "stranger"]) {
          const cwd = join(bench.folder, owner);
          await mkdir(cwd);
          await bench.run(["cosign", "generate-key-pair"], { ...tool.as("admin"), cwd });
        }
        expectRefusal(await verify("hello"), /no signatures found/);
        await call("sign", key("owner"), "--tlog-upload=false", "--yes", signed("hello"));
        const { code, output } = await verify("hello");
        expectEqual(code, 0, output);
        expectText(output, hello.digest, "the verified payload");
        expectRefusal(await verify("hello", "stranger"), /invalid signature|no matching/);
      },
    ),
    step("referrers", "sign and verify with the signature as a referrer", ["sign"], async () => {
      const mode = ["--registry-referrers-mode=oci-1-1", "--tlog-upload=false", "--yes"];
      await call("sign", key("stranger"), ...mode, signed("hello"));
      const types = await referrersOf(bench, "hello", hello.digest);
      expectText(types.join(" "), "cosign", "artifact types of the referrers");
      const { code, output } = await verify("hello", "stranger", "--experimental-oci11=true");
      expectEqual(code, 0, output);
    }),
    step("sign", "attest and verify the attestation", ["push"], async () => {
      await writeFile(join(bench.folder, "predicate.json"), '{"built": "here"}');
      const what = ["--predicate=predicate.json", "--type=custom", "--tlog-upload=false", "--yes"];
      await call("attest", key("owner"), ...what, signed("hello"));
      const check = ["--key=owner/cosign.pub", "--type=custom", "--insecure-ignore-tlog=true"];
      await call("verify-attestation", ...check, signed("hello"));
    }),
  ];
}

function endSteps(bench: Bench, tool: Tool): Step[] {
  const { call, remote, signed, verify } = tool;
  const tags = async () => {
    const path = `/v2/${repository(bench, "hello")}/tags/list`;
    return ((await readJson(bench.registry, path)) as { tags: string[] }).tags;
  };
  return [
    step(
      "tags",
      "attach an SBOM, show the tree of what belongs to the image",
      ["sign"],
      async () => {
        await writeFile(join(bench.folder, "sbom.json"), '{"spdxVersion": "SPDX-2.3"}');
        await call("attach sbom", "--sbom=sbom.json", "--type=spdx", signed("hello"));
        const { output } = await call("tree", remote("hello:v1"));
        for (const part of ["Signatures", "Attestations", "SBOMs"])
          expectText(output, part, "tree");
        const suffixes = (await tags()).map((tag) => tag.replace(/^sha256-[0-9a-f]+/, ""));
        expectEqual(suffixes.toSorted(), [".att", ".sbom", ".sig", "v1"], "tags");
      },
    ),
    step("copy", "copy an image with its signatures to another repository", ["sign"], async () => {
      await call("copy", remote("hello:v1"), remote("copied:v1"));
      const { code, output } = await verify("copied");
      expectEqual(code, 0, output);
    }),
    step("delete", "delete the signatures", ["sign"], async () => {
      await call("clean", "--type=signature", "--force", remote("hello:v1"));
      expectRefusal(await verify("hello"), /no signatures found/);
    }),
  ];
}
