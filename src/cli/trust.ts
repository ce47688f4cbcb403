import type { Command } from "commander";
import type { Api } from "./api.ts";
import { githubSnippet, gitlabSnippet, oidcSnippet, type Registry } from "./ci-snippet.ts";
import {
  type Claims,
  collectClaim,
  findGitHubRepository,
  githubClaims,
  type GitHubOptions,
  type GitHubRepository,
  gitlabClaims,
  type GitLabOptions,
  parseId,
  ruleName,
} from "./claims.ts";
import { connect, connectAs, type PasswordOptions, passwordOptions } from "./connection.ts";
import { confirmDestruction, undoText, yesOption, type YesOption } from "./destroy.ts";
import { checkIssuer } from "./issuer.ts";
import { type Columns, Output } from "./output.ts";
import { copyable } from "./sentence.ts";
import {
  type MemberName,
  parseLifetime,
  parseMemberName,
  requiredScopes,
  type Scope,
  type ScopeOptions,
  scopeOptions,
  showScopes,
} from "./scope.ts";
import type { TrustRule } from "../api/schema/namespaces.ts";

interface RuleOptions extends ScopeOptions, PasswordOptions {
  readonly namespace?: string;
  readonly name?: string;
  readonly audience?: string;
  readonly lifetime?: number;
  readonly issuer: string;
}

interface GitHubRuleOptions extends RuleOptions, GitHubOptions {
  readonly repositoryId?: string;
  readonly ownerId?: string;
}

interface Trusted {
  /** The rule's name where none was given. */
  readonly name: string;
  readonly claims: Claims;
  /** The name of what is trusted: claims have its ids. */
  readonly project: string;
  /** Says to paste it, where it is more than a sentence. */
  readonly snippet: (registry: Registry) => string;
}

const GITHUB = "https://token.actions.githubusercontent.com";
const GITLAB = "https://gitlab.com";

const COLUMNS: Columns<TrustRule> = {
  NAME: ({ name }) => name,
  ISSUER: {
    value: ({ issuer }) => issuer,
    short: ({ issuer }) => URL.parse(issuer)?.host ?? issuer,
  },
  CLAIMS: ({ claims }) =>
    Object.entries(claims)
      .map(([claim, globs]) => `${claim}=${globs.join("|")}`)
      .join(" "),
  SCOPES: ({ scopes }) => showScopes(scopes),
  HOLDS: ({ lifetime }) => `${Math.round(lifetime / 60)} min`,
};

export function addTrustCommands(program: Command): void {
  const trust = program
    .command("trust")
    .description("Trust rules: CI that logs in by ID tokens, without a secret.");
  const add = trust
    .command("add")
    .description("Trust a CI; prints what to paste into its configuration.");
  addGitHub(add);
  addGitLab(add);
  addOidc(add);
  trust
    .command("list")
    .description("List the trust rules of a namespace.")
    .argument("<namespace>")
    .action(listRules);
  const remove = trust
    .command("delete")
    .description("Delete a trust rule; logins by it end.")
    .argument("<name>", "such as acme+github-app", parseMemberName);
  yesOption(remove).action(deleteRule);
}

function addGitHub(add: Command): void {
  const github = add
    .command("github")
    .description("Trust the workflows of a repository at GitHub.")
    .argument("<owner/repo>", "the repository")
    .option("--ref <glob>", "only on this ref, such as refs/heads/main or refs/tags/v*")
    .option("--environment <name>", "only jobs of this environment")
    .option(
      "--workflow <path>",
      "only this workflow, such as release.yml, or another repository's, as OWNER/REPO/PATH@REF",
    )
    .option("--event <name>", "only runs of this event, such as push")
    .option("--pin-name", "only while the repository is called so, not by its ids alone")
    .option("--repository-id <n>", "the repository's id (default: asked of GitHub)", parseId)
    .option("--owner-id <n>", "its owner's id (default: asked of GitHub)", parseId)
    .option("--issuer <url>", "of GitHub Enterprise", GITHUB);
  ruleOptions(github).action(async (name: string, options: GitHubRuleOptions, command: Command) => {
    const repository = await repositoryOf(name, options, command);
    const claims = githubClaims(repository, options);
    await checkIssuer(options.issuer, GITHUB);
    const trusted = {
      name: ruleName("github", name),
      claims,
      project: name,
      snippet: (registry: Registry) => paste(githubSnippet(registry)),
    };
    await addRule(trusted, options, command);
  });
}

async function repositoryOf(
  name: string,
  { repositoryId, ownerId }: GitHubRuleOptions,
  command: Command,
): Promise<GitHubRepository> {
  if (!/^[\w.-]+\/[\w.-]+$/.test(name)) {
    command.error(`"${name}" is no repository: write OWNER/REPO`);
  }
  if (repositoryId !== undefined && ownerId !== undefined) {
    return { id: repositoryId, ownerId, name };
  }
  if (repositoryId === undefined && ownerId === undefined) return findGitHubRepository(name);
  return command.error("give both --repository-id and --owner-id, or neither");
}

function addGitLab(add: Command): void {
  const gitlab = add
    .command("gitlab")
    .description("Trust the pipelines of a project at GitLab.")
    .argument("<group/project>", "the project")
    .requiredOption("--project-id <n>", "its id, which its page at GitLab shows", parseId)
    .option("--namespace-id <n>", "the id of its group", parseId)
    .option("--ref <glob>", "only on this branch or tag, such as main or refs/tags/v*")
    .option("--environment <name>", "only jobs of this environment")
    .option("--pin-name", "only while the project has this path, not by its ids alone")
    .option("--issuer <url>", "a GitLab of your own", GITLAB);
  ruleOptions(gitlab).action(
    async (project: string, options: RuleOptions & GitLabOptions, command: Command) => {
      const claims = gitlabClaims(project, options);
      await checkIssuer(options.issuer, GITLAB);
      const trusted = {
        name: ruleName("gitlab", project),
        claims,
        project,
        snippet: (registry: Registry) => paste(gitlabSnippet(registry)),
      };
      await addRule(trusted, options, command);
    },
  );
}

function addOidc(add: Command): void {
  const oidc = add
    .command("oidc")
    .description("Trust any other issuer of ID tokens.")
    .requiredOption("--issuer <url>", "exactly as its tokens name it")
    .requiredOption("--claim <name=glob>", "what a token must say; repeatable", collectClaim);
  ruleOptions(oidc).action(
    async (options: RuleOptions & { readonly claim: Claims }, command: Command) => {
      await checkIssuer(options.issuer);
      const name = ruleName("oidc", URL.parse(options.issuer)?.hostname ?? "");
      const trusted = { name, claims: options.claim, project: "", snippet: oidcSnippet };
      await addRule(trusted, options, command);
    },
  );
}

function ruleOptions(command: Command): Command {
  return scopeOptions(passwordOptions(command))
    .option("--namespace <name>", "whose rule it is (default: that of the first glob)")
    .option("--name <name>", "what to call the rule in it")
    .option("--audience <text>", "what the tokens are for (default: the registry's https URL)")
    .option("--lifetime <time>", "how long an exchanged login holds: 1m to 1h", parseLifetime);
}

async function addRule(trusted: Trusted, options: RuleOptions, command: Command): Promise<void> {
  const scopes = requiredScopes(options, command);
  const namespace = options.namespace ?? namespaceOf(scopes, command);
  const api = await connectAs(options, command, "endless");
  const registry = {
    url: api.registry,
    host: api.host,
    audience: audienceFor(api, options),
    namespace,
    image: imageIn(namespace, scopes, trusted.project),
  };
  const rule = await api.send<TrustRule>("POST", rulesPath(namespace), {
    name: options.name ?? trusted.name,
    issuer: options.issuer,
    audience: registry.audience,
    claims: trusted.claims,
    scopes,
    ...(options.lifetime === undefined ? {} : { lifetime: options.lifetime }),
  });
  new Output(command).answer(
    rule,
    `Rule ${rule.name} was created: ${showScopes(rule.scopes)}.\n\n${copyable(trusted.snippet(registry).trimEnd())}`,
  );
}

/** "acme/*" → "acme" */
function namespaceOf([scope]: readonly Scope[], command: Command): string {
  const [namespace = ""] = scope?.repositories.split("/") ?? [];
  if (namespace !== "" && !namespace.includes("*")) return namespace;
  return command.error("the first glob names no namespace: give --namespace");
}

/** One that the scopes allow: named whole by one of them, or after what is trusted. */
function imageIn(namespace: string, scopes: readonly Scope[], project: string): string {
  const named = scopes.find(({ repositories }) => !repositories.includes("*"));
  if (named !== undefined) return named.repositories;
  const short = project.slice(project.lastIndexOf("/") + 1).toLowerCase();
  return `${namespace}/${/^[a-z0-9]+(?:[._-][a-z0-9]+)*$/.test(short) ? short : "app"}`;
}

function paste(text: string): string {
  return `Paste what you need of this; the login alone is one step.\n\n${text}`;
}

function audienceFor(api: Api, { audience }: RuleOptions): string {
  return audience ?? `https://${api.host}`;
}

async function listRules(namespace: string, _options: object, command: Command): Promise<void> {
  const api = await connect(command);
  const items = api.list<TrustRule>(rulesPath(namespace));
  const none = `${namespace} trusts nobody's ID tokens.`;
  await new Output(command).list({ items, columns: COLUMNS, none });
}

async function deleteRule(name: MemberName, options: YesOption, command: Command): Promise<void> {
  const full = `${name.namespace}+${name.short}`;
  const destruction = { action: `delete the trust rule ${full}`, undo: null };
  await confirmDestruction(destruction, options, command);
  const api = await connect(command);
  await api.remove(`${rulesPath(name.namespace)}/${encodeURIComponent(name.short)}`);
  const text = `Rule ${full} was deleted. ${undoText(destruction)}`;
  new Output(command).answer({ deleted: "trust-rule", name: full }, text);
}

function rulesPath(namespace: string): string {
  return `/namespaces/${encodeURIComponent(namespace)}/trust-rules`;
}
