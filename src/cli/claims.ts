/** Claims of a trust rule: it takes an issuer's ID tokens whose claims match a glob each. */
import { InvalidArgumentError } from "commander";
import { CliError } from "./error.ts";

export type Claims = Readonly<Record<string, readonly string[]>>;

/** Names are for who reads the rule: ids are what it is matched by, so that a rename breaks nothing. */
interface NameOptions {
  readonly pinName?: boolean;
}

export interface GitHubOptions extends NameOptions {
  readonly ref?: string;
  readonly environment?: string;
  readonly workflow?: string;
  readonly event?: string;
}

/** A repository at GitHub. Names can be taken over by others; ids are never given again. */
export interface GitHubRepository {
  readonly id: string;
  readonly ownerId: string;
  /** The name as GitHub writes it: claims are compared letter by letter. */
  readonly name: string;
}

export interface GitLabOptions extends NameOptions {
  readonly projectId: string;
  readonly namespaceId?: string;
  readonly ref?: string;
  readonly environment?: string;
}

/** docs.github.com, "OpenID Connect reference". */
export function githubClaims(repository: GitHubRepository, options: GitHubOptions): Claims {
  const { ref, environment, workflow, event, pinName } = options;
  return given({
    repository_id: repository.id,
    repository_owner_id: repository.ownerId,
    repository: pinName === true ? repository.name : undefined,
    ref,
    environment,
    ...(workflow === undefined ? {} : workflowClaim(workflow, repository, pinName)),
    event_name: event,
  });
}

/**
 * "release.yml" → `workflow_ref`, which names a workflow of the repository itself, whatever that is called by now; a path with
 * another repository's name → `job_workflow_ref`, which has that one's name and the ref that it was called at, so the ref of
 * the rule is none of it.
 */
function workflowClaim(
  workflow: string,
  { name }: GitHubRepository,
  pinName = false,
): Record<string, string> {
  const [file = "", at = "*"] = workflow.split("@");
  const path = file.includes("/") ? file : `.github/workflows/${file}`;
  const [owner = "", repository = "", ...rest] = path.split("/");
  if (owner === ".github") return { workflow_ref: `${pinName ? name : "*"}/${path}@${at}` };
  const isOwn = `${owner}/${repository}`.toLowerCase() === name.toLowerCase();
  if (!isOwn) return { job_workflow_ref: `${path}@${at}` };
  return { workflow_ref: `${pinName ? name : "*"}/${rest.join("/")}@${at}` };
}

/** docs.gitlab.com, "OpenID Connect (OIDC) authentication using ID tokens", token payload. */
export function gitlabClaims(project: string, options: GitLabOptions): Claims {
  const { projectId, namespaceId, ref, environment, pinName } = options;
  const isPath = ref?.startsWith("refs/") === true;
  return given({
    project_id: projectId,
    namespace_id: namespaceId,
    project_path: pinName === true ? project : undefined,
    // GitLab's `ref` is the bare name of the branch or tag.
    [isPath ? "ref_path" : "ref"]: ref,
    environment,
  });
}

/** The claims that were given, each with one glob. */
function given(claims: Readonly<Record<string, string | undefined>>): Claims {
  const said = Object.entries(claims).flatMap(([claim, glob]) =>
    glob === undefined ? [] : [[claim, [glob]] as const],
  );
  return Object.fromEntries(said);
}

/** Collects `--claim name=glob`; several globs for one claim are alternatives. */
export function collectClaim(text: string, others: Claims = {}): Claims {
  const at = text.indexOf("=");
  const [claim, glob] = [text.slice(0, at), text.slice(at + 1)];
  if (at < 1 || glob === "") {
    throw new InvalidArgumentError("Write a claim as NAME=GLOB, such as sub=system:*.");
  }
  return { ...others, [claim]: [...(others[claim] ?? []), glob] };
}

export function parseId(text: string): string {
  if (/^\d+$/.test(text)) return text;
  throw new InvalidArgumentError("An id is a number.");
}

/** A name for a rule, of what it trusts: "github", "Octo/My_App" → "github-my_app". */
export function ruleName(kind: string, trusted: string): string {
  const last = trusted.slice(trusted.lastIndexOf("/") + 1).toLowerCase();
  const short = `${kind}-${last.replaceAll(/[^a-z0-9._-]+/g, "-")}`;
  return short.slice(0, 64).replace(/[^a-z0-9]+$/, "");
}

interface Answer {
  readonly id: number;
  readonly full_name: string;
  readonly owner: { readonly id: number };
}

/** Asks GitHub whose repository it is. */
export async function findGitHubRepository(name: string): Promise<GitHubRepository> {
  const base = process.env["GITHUB_API_URL"] || "https://api.github.com";
  const token = process.env["GITHUB_TOKEN"];
  const url = new URL(`${base.replace(/\/$/, "")}/repos/${name}`);
  const headers = new Headers({
    accept: "application/vnd.github+json",
    "user-agent": "slipway",
    ...(token ? { authorization: `Bearer ${token}` } : {}),
  });
  const byHand = "or give --repository-id and --owner-id";
  const response = await fetch(url, { headers }).catch((error: unknown) => {
    throw new CliError(`cannot reach ${url.origin}: try again, ${byHand}`, { cause: error });
  });
  if (response.status === 404) {
    throw new CliError(
      `${url.origin} knows no repository ${name}. If it is private, set GITHUB_TOKEN, ${byHand}`,
    );
  }
  if (!response.ok) {
    throw new CliError(
      `${url.origin} answered ${response.status} for ${name}: set GITHUB_TOKEN, ${byHand}`,
    );
  }
  const { id, full_name, owner } = (await response.json()) as Answer;
  return { id: String(id), ownerId: String(owner.id), name: full_name };
}
