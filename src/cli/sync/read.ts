/** Reads a sync file, and finds out which tool it was written for. */
import * as v from "valibot";
import { isMap, isNode, isScalar, LineCounter, parseDocument } from "yaml";
import { closest } from "../../oci/near.ts";
import { CliError, UsageError } from "../error.ts";
import { readTextFileOrInput } from "../file.ts";
import type { SyncFile } from "./job.ts";
import { fromRegsync, Regsync, REGSYNC_KEYS } from "./regsync.ts";
import { fromSkopeo, Skopeo, SKOPEO_KEYS } from "./skopeo.ts";

export interface Reading {
  /** Where images go; null where the file says it. */
  readonly target: string | null;
  readonly isScoped: boolean;
}

/** @param path `-` is standard input */
export async function readSyncFile(path: string, { target, isScoped }: Reading): Promise<SyncFile> {
  const document = parseYaml(await readTextFileOrInput(path), path);
  const { content } = document;
  if ("sync" in content) {
    if (target !== null || isScoped) {
      throw new UsageError("a file with sync: names the targets itself", "Leave the target out");
    }
    return fromRegsync(checked(Regsync, document, REGSYNC_KEYS));
  }
  if (target === null) {
    throw new UsageError(
      "sync where to?",
      "A file of skopeo's needs a target: slipway sync FILE HOST/PATH",
    );
  }
  return fromSkopeo(checked(Skopeo, document, SKOPEO_KEYS), target, isScoped);
}

interface Parsed {
  readonly path: string;
  readonly content: object;
  /** The line of a key, or of an entry of a list; null where the file has none. */
  readonly lineOf: (at: readonly unknown[]) => number | null;
}

function parseYaml(text: string, path: string): Parsed {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  let content: unknown;
  try {
    if (document.errors[0] !== undefined) throw document.errors[0];
    content = document.toJS();
  } catch (cause) {
    const [first = ""] = (cause as Error).message.split("\n");
    throw new CliError(`${path} is no YAML: ${first}`, { code: "USAGE", cause });
  }
  if (typeof content !== "object" || content === null || Array.isArray(content)) {
    throw new CliError(`${path} is neither regsync's file nor skopeo's`, { code: "USAGE" });
  }
  return {
    path,
    // Keys for anchors, which other tools leave alone as well.
    content: Object.fromEntries(Object.entries(content).filter(([key]) => !key.startsWith("x-"))),
    lineOf(at) {
      const around = document.getIn(at.slice(0, -1), true);
      const last = at.at(-1);
      const pair = isMap(around)
        ? around.items.find(({ key }) => (isScalar(key) ? key.value : key) === last)
        : undefined;
      const node = pair?.key ?? document.getIn(at, true);
      return isNode(node) && node.range ? lines.linePos(node.range[0]).line : null;
    },
  };
}

function checked<T>(
  schema: v.GenericSchema<unknown, T>,
  { content, path, lineOf }: Parsed,
  keys: readonly string[],
): T {
  const result = v.safeParse(schema, content);
  if (result.success) return result.output;
  const places = result.issues.map((issue) => {
    const at = issue.path?.map(({ key }) => key) ?? [];
    const line = lineOf(at);
    const place = `${v.getDotPath(issue) ?? "the file"}${line === null ? "" : ` (line ${line})`}`;
    const isUnknown = issue.type === "strict_object" && issue.expected === "never";
    if (!isUnknown) return `${place}: ${issue.message}`;
    const near = closest(String(at.at(-1)), keys);
    return `${place}: this key is not known here${near === null ? "" : `, did you mean ${near}?`}`;
  });
  throw new CliError(`${path}: ${places.slice(0, 5).join("; ")}`, {
    code: "USAGE",
    hint: "What is not known is refused, so that nothing is copied that the file leaves out.",
  });
}
