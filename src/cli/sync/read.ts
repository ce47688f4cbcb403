/** Reads a sync file, and finds out which tool it was written for. */
import * as v from "valibot";
import { parse } from "yaml";
import { CliError, UsageError } from "../error.ts";
import { readTextFileOrInput } from "../file.ts";
import type { SyncFile } from "./job.ts";
import { fromRegsync, Regsync } from "./regsync.ts";
import { fromSkopeo, Skopeo } from "./skopeo.ts";

export interface Reading {
  /** Where images go; null where the file says it. */
  readonly target: string | null;
  readonly isScoped: boolean;
}

/** @param path `-` is standard input */
export async function readSyncFile(path: string, { target, isScoped }: Reading): Promise<SyncFile> {
  const content = parseYaml(await readTextFileOrInput(path), path);
  if ("sync" in content) {
    if (target !== null || isScoped) {
      throw new UsageError("a file with sync: names the targets itself", "Leave the target out");
    }
    return fromRegsync(checked(Regsync, content, path));
  }
  if (target === null) {
    throw new UsageError(
      "sync where to?",
      "A file of skopeo's needs a target: slipway sync FILE HOST/PATH",
    );
  }
  return fromSkopeo(checked(Skopeo, content, path), target, isScoped);
}

function parseYaml(text: string, path: string): object {
  let content: unknown;
  try {
    content = parse(text);
  } catch (cause) {
    const [first = ""] = (cause as Error).message.split("\n");
    throw new CliError(`${path} is no YAML: ${first}`, { code: "USAGE", cause });
  }
  if (typeof content !== "object" || content === null || Array.isArray(content)) {
    throw new CliError(`${path} is neither regsync's file nor skopeo's`, { code: "USAGE" });
  }
  // Keys for anchors, which other tools leave alone as well.
  return Object.fromEntries(Object.entries(content).filter(([key]) => !key.startsWith("x-")));
}

function checked<T>(schema: v.GenericSchema<unknown, T>, content: object, path: string): T {
  const result = v.safeParse(schema, content);
  if (result.success) return result.output;
  const places = result.issues.map((issue) => {
    const place = v.getDotPath(issue) ?? "the file";
    const isUnknown = issue.type === "strict_object" && issue.expected === "never";
    return `${place}: ${isUnknown ? "this key is not known here" : issue.message}`;
  });
  throw new CliError(`${path}: ${places.slice(0, 5).join("; ")}`, {
    code: "USAGE",
    hint: "What is not known is refused, so that nothing is copied that the file leaves out.",
  });
}
