/** `slipway vulnerabilities` and `slipway vulnerable`. */
import { type Command, InvalidArgumentError, Option } from "commander";
import type { Finding, VulnerableImage } from "../../scan/schema.ts";
import { connect } from "../connection.ts";
import { CliError } from "../error.ts";
import { type Columns, digestColumn, Output, time, timeColumn, until } from "../output.ts";
import { copyable } from "../sentence.ts";
import type { Column } from "../table.ts";
import { parseTarget, type Target } from "../thing.ts";
import { digestOf, manifestPath, nameOf } from "./image.ts";
import { openIn, readReport, type Report, SEVERITIES, type Severity, summary } from "./report.ts";

interface ListOptions {
  readonly severity?: Severity;
  readonly fixable?: true;
  readonly package?: string;
  readonly exitCode?: number;
}

const STYLES: Partial<Record<Severity, "red" | "yellow">> = {
  critical: "red",
  high: "red",
  medium: "yellow",
};

const COLUMNS: Columns<Finding> = {
  SEVERITY: {
    value: ({ severity }) => severity,
    isFixed: true,
    style: ({ severity, status }) => (status === "open" ? (STYLES[severity] ?? null) : null),
  },
  ID: { value: ({ id }) => id, isFixed: true },
  PACKAGE: ({ package: pkg }) => pkg.name,
  INSTALLED: ({ package: pkg }) => pkg.version,
  FIXED: ({ fixedVersion }) => fixedVersion ?? "no fix",
  STATUS: { value: ({ status }) => status.replace("_", " "), isFixed: true },
  "FIRST SEEN (UTC)": detail(({ firstSeenAt }) => time(firstSeenAt)),
  SCANNERS: detail(({ scanners }) => scanners.join(",")),
  URL: detail(({ url }) => url),
};

const IMAGES: Columns<VulnerableImage> = {
  REPOSITORY: ({ repository }) => repository,
  DIGEST: digestColumn(({ digest }) => digest),
  TAGS: ({ tags }) => tags.join(","),
  "MATCHED (UTC)": timeColumn("MATCHED", ({ matchedAt }) => matchedAt ?? ""),
};

function detail(value: (finding: Finding) => string): Column<Finding> {
  return { value, isDetail: true };
}

export function addVulnerabilityCommands(program: Command): void {
  program
    .command("vulnerabilities")
    .description("List the known vulnerabilities of an image, the worst first.")
    .argument("<image>", "such as acme/app:v1 or acme/app@sha256:1a2b3c4d5e6f", parseTarget)
    .addOption(
      new Option("--severity <severity>", "only of this severity and above").choices(SEVERITIES),
    )
    .option("--fixable", "only those that have a fix, as Trivy's --ignore-unfixed")
    .option("--package <name>", "only of this package")
    .option(
      "--exit-code <code>",
      "end with this exit code if an open one is listed, as Trivy's --exit-code",
      parseExitCode,
    )
    .addHelpText(
      "after",
      `
Without a tag it is latest. Of an index those of all its images are listed.
With --exit-code it also fails, with 1, if an image has not been scanned yet.`,
    )
    .action(listVulnerabilities);
  program
    .command("vulnerable")
    .description("List the images with a vulnerability, of those that you can pull.")
    .argument("<id>", "any of its ids, such as CVE-2024-3094")
    .action(listImages);
}

async function listVulnerabilities(target: Target, options: ListOptions, command: Command) {
  const api = await connect(command);
  const digest = await digestOf(api, target);
  const { severity, fixable, package: about } = options;
  const report = await readReport(api, manifestPath(target.repository, digest), {
    severity,
    fixable: fixable === true ? "true" : undefined,
    package: about,
  });
  show(report, nameOf(target), new Output(command));
  if (options.exitCode !== undefined) requireNone(report, target, options.exitCode);
}

function show(report: Report, name: string, output: Output): void {
  const { items } = report;
  const isFiltered = items.length === 0 && openIn(report) > 0;
  output.answer(
    report,
    items.length === 0 ? "" : output.table(items, COLUMNS),
    ...decisionsIn(items),
    ...summary(report, name, output),
    isFiltered ? "None is listed with these options." : "",
  );
}

/** Why findings do not count, each once however many packages have it. */
function decisionsIn(items: readonly Finding[]): string[] {
  const decided = items.filter(({ status }) => status !== "open");
  const texts = decided.map(
    ({ id, status, author, reason, until: end }) =>
      `${id} is ${status === "accepted" ? `accepted ${until(end)}` : status.replace("_", " ")}, says ${author}: ${reason}`,
  );
  return texts.length === 0 ? [] : [[...new Set(texts)].join("\n")];
}

/** @throws CliError if an image has an open vulnerability that is listed, or it is not known whether it has one */
function requireNone({ items, images }: Report, target: Target, exitCode: number): void {
  const open = new Set(items.filter(({ status }) => status === "open").map(({ id }) => id));
  const name = nameOf(target);
  if (open.size > 0) {
    const message = `${open.size} open ${open.size === 1 ? "vulnerability is" : "vulnerabilities are"} listed`;
    throw new CliError(message, { code: "FINDINGS", exitCode });
  }
  if (images.length > 0 && images.every(({ matchedAt }) => matchedAt !== null)) return;
  throw new CliError(`${name} has not been matched with known vulnerabilities yet`, {
    code: "NOT_SCANNED",
    hint: `${copyable(`slipway scan ${name} --wait`)} has it scanned now`,
  });
}

function parseExitCode(text: string): number {
  const code = Number(text);
  if (/^\d{1,3}$/.test(text) && code <= 255) return code;
  throw new InvalidArgumentError("Give a number from 0 to 255.");
}

async function listImages(id: string, _options: object, command: Command): Promise<void> {
  const api = await connect(command);
  const items = api.list<VulnerableImage>("/vulnerable-images", { vulnerability: id });
  const none = `No image that you can pull is known to have ${id}.`;
  await new Output(command).list({ items, columns: IMAGES, none });
}
