/** What a policy is for: a repository, or a namespace with all of its repositories. */
import type { Command } from "commander";
import { repositoryPath } from "./repository-path.ts";

export interface SubjectOptions {
  readonly repository?: true;
}

export function subject(command: Command): Command {
  return command
    .argument("<name>", "a repository, such as acme/app, or a namespace, such as acme")
    .option("--repository", "a name without a slash is a repository's");
}

export function isRepository(name: string, { repository }: SubjectOptions): boolean {
  return repository === true || name.includes("/");
}

/** The API's path, to which the kind of policy is added. */
export function subjectPath(name: string, options: SubjectOptions): string {
  if (isRepository(name, options)) return `${repositoryPath(name)}/-`;
  return `/namespaces/${encodeURIComponent(name)}`;
}

/** What names it in another command. */
export function subjectWords(name: string, { repository }: SubjectOptions): string {
  return repository === true ? `${name} --repository` : name;
}
