/** Which of an issuer's ID tokens a trust rule takes: those whose claims match a glob each. */
import { InvalidArgumentError } from "commander";
import { CliError } from "./error.ts";

export type Claims = Readonly<Record<string, readonly string[]>>;

export interface GitHubOptions {
  readonly ref?: string;
  readonly environment?: string;
  readonly workflow?: string;
  readonly event?: string;
}

/** A repository at GitHub. Names can be taken over by others; ids are never given again. */
export interface GitHubRepository {
  readonly id: string;
  readonly ownerId: string;
  /** As GitHub writes it: claims are compared letter by letter. */
  readonly name: string;
}

export interface GitLabOptions {
  readonly projectId: string;
  readonly namespaceId?: string;
  readonly ref?: string;
  readonly environment?: string;
}

/** docs.github.com, "OpenID Connect reference". */
export function githubClaims(repository: GitHubRepository, options: GitHubOptions): Claims {
  const { ref, environment, workflow, event } = options;
  return given({
    repository_id: repository.id,
    repository_owner_id: repository.ownerId,
    repository: repository.name,
    ref,
    environment,
    job_workflow_ref: workflow === undefined ? undefined : workflowRef(workflow, repository, ref),
    event_name: event,
  });
}

/** "release.yml" → "octo/app/.github/workflows/release.yml@*" */
function workflowRef(workflow: string, { name }: GitHubRepository, ref = "*"): string {
  const [file = "", at = ref] = workflow.split("@");
  const path = file.includes("/") ? file : `.github/workflows/${file}`;
  // A reusable workflow of another repository comes with that one's name.
  return `${path.startsWith(".github/") ? `${name}/` : ""}${path}@${at}`;
}

/** docs.gitlab.com, "OpenID Connect (OIDC) authentication using ID tokens", token payload. */
export function gitlabClaims(project: string, options: GitLabOptions): Claims {
  const { projectId, namespaceId, ref, environment } = options;
  const isPath = ref?.startsWith("refs/") === true;
  return given({
    project_id: projectId,
    namespace_id: namespaceId,
    project_path: project,
    // GitLab's `ref` is the bare name of the branch or tag.
    [isPath ? "ref_path" : "ref"]: ref,
    environment,
  });
}

/** What was said, each claim with one glob. */
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
    throw new InvalidArgumentError("A claim is written NAME=GLOB, as sub=system:*.");
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
