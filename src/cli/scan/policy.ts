/** `slipway policy`: which images may not be pulled. */
import { type Command, InvalidArgumentError, Option } from "commander";
import type { RepositoryScanPolicy, ScanPolicy } from "../../scan/policy-schema.ts";
import { connect } from "../connection.ts";
import { confirmDestruction, undoText, yesOption, type YesOption } from "../destroy.ts";
import { Output } from "../output.ts";
import { copyable } from "../sentence.ts";
import { subject, type SubjectOptions, subjectPath, subjectWords } from "../subject.ts";
import { SEVERITIES, type Severity } from "./report.ts";

/** A namespace's does not say whose it is. */
type Stored = Pick<RepositoryScanPolicy, "policy"> & Partial<RepositoryScanPolicy>;

interface SetOptions extends SubjectOptions {
  readonly severity?: Severity;
  readonly fixableOnly?: true;
  readonly grace?: number;
  readonly unscanned?: true;
  readonly unscannable?: true;
  readonly unsigned?: true;
  readonly vex?: true;
  readonly exempt?: readonly string[];
}

const MAX_GRACE_HOURS = 8_760;

export function addPolicyCommands(program: Command): void {
  const policy = program
    .command("policy")
    .description("Scan policies: which images may not be pulled.");
  subject(policy.command("show")).description("Show the policy that holds.").action(showPolicy);
  subject(policy.command("set"))
    .description("Say which images may not be pulled. It replaces the policy from before.")
    .addOption(
      new Option(
        "--severity <severity>",
        "those with open vulnerabilities of this severity and above",
      ).choices(SEVERITIES),
    )
    .option("--fixable-only", "of these vulnerabilities only those that have a fix count")
    .option("--grace <hours>", "and only those that were first seen longer ago", parseHours)
    .option("--unscanned", "those that no scanner has matched yet")
    .option("--unscannable", "those whose packages are not all known")
    .option("--unsigned", "those that no signer has signed whom the namespace trusts")
    .option("--vex", "vulnerabilities do not count that an attached OpenVEX document excuses")
    .option(
      "--exempt <account>",
      "who may pull them all the same, such as acme+scanner; repeatable",
      (one: string, before: readonly string[] | undefined) => [...(before ?? []), one],
    )
    .action(setPolicy);
  yesOption(subject(policy.command("remove")))
    .description("Remove a policy; a repository then has its namespace's.")
    .action(removePolicy);
}

function pathOf(name: string, options: SubjectOptions): string {
  return `${subjectPath(name, options)}/scan-policy`;
}

async function showPolicy(name: string, options: SubjectOptions, command: Command): Promise<void> {
  const api = await connect(command);
  const stored = await api.get<Stored>(pathOf(name, options));
  const output = new Output(command);
  const { policy, of } = stored;
  if (policy === null) return output.answer(stored, `${name} has no scan policy.`);
  const notes = of === "namespace" ? "It is the namespace's." : "";
  output.answer(stored, textOf(policy), notes);
}

async function setPolicy(name: string, options: SetOptions, command: Command): Promise<void> {
  const {
    severity = null,
    fixableOnly,
    grace,
    unscanned,
    unscannable,
    unsigned,
    vex,
    exempt,
  } = options;
  if (severity === null && (fixableOnly === true || grace !== undefined)) {
    return command.error("which vulnerabilities? --fixable-only and --grace need --severity");
  }
  const others = [unscanned, unscannable, unsigned];
  if (severity === null && others.every((one) => one === undefined)) {
    return command.error("which images? Give --severity, --unscanned, --unscannable or --unsigned");
  }
  const policy: ScanPolicy = {
    severity,
    fixableOnly: fixableOnly === true,
    graceHours: grace ?? 0,
    unscanned: unscanned === true,
    unscannable: unscannable === true,
    unsigned: unsigned === true,
    vex: vex === true,
    exempt: [...(exempt ?? [])],
  };
  const api = await connect(command);
  const stored = await api.send<Stored>("PUT", pathOf(name, options), policy);
  new Output(command).answer(
    stored,
    `The policy of ${name} was set, and holds within a minute.`,
    textOf(policy),
    `To stop it: ${copyable(`slipway policy remove ${subjectWords(name, options)}`)}`,
  );
}

async function removePolicy(name: string, options: SubjectOptions & YesOption, command: Command) {
  const api = await connect(command);
  const { policy, of } = await api.get<Stored>(pathOf(name, options));
  const set = `slipway policy set ${subjectWords(name, options)}`;
  const undo = policy === null ? null : { command: `${set} ${optionsOf(policy)}` };
  const destruction = { action: `remove the scan policy of ${name}`, undo };
  // Where it has none of its own, the registry says so.
  if (policy !== null && of !== "namespace")
    await confirmDestruction(destruction, options, command);
  await api.remove(pathOf(name, options));
  const text = `The policy of ${name} was removed. ${undoText(destruction)}`;
  new Output(command).answer({ deleted: "scan-policy", name }, text);
}

/** A policy in sentences. */
function textOf(policy: ScanPolicy): string {
  const { severity, fixableOnly, graceHours, unscanned, unscannable, unsigned, vex } = policy;
  const { exempt } = policy;
  const which = [
    severity === null
      ? []
      : [
          "with open vulnerabilities",
          severity === "critical"
            ? "of the severity critical"
            : `of the severity ${severity} and above`,
          fixableOnly ? "that have a fix" : "",
          graceHours === 0 ? "" : `first seen more than ${graceHours} h ago`,
          vex ? "and that no OpenVEX document excuses" : "",
        ]
          .filter((part) => part !== "")
          .join(" "),
    unscanned ? "that no scanner has matched yet" : [],
    unscannable ? "whose packages are not all known" : [],
    unsigned ? "that no trusted signer has signed" : [],
  ].flat();
  if (which.length === 0) return "All images may be pulled.";
  const exempted = exempt.length === 0 ? [] : [`Exempt: ${exempt.join(", ")}.`];
  return ["These images may not be pulled:", ...which.map((one) => `  ${one}`), ...exempted].join(
    "\n",
  );
}

/** The options by which `slipway policy set` makes a policy. */
function optionsOf(policy: ScanPolicy): string {
  const { severity, fixableOnly, graceHours, unscanned, unscannable, unsigned, vex } = policy;
  return [
    severity === null ? [] : `--severity ${severity}`,
    fixableOnly ? "--fixable-only" : [],
    graceHours === 0 ? [] : `--grace ${graceHours}`,
    unscanned ? "--unscanned" : [],
    unscannable ? "--unscannable" : [],
    unsigned ? "--unsigned" : [],
    vex ? "--vex" : [],
    policy.exempt.map((account) => `--exempt ${account}`),
  ]
    .flat(2)
    .join(" ");
}

function parseHours(text: string): number {
  const hours = Number(text);
  if (/^\d{1,4}$/.test(text) && hours <= MAX_GRACE_HOURS) return hours;
  throw new InvalidArgumentError(`Give hours, from 0 to ${MAX_GRACE_HOURS}.`);
}
