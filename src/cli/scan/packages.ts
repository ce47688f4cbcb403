/** `slipway packages` and `slipway sbom`: what is in the image of one platform. */
import { writeFile } from "node:fs/promises";
import { type Command, Option } from "commander";
import type { Package } from "../../scan/schema.ts";
import type { Api } from "../api.ts";
import { connect } from "../connection.ts";
import { CliError } from "../error.ts";
import { reasonOf } from "../file.ts";
import { type Columns, Output } from "../output.ts";
import { plainJson } from "../terminal.ts";
import { parseTarget, type Target } from "../thing.ts";
import { manifestPath, nameOf, platformDigestOf } from "./image.ts";
import { PAGE } from "./report.ts";

interface PlatformOption {
  readonly platform?: string;
}

interface SbomOptions extends PlatformOption {
  readonly format: "cyclonedx" | "spdx";
  readonly output?: string;
}

interface Packages {
  readonly items: readonly Package[];
  readonly next: string | null;
  readonly distribution: { readonly id: string; readonly name: string } | null;
  /** What could not be read. */
  readonly problems: readonly string[];
  readonly unscannable: string | null;
  readonly total: number;
}

const COLUMNS: Columns<Package> = {
  NAME: ({ name }) => name,
  VERSION: ({ version }) => version,
  TYPE: { value: ({ type }) => type, isFixed: true },
  FILE: ({ path }) => path,
  LAYER: { value: ({ layer }) => layer ?? "", isDetail: true },
  PURL: { value: ({ purl }) => purl, isDetail: true },
};

export function addPackageCommands(program: Command): void {
  platformOption(
    program
      .command("packages")
      .description("List the packages in an image, with the file that names each.")
      .argument("<image>", "such as acme/app:v1 or acme/app@sha256:1a2b3c4d5e6f", parseTarget),
  ).action(listPackages);
  platformOption(
    program
      .command("sbom")
      .description("Print the packages in an image as an SBOM.")
      .argument("<image>", "such as acme/app:v1 or acme/app@sha256:1a2b3c4d5e6f", parseTarget),
  )
    .addOption(
      new Option("--format <format>", "CycloneDX 1.6 or SPDX 2.3")
        .choices(["cyclonedx", "spdx"])
        .default("cyclonedx"),
    )
    .option("--output <file>", "write it to this file instead")
    .action(writeSbom);
}

export function platformOption(command: Command): Command {
  return command.option(
    "--platform <os/arch>",
    "which image of an index with several, such as linux/amd64",
  );
}

async function listPackages(target: Target, { platform }: PlatformOption, command: Command) {
  const api = await connect(command);
  const digest = await platformDigestOf(api, target, platform);
  const list = await readPackages(api, manifestPath(target.repository, digest));
  const output = new Output(command);
  output.answer(
    list,
    list.items.length === 0 ? "" : output.table(list.items, COLUMNS),
    sentence(list, nameOf(target) + (platform === undefined ? "" : ` for ${platform}`)),
    list.problems.map((problem) => `Could not be read: ${problem}`).join("\n"),
  );
}

/** All packages, page by page. */
async function readPackages(api: Api, path: string): Promise<Packages> {
  const items: Package[] = [];
  let after: string | undefined;
  for (;;) {
    const page = await api.get<Packages>(`${path}/packages`, { after, limit: PAGE });
    items.push(...page.items);
    if (page.next === null) return { ...page, items };
    after = page.next;
  }
}

function sentence({ total, distribution, unscannable }: Packages, name: string): string {
  const count = total === 1 ? "1 package" : `${total} packages`;
  const of = distribution === null ? "" : ` It is ${distribution.name || distribution.id}.`;
  const partly = unscannable === null ? "" : ` Not all are known: ${unscannable}.`;
  return `${name} has ${count}.${of}${partly}`;
}

async function writeSbom(target: Target, options: SbomOptions, command: Command): Promise<void> {
  const { format, output: file, platform } = options;
  const api = await connect(command);
  const digest = await platformDigestOf(api, target, platform);
  const sbom = await api.get<object>(`${manifestPath(target.repository, digest)}/sbom`, { format });
  const text = `${plainJson(JSON.stringify(sbom, null, 2))}\n`;
  if (file === undefined) {
    process.stdout.write(text);
    return;
  }
  await write(file, text);
  const answer = { written: "sbom", file, format, digest };
  new Output(command).answer(answer, `The SBOM of ${nameOf(target)} was written to ${file}.`);
}

async function write(file: string, text: string): Promise<void> {
  try {
    await writeFile(file, text);
  } catch (error) {
    const { code = "FAILED" } = error as NodeJS.ErrnoException;
    throw new CliError(`cannot write ${file}: ${reasonOf(error)}`, { code, cause: error });
  }
}
