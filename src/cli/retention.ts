import type { Command } from "commander";
import type { Api } from "./api.ts";
import { connect } from "./connection.ts";
import { CliError } from "./error.ts";
import {
  confirmDestruction,
  fromTrash,
  requireConsent,
  undoText,
  yesOption,
  type YesOption,
} from "./destroy.ts";
import { readTextFileOrInput } from "./file.ts";
import { digestColumn, Output, print, timeColumn, timeUtc } from "./output.ts";
import { progress } from "./progress.ts";
import { warn } from "./report.ts";
import { copyable } from "./sentence.ts";
import { isRepository, subject, type SubjectOptions, subjectPath } from "./subject.ts";
import { counted, countedRun, type Found, keptText, Preview } from "./retention-preview.ts";
import type { NamespaceRetention, Retention } from "../retention/schema.ts";

/** A policy; what only a repository has is missing for a namespace. */
type AnyRetention = NamespaceRetention & Partial<Retention>;

/** Requests before a policy is set: a large namespace is not gone through to the end. */
const MAX_LOOKS = 20;

export function addRetentionCommands(program: Command): void {
  const retention = program
    .command("retention")
    .description("Retention policies: which images are deleted by themselves.");
  subject(retention.command("show"))
    .description("Show the policy that holds, and what its last run did.")
    .action(showPolicy);
  yesOption(subject(retention.command("set")))
    .description("Set a policy, in the JSON of Amazon ECR's. It first runs within minutes.")
    .argument("<file>", "- for standard input; then add --yes")
    .action(setPolicy);
  yesOption(subject(retention.command("remove")))
    .description("Remove a policy; a repository then has its namespace's.")
    .action(removePolicy);
  subject(retention.command("preview"))
    .description("Show what a policy would delete now, and why. Nothing is changed.")
    .argument("[file]", "a policy, - for standard input; without one, the one that holds")
    .action(previewPolicy);
}

async function showPolicy(name: string, options: SubjectOptions, command: Command) {
  const api = await connect(command);
  const stored = await api.get<AnyRetention>(`${subjectPath(name, options)}/retention`);
  const output = new Output(command);
  warnOf(stored);
  if (stored.policy === null) {
    return output.answer(stored, `${name} has no retention policy: nothing is deleted by itself.`);
  }
  const { lastRun, nextRunAt, of } = stored;
  const notes = [
    of === "namespace" ? "It is the namespace's." : [],
    lastRun ? `Last run ${timeUtc(lastRun.beganAt)}: ${countedRun(lastRun)} deleted.` : [],
    nextRunAt ? `Next run ${timeUtc(nextRunAt)}, or soon after.` : [],
  ].flat();
  output.answer(stored, copyable(JSON.stringify(stored.policy, null, 2)), notes.join("\n"));
}

async function setPolicy(
  name: string,
  file: string,
  options: SubjectOptions & YesOption,
  command: Command,
): Promise<void> {
  const action = `set the retention policy of ${name}`;
  requireConsent(action, options, command);
  const policy = await readPolicy(file);
  const api = await connect(command);
  const output = new Output(command);
  const previewed = new Preview(MAX_LOOKS);
  await previewSet(name, policy, previewed, { options, api });
  const { found, kept, isCut } = previewed;
  const going = `${found.length === 0 ? "nothing" : counted(found)} now${isCut ? " in the part that was looked at" : ""}`;
  const image = `${isRepository(name, options) ? name : `${name}/NAME`}@DIGEST`;
  const destruction = {
    action: `${action}, which deletes ${going}`,
    undo: await fromTrash(api, `slipway trash restore ${image}`),
  };
  if (!output.isJson && kept.length > 0) print(`${keptText(kept).join("\n")}\n`);
  await confirmDestruction(destruction, options, command);
  const stored = await api.send<AnyRetention>(
    "PUT",
    `${subjectPath(name, options)}/retention`,
    policy,
  );
  warnOf(stored);
  output.answer(
    stored,
    `The policy of ${name} was set. It deletes ${going}; it runs within minutes, then once a day.`,
    `To stop it: ${copyable(`slipway retention remove ${name}`)}\n${undoText(destruction)}`,
  );
}

/** Looks at what a policy would delete before it is set. */
async function previewSet(
  name: string,
  policy: object,
  previewed: Preview,
  { options, api }: { readonly options: SubjectOptions; readonly api: Api },
): Promise<void> {
  if (isRepository(name, options)) await previewed.add(name, policy, api);
  else await previewNamespace(name, policy, previewed, api);
  progress("");
}

async function removePolicy(name: string, options: SubjectOptions & YesOption, command: Command) {
  const destruction = {
    action: `remove the retention policy of ${name} (${copyable(`slipway retention show ${name}`)} prints it now)`,
    undo: { command: `slipway retention set ${name} FILE` },
  };
  await confirmDestruction(destruction, options, command);
  const api = await connect(command);
  await api.remove(`${subjectPath(name, options)}/retention`);
  const text = `The policy of ${name} was removed. ${undoText(destruction)}`;
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
  const protectedText = keptText(kept).join("\n");
  if (found.length === 0) return print("Nothing would be deleted.", protectedText);
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
    `${counted(found)} would be deleted.`,
    protectedText,
  );
}

/** Looks at the repositories of a namespace that have no policy of their own. */
async function previewNamespace(
  name: string,
  policy: object,
  previewed: Preview,
  api: Api,
): Promise<void> {
  for (const repository of await repositoriesOf(name, {}, api)) {
    if (previewed.isCut) return;
    const { of } = await api.get<AnyRetention>(
      `${subjectPath(repository, { repository: true })}/retention`,
    );
    if (of !== "repository") await previewed.add(repository, policy, api);
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
  const text = await readTextFileOrInput(file);
  try {
    return JSON.parse(text) as object;
  } catch (error) {
    throw new CliError(`${file} is no JSON: ${(error as Error).message}`, { cause: error });
  }
}

function warnOf({ warnings }: AnyRetention): void {
  for (const warning of warnings) warn(warning);
}
