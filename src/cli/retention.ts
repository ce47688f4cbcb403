import { readFile } from "node:fs/promises";
import { text as textOf } from "node:stream/consumers";
import type { Command } from "commander";
import type { Api } from "./api.ts";
import { connect } from "./connection.ts";
import { CliError } from "./error.ts";
import { confirmDestruction, yesOption, type YesOption } from "./destroy.ts";
import { digestColumn, Output, print, time, timeColumn } from "./output.ts";
import { progress } from "./progress.ts";
import { repositoryPath } from "./repository-path.ts";
import { warn } from "./report.ts";
import { counted, countedRun, type Found, keptText, Preview } from "./retention-preview.ts";
import type { NamespaceRetention, Retention } from "../retention/schema.ts";

/** A policy; what only a repository has is missing for a namespace. */
type AnyRetention = NamespaceRetention & Partial<Retention>;

interface SubjectOptions {
  readonly repository?: true;
}

/** After a policy was set: a large namespace is not gone through to the end. */
const MAX_LOOKS = 20;

export function addRetentionCommands(program: Command): void {
  const retention = program
    .command("retention")
    .description("Retention policies: which images are deleted by themselves.");
  subject(retention.command("show"))
    .description("Show the policy that holds, and what its last run did.")
    .action(showPolicy);
  subject(retention.command("set"))
    .description("Set a policy, in the JSON of Amazon ECR's. It first runs within minutes.")
    .argument("<file>", "- for standard input")
    .action(setPolicy);
  yesOption(subject(retention.command("remove")))
    .description("Remove a policy; a repository then has its namespace's.")
    .action(removePolicy);
  subject(retention.command("preview"))
    .description("Show what a policy would delete now, and why. Nothing is changed.")
    .argument("[file]", "a policy, - for standard input; without one, the one that holds")
    .action(previewPolicy);
}

function subject(command: Command): Command {
  return command
    .argument("<name>", "a repository, such as acme/app, or a namespace, such as acme")
    .option("--repository", "a name without a slash is a repository's");
}

function isRepository(name: string, { repository }: SubjectOptions): boolean {
  return repository === true || name.includes("/");
}

function pathOf(name: string, options: SubjectOptions): string {
  if (isRepository(name, options)) return `${repositoryPath(name)}/-/retention`;
  return `/namespaces/${encodeURIComponent(name)}/retention`;
}

async function showPolicy(name: string, options: SubjectOptions, command: Command) {
  const api = await connect(command);
  const stored = await api.get<AnyRetention>(pathOf(name, options));
  const output = new Output(command);
  warnOf(stored);
  if (stored.policy === null) {
    return output.answer(stored, `${name} has no retention policy: nothing is deleted by itself.`);
  }
  const { lastRun, nextRunAt, of } = stored;
  const notes = [
    of === "namespace" ? "It is the namespace's." : [],
    lastRun ? `Last run ${time(lastRun.beganAt)} (UTC): ${countedRun(lastRun)} deleted.` : [],
    nextRunAt ? `Next run ${time(nextRunAt)} (UTC), or soon after.` : [],
  ].flat();
  output.answer(stored, [JSON.stringify(stored.policy, null, 2), ...notes].join("\n"));
}

async function setPolicy(name: string, file: string, options: SubjectOptions, command: Command) {
  const policy = await readPolicy(file);
  const api = await connect(command);
  const stored = await api.send<AnyRetention>("PUT", pathOf(name, options), policy);
  warnOf(stored);
  const output = new Output(command);
  if (output.isJson) return output.answer(stored, "");
  print(`The policy of ${name} was set; it is carried out within minutes, then once a day.`);
  const looked = new Preview(MAX_LOOKS);
  if (isRepository(name, options)) await looked.add(name, {}, api);
  else await lookAtNamespace(name, looked, api);
  progress("");
  const { found, kept } = looked;
  const going =
    found.length === 0 ? "Nothing would be deleted" : `${counted(found)} would be deleted`;
  print(
    [
      "",
      `${going} now${looked.isCut ? ", of what was looked at so far" : ""}.`,
      ...keptText(kept),
    ].join("\n"),
  );
}

async function removePolicy(name: string, options: SubjectOptions & YesOption, command: Command) {
  const destruction = {
    action: `remove the retention policy of ${name}`,
    undo: `slipway retention set ${name} FILE (slipway retention show ${name} prints it now)`,
  };
  await confirmDestruction(destruction, options, command);
  const api = await connect(command);
  await api.remove(pathOf(name, options));
  const text = `The policy of ${name} was removed. To undo: slipway retention set ${name} FILE`;
  new Output(command).answer({ deleted: "retention-policy", name }, text);
}

async function previewPolicy(
  name: string,
  file: string | undefined,
  options: SubjectOptions,
  command: Command,
) {
  const policy = file === undefined ? {} : await readPolicy(file);
  const api = await connect(command);
  const previewed = new Preview();
  for (const repository of await repositoriesOf(name, options, api)) {
    await previewed.add(repository, policy, api);
  }
  progress("");
  const { found, kept } = previewed;
  const output = new Output(command);
  if (output.isJson) return output.answer({ items: found, next: null, kept }, "");
  if (found.length === 0) return print(["Nothing would be deleted.", ...keptText(kept)].join("\n"));
  const several = new Set(found.map(({ repository }) => repository)).size > 1;
  print(
    output.table(found, {
      ...(several ? { REPOSITORY: (image: Found) => image.repository } : {}),
      DIGEST: digestColumn(({ digest }: Found) => digest),
      "PUSHED (UTC)": timeColumn("PUSHED", ({ pushedAt }: Found) => pushedAt),
      WITH: ({ attachments }) => (attachments.length === 0 ? "" : String(attachments.length)),
      RULE: ({ rule }) => String(rule),
      WHY: ({ reason }) => reason,
      TAGS: ({ tags }) => tags.join(","),
    }),
  );
  print(["", `${counted(found)} would be deleted.`, ...keptText(kept)].join("\n"));
}

/** Those of its repositories that have no policy of their own. */
async function lookAtNamespace(name: string, looked: Preview, api: Api): Promise<void> {
  for (const repository of await repositoriesOf(name, {}, api)) {
    if (looked.isCut) return;
    const { of } = await api.get<AnyRetention>(pathOf(repository, { repository: true }));
    if (of === "namespace") await looked.add(repository, {}, api);
  }
}

/** Those that the policy would hold in. */
async function repositoriesOf(name: string, options: SubjectOptions, api: Api): Promise<string[]> {
  if (isRepository(name, options)) return [name];
  const all = await Array.fromAsync(
    api.list<{ readonly name: string }>("/repositories", { namespace: name }),
  );
  return all.map((repository) => repository.name);
}

async function readPolicy(file: string): Promise<object> {
  const text = await (file === "-" ? textOf(process.stdin) : readFile(file, "utf8")).catch(
    (error: unknown) => {
      throw new CliError(`cannot read ${file}: ${String(error)}`, { cause: error });
    },
  );
  try {
    return JSON.parse(text) as object;
  } catch (error) {
    throw new CliError(`${file} is no JSON: ${String(error)}`, { cause: error });
  }
}

function warnOf({ warnings }: AnyRetention): void {
  for (const warning of warnings) warn(warning);
}
