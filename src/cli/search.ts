import { type Command, InvalidArgumentError, Option } from "commander";
import { connect } from "./connection.ts";
import { ago, type Columns, Output, print, time } from "./output.ts";
import type { FoundRepository } from "../api/schema/repositories.ts";

interface SearchOptions {
  readonly visibility?: string;
  readonly sort: string;
  readonly limit: number;
}

interface Found {
  readonly items: readonly FoundRepository[];
  readonly matches: number;
  readonly complete: boolean;
}

const DEFAULT_LIMIT = 25;
/** The most that one page of the API has. */
const MAX_LIMIT = 100;

const COLUMNS: Columns<FoundRepository> = {
  NAME: ({ name }) => name,
  VISIBILITY: { value: ({ visibility }) => visibility, isFixed: true },
  TAGS: { value: ({ tags }) => (tags === null ? "100+" : String(tags)), isFixed: true },
  "PUSHED (UTC)": {
    value: ({ updatedAt }) => (updatedAt === null ? "never" : time(updatedAt)),
    short: ({ updatedAt }) => (updatedAt === null ? "never" : ago(updatedAt)),
    shortTitle: "PUSHED",
    isFixed: true,
  },
  DESCRIPTION: ({ description }) => description,
};

export function addSearchCommand(program: Command): void {
  program
    .command("search")
    .description(
      "Search names, descriptions and labels of the repositories that you can pull from.",
    )
    .argument("<words...>", "each has to begin a word there")
    .addOption(new Option("--visibility <visibility>", "only these").choices(["private", "public"]))
    .addOption(
      new Option("--sort <order>", "what comes first")
        .choices(["relevance", "updated", "name"])
        .default("relevance"),
    )
    .option("--limit <count>", `how many to show, at most ${MAX_LIMIT}`, parseLimit, DEFAULT_LIMIT)
    .action(search);
}

async function search(
  words: readonly string[],
  { visibility, sort, limit }: SearchOptions,
  command: Command,
): Promise<void> {
  const api = await connect(command);
  const query = new URLSearchParams({ q: words.join(" "), sort, limit: String(limit) });
  if (visibility !== undefined) query.set("visibility", visibility);
  const found = await api.get<Found>(`/search?${query.toString()}`);
  const output = new Output(command);
  if (output.isJson) {
    output.answer(found);
    return;
  }
  if (found.items.length === 0) {
    print("No repository that you can pull from matches.");
    return;
  }
  const more = found.matches > found.items.length || !found.complete;
  const count = found.complete ? String(found.matches) : `more than ${found.matches}`;
  print(
    output.table(found.items, COLUMNS),
    more ? `${found.items.length} of ${count} matches; further words find fewer.` : "",
  );
}

function parseLimit(text: string): number {
  const limit = Number(text);
  if (/^\d+$/.test(text) && limit >= 1 && limit <= MAX_LIMIT) return limit;
  throw new InvalidArgumentError(`Write a number from 1 to ${MAX_LIMIT}.`);
}
