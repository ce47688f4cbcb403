/** `slipway exception`: vulnerabilities that a namespace accepts. */
import { type Command, InvalidArgumentError } from "commander";
import type { NewException, VulnerabilityException } from "../../scan/policy-schema.ts";
import type { Api } from "../api.ts";
import { connect } from "../connection.ts";
import { confirmDestruction, undoText, yesOption, type YesOption } from "../destroy.ts";
import { CliError } from "../error.ts";
import { type Columns, date, Output, shortDigest, time, until } from "../output.ts";
import { copyable } from "../sentence.ts";

import { parseTarget, type Target } from "../thing.ts";
import { platformDigestOf } from "./image.ts";
import { platformOption } from "./packages.ts";

interface AddOptions {
  readonly reason: string;
  readonly package?: string;
  readonly image?: Target;
  readonly platform?: string;
  readonly expires?: string;
}

const COLUMNS: Columns<VulnerabilityException> = {
  ID: { value: ({ id }) => id, isFixed: true },
  VULNERABILITY: { value: ({ vulnerability }) => vulnerability, isFixed: true },
  PACKAGE: ({ package: name }) => name ?? "all",
  IMAGES: {
    value: ({ repository, digest }) => placeOf(repository, digest),
    short: ({ repository, digest }) =>
      placeOf(repository, digest === null ? null : shortDigest(digest)),
  },
  EXPIRES: { value: ({ expiresAt }) => date(expiresAt), isFixed: true },
  REASON: ({ reason }) => reason,
  AUTHOR: { value: ({ author }) => author, isDetail: true },
  "CREATED (UTC)": { value: ({ createdAt }) => time(createdAt), isDetail: true },
};

export function addExceptionCommands(program: Command): void {
  const exception = program
    .command("exception")
    .description(
      "Exceptions: vulnerabilities that are accepted, and keep no image from being pulled.",
    );
  exception
    .command("list")
    .description("List what a namespace accepts.")
    .argument("<namespace>")
    .action(listExceptions);
  const add = exception
    .command("add")
    .description("Accept a vulnerability in a namespace, a repository or an image.")
    .argument("<namespace>")
    .argument("<vulnerability>", "any of its ids, such as CVE-2024-3094")
    .requiredOption("--reason <text>", "why")
    .option("--package <name>", "only in this package")
    .option(
      "--image <name>",
      "only in this repository or image: acme/app, acme/app:v1, acme/app@sha256:1a2b3c4d5e6f",
      parseTarget,
    )
    .option("--expires <when>", "until then: a date (2027-01-31), or 90d from now", parseEnd);
  platformOption(add).action(addException);
  const remove = exception
    .command("remove")
    .description("Accept a vulnerability no longer.")
    .argument("<namespace>")
    .argument("<id>", "an id of slipway exception list");
  yesOption(remove).action(removeException);
}

function pathOf(namespace: string): string {
  return `/namespaces/${encodeURIComponent(namespace)}/vulnerability-exceptions`;
}

async function listExceptions(namespace: string, _options: object, command: Command) {
  const api = await connect(command);
  const items = api.list<VulnerabilityException>(pathOf(namespace));
  const none = `${namespace} accepts no vulnerability.`;
  await new Output(command).list({ items, columns: COLUMNS, none });
}

async function addException(
  namespace: string,
  vulnerability: string,
  options: AddOptions,
  command: Command,
): Promise<void> {
  const { reason, package: name = null, image, platform, expires = null } = options;
  const api = await connect(command);
  const body: NewException = {
    vulnerability,
    package: name,
    repository: image?.repository ?? null,
    digest: image === undefined ? null : await digestIn(api, image, platform),
    reason,
    expiresAt: expires,
  };
  const made = await api.send<VulnerabilityException>("POST", pathOf(namespace), body);
  new Output(command).answer(
    made,
    `${said(made, namespace)} is accepted ${until(made.expiresAt)}.`,
    `To undo: ${copyable(`slipway exception remove ${namespace} ${made.id}`)}`,
  );
}

/** An exception for an index would hold for none of its images, so it is for the image of one platform. */
async function digestIn(
  api: Api,
  image: Target,
  platform: string | undefined,
): Promise<string | null> {
  const isRepository = image.tag === undefined && image.digest === undefined;
  return isRepository ? null : platformDigestOf(api, image, platform);
}

async function removeException(
  namespace: string,
  id: string,
  options: YesOption,
  command: Command,
): Promise<void> {
  const api = await connect(command);
  const found = await find(api, namespace, id);
  const destruction = {
    action: `no longer accept ${said(found, namespace)}`,
    undo: {
      command: `slipway exception add ${namespace} ${found.vulnerability} ${optionsOf(found)}`,
    },
  };
  await confirmDestruction(destruction, options, command);
  await api.remove(`${pathOf(namespace)}/${encodeURIComponent(id)}`);
  const text = `${said(found, namespace)} is no longer accepted. ${undoText(destruction)}`;
  new Output(command).answer({ deleted: "exception", id, namespace }, text);
}

async function find(api: Api, namespace: string, id: string): Promise<VulnerabilityException> {
  for await (const one of api.list<VulnerabilityException>(pathOf(namespace))) {
    if (one.id === id) return one;
  }
  throw new CliError(`${namespace} has no exception ${id}`, {
    code: "NOT_FOUND",
    hint: `${copyable(`slipway exception list ${namespace}`)} lists those that are there`,
  });
}

/** "CVE-2024-3094 in xz of acme/app" */
function said(exception: VulnerabilityException, namespace: string): string {
  const { vulnerability, package: name, repository, digest } = exception;
  const place = repository === null ? namespace : placeOf(repository, digest);
  return `${vulnerability} in ${name === null ? "" : `${name} of `}${place}`;
}

function placeOf(repository: string | null, digest: string | null): string {
  if (repository === null) return "all";
  return digest === null ? repository : `${repository}@${digest}`;
}

/** The options by which `slipway exception add` makes it again. */
function optionsOf({
  package: name,
  repository,
  digest,
  expiresAt,
  reason,
}: VulnerabilityException) {
  return [
    name === null ? [] : `--package ${quoted(name)}`,
    repository === null ? [] : `--image ${placeOf(repository, digest)}`,
    expiresAt === null ? [] : `--expires ${expiresAt}`,
    `--reason ${quoted(reason)}`,
  ]
    .flat()
    .join(" ");
}

/** A word of a POSIX shell. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

const DAY_MS = 86_400_000;

/** A date, a time, or in how many days: "90d". */
export function parseEnd(text: string): string {
  const days = /^([1-9]\d{0,4})d$/.exec(text)?.[1];
  if (days !== undefined) return new Date(Date.now() + Number(days) * DAY_MS).toISOString();
  if (/^\d{4}-\d{2}-\d{2}/.test(text) && !Number.isNaN(Date.parse(text))) return text;
  throw new InvalidArgumentError("Give a date, such as 2027-01-31, or days from now, such as 90d.");
}
