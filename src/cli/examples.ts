/** Examples for each command's help. A test parses each of them with the program itself. */
import type { Command } from "commander";
import { pathOf } from "./command.ts";

/** A command's path without the program → what follows it. */
export const EXAMPLES: Readonly<Record<string, readonly string[]>> = {
  login: [
    "registry.example.com",
    "registry.example.com -u alice --expires 30d",
    "localhost:8787 -u admin --password-stdin < password.txt",
  ],
  logout: ["", "registry.example.com"],
  whoami: ["", "--json"],
  "user create": ["alice", "alice --admin", "alice -u admin --password-stdin < passwords.txt"],
  "user list": [""],
  "user disable": ["alice"],
  "user enable": ["alice"],
  "user delete": ["alice", "alice --yes"],
  "user password": ["", "alice"],
  "token create": [
    "",
    "--push 'acme/*' --expires 30d",
    "--pull acme/app --pull 'base/*' --description laptop",
  ],
  "token list": [""],
  "token set": ["tk_abc --expires 30d"],
  "token delete": ["tk_abc"],
  "session list": [""],
  "session revoke": ["9f86d081884c7d65"],
  "namespace create": ["acme", "acme --owner alice", "acme --public --immutable semver"],
  "namespace list": [""],
  "namespace show": ["acme"],
  "namespace set": ["acme --visibility public", "acme --immutable all --mutable latest"],
  "namespace quota": ["acme", "acme --bytes 10GiB --repositories 50", "acme --bytes none"],
  "namespace delete": ["acme"],
  "member set": ["acme alice writer", "acme bob reader --repositories 'acme/app*'"],
  "member list": ["acme"],
  "member remove": ["acme alice", "acme bob --repositories 'acme/app*'"],
  "robot create": ["acme+ci --push 'acme/*'", "acme+nightly --pull 'acme/*' --expires 90d"],
  "robot list": ["acme"],
  "robot show": ["acme+ci"],
  "robot rotate": ["acme+ci", "acme+ci --expires 30d", "acme+ci --remove tk_abc"],
  "robot set": ["acme+ci --secret tk_abc --expires 30d"],
  "robot disable": ["acme+ci"],
  "robot enable": ["acme+ci"],
  "robot delete": ["acme+ci"],
  "trust add github": [
    "octo/app --push 'acme/*'",
    "octo/app --push acme/app --ref 'refs/tags/v*'",
    "octo/app --push acme/app --workflow release.yml",
  ],
  "trust add gitlab": ["group/app --project-id 42 --push 'acme/*'"],
  "trust add oidc": ["--issuer https://ci.test --claim sub=ci --push 'acme/*'"],
  "trust list": ["acme"],
  "trust delete": ["acme+github-app"],
  search: ["payments", "node alpine --sort updated", "web --visibility public --limit 5"],
  "repo create": ["acme/app", "acme/docs --public --description 'The manual'"],
  "repo list": ["", "--namespace acme"],
  "repo show": ["acme/app"],
  "repo set": [
    "acme/app --visibility public",
    "acme/app --immutable semver",
    "acme/app --immutable 'v*' --mutable 'v*-rc*' --label team=web",
  ],
  "repo delete": ["acme/app"],
  "tag list": ["acme/app", "acme/app --wide", "acme/app --sort version --filter alpine"],
  "tag show": ["acme/app:v1"],
  "tag history": ["acme/app:v1", "acme/app"],
  "tag delete": ["acme/app:v1", "acme/app:v1 acme/app:v2 --yes"],
  "manifest list": ["acme/app", "acme/app --json"],
  "manifest delete": ["acme/app@sha256:1a2b3c4d5e6f"],
  inspect: ["acme/app:v1", "acme/app@sha256:1a2b3c4d5e6f --json"],
  "trash list": ["", "acme", "acme/app"],
  "trash restore": [
    "acme/app:v1",
    "acme/app:v1 --digest sha256:1a2b3c4d5e6f",
    "acme/app@sha256:1a2b3c4d5e6f",
    "acme/app",
  ],
  "trash purge": ["acme/app@sha256:1a2b3c4d5e6f", "acme/app --yes"],
  scan: ["acme/app:v1", "acme/app:v1 --wait"],
  vulnerabilities: [
    "acme/app:v1",
    "acme/app:v1 --severity high --fixable --exit-code 1",
    "acme/app@sha256:1a2b3c4d5e6f --package openssl --json",
  ],
  vulnerable: ["CVE-2024-3094"],
  packages: ["acme/app:v1", "acme/app:v1 --platform linux/arm64 --json"],
  sbom: ["acme/app:v1", "acme/app:v1 --format spdx --output app.spdx.json"],
  "policy show": ["acme/app", "acme"],
  "policy set": [
    "acme --severity high --fixable-only --grace 72",
    "acme/app --severity critical --exempt acme+scanner",
  ],
  "policy remove": ["acme/app"],
  "exception list": ["acme", "acme --wide"],
  "exception add": [
    "acme CVE-2024-3094 --reason 'sshd is not started'",
    "acme CVE-2024-3094 --image acme/app --reason unused",
  ],
  "exception remove": ["acme 5f3c9a7be1d20486"],
  "signer list": ["acme"],
  "signer set": [
    "acme release --key cosign.pub",
    "acme partner --certificate root.pem --subject '*'",
  ],
  "signer remove": ["acme release"],
  signatures: ["acme/app:v1"],
  proxy: ["", "--port 5001 --credential login"],
  push: [
    "registry.example.com/acme/app:v1",
    "app:dev registry.example.com/acme/app:v1",
    "docker-archive:app.tar registry.example.com/acme/app:v1",
  ],
  copy: [
    "docker.io/library/alpine:3 registry.example.com/base/alpine:3",
    "ghcr.io/acme/app:v1 registry.example.com/acme/app:v1 --referrers",
    "localhost:8787/acme/app:v1 oci:app:v1 --platform linux/amd64",
  ],
  sync: ["regsync.yml", "regsync.yml --dry-run", "skopeo.yml registry.example.com/mirror"],
  "retention show": ["acme/app", "acme"],
  "retention set": ["acme/app policy.json"],
  "retention remove": ["acme/app"],
  "retention preview": ["acme/app policy.json", "acme/app"],
  export: ["", "--status"],
  import: ["", "--relink"],
  fsck: ["", "--repair", "--hash none"],
  audit: [
    "--namespace acme --since 7d",
    "--outcome denied --since 1d --wide",
    "--action tag.delete --json",
  ],
  "events dead": ["", "--wide"],
  "events retry": ["jobs-41", "--all"],
  "events drop": ["jobs-41"],
  "gc status": [""],
  "gc run": [""],
  completion: ["bash", "fish > ~/.config/fish/completions/slipway.fish"],
};

export function addExamples(program: Command): void {
  for (const command of program.commands) {
    const path = pathOf(command);
    const examples = EXAMPLES[path.replace(/^slipway /, "")];
    if (examples !== undefined) {
      const lines = examples.map((rest) => `  ${path} ${rest}`.trimEnd());
      command.addHelpText("after", `\nExamples:\n${lines.join("\n")}`);
    }
    addExamples(command);
  }
}
