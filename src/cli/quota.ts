import { type Command, InvalidArgumentError } from "commander";
import { connect } from "./connection.ts";
import { doubt } from "./near.ts";
import { bytes, Output } from "./output.ts";
import type { Quota } from "../quota/schema.ts";

type Measure = Quota["bytes"];

/** "none" is no limit; an option that is left out changes nothing. */
interface Limits {
  readonly bytes?: number | "none";
  readonly repositories?: number | "none";
}

export function addQuotaCommand(namespace: Command): void {
  namespace
    .command("quota")
    .description("Show how much a namespace uses and may use; with options, set the limits.")
    .argument("<name>")
    .option("--bytes <size>", "the limit of all its content: 10GiB, 500MB or none", parseSize)
    .option("--repositories <n>", "the limit of its repositories: 50, or none", parseCount)
    .action(quotaOfNamespace);
}

async function quotaOfNamespace(name: string, limits: Limits, command: Command): Promise<void> {
  const api = await connect(command);
  const path = `/namespaces/${encodeURIComponent(name)}/quota`;
  const change = Object.entries(limits).map(([of, limit]: [string, number | "none"]) => [
    of,
    limit === "none" ? null : limit,
  ]);
  await doubtLimit(limits);
  const quota =
    change.length === 0
      ? await api.get<Quota>(path)
      : await api.send<Quota>("PUT", path, Object.fromEntries(change) as object);
  const output = new Output(command);
  const summary = output.details({
    bytes: show(quota.bytes, bytes),
    repositories: show(quota.repositories, String),
  });
  output.answer(quota, summary, full(name, quota));
}

/** No image fits into less. */
const MIN_USEFUL_BYTES = 1_000_000;

/** Doubts a number whose unit was forgotten. 0 is meant: nobody pushes any more. */
async function doubtLimit({ bytes: limit }: Limits): Promise<void> {
  if (typeof limit !== "number" || limit === 0 || limit >= MIN_USEFUL_BYTES) return;
  await doubt(`--bytes is ${limit} bytes, which no image fits into; units are KB, MB, GB, TB.`);
}

function isFull({ used, limit }: Measure): boolean {
  return limit !== null && used >= limit;
}

function full(name: string, quota: Quota): string {
  if (isFull(quota.bytes)) return `${name} is full: pushes are refused until something is purged.`;
  return isFull(quota.repositories) ? `No further repository can be made in ${name}.` : "";
}

/** "9.5 GiB of 10.0 GiB (95 %)" */
function show({ used, limit }: Measure, format: (count: number) => string): string {
  if (limit === null) return `${format(used)}, no limit`;
  const share = limit === 0 ? "" : ` (${Math.floor((100 * used) / limit)} %)`;
  return `${format(used)} of ${format(limit)}${share}`;
}

const UNITS = ["", "K", "M", "G", "T", "P"];

/** "10GiB" → 10737418240 */
export function parseSize(text: string): number | "none" {
  if (text === "none") return text;
  const pattern = /^(\d{1,15}(?:\.\d{1,3})?) ?(?:([KMGTP])(i?))?B?$/i;
  const [, amount, unit = "", binary = ""] = pattern.exec(text) ?? [];
  const factor = (binary === "" ? 1000 : 1024) ** UNITS.indexOf(unit.toUpperCase());
  const size = Math.floor(Number(amount) * factor);
  if (Number.isSafeInteger(size)) return size;
  throw new InvalidArgumentError("Give a size, such as 10GiB, 500MB or 1000000 (bytes), or none.");
}

export function parseCount(text: string): number | "none" {
  if (text === "none") return text;
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("Give a whole number, or none.");
}
