import * as v from "valibot";
import type { FileReader } from "../layer/list.ts";
import type { Package } from "../package.ts";
import { contentOf, packageOf } from "./content.ts";
import { parseJson } from "./json-text.ts";

const Target = v.record(
  v.string(),
  v.object({
    runtime: v.optional(v.unknown()),
    runtimeTargets: v.optional(v.unknown()),
    native: v.optional(v.unknown()),
  }),
);

const Document = v.object({
  runtimeTarget: v.optional(v.object({ name: v.optional(v.string(), "") }), {}),
  targets: v.optional(v.record(v.string(), Target), {}),
  libraries: v.optional(v.record(v.string(), v.object({ type: v.optional(v.string(), "") })), {}),
});

/** A program that brings its own .NET names the packages of that with this before their names. */
const RUNTIME_PACK = "runtimepack.";

/** Reads what a program for .NET is made of (github.com/dotnet/sdk, "runtime-configuration-file.md"). */
export const nuget: FileReader = {
  matches: (path) => path.endsWith(".deps.json"),
  // The SDK's own is about 500 KB.
  maxBytes: 4 * 1024 * 1024,
  read: (bytes, path) => contentOf(packagesOf(parseJson(bytes, Document), path)),
};

function* packagesOf(
  { runtimeTarget, targets, libraries }: v.InferOutput<typeof Document>,
  path: string,
): Generator<Package | null> {
  const target = targets[runtimeTarget.name ?? ""] ?? {};
  for (const [key, { type }] of Object.entries(libraries)) {
    const slash = key.indexOf("/");
    if (slash === -1 || !["package", "runtimepack"].includes(type.toLowerCase())) continue;
    if (!hasFiles(target[key])) continue;
    const name = key.slice(0, slash).replace(RUNTIME_PACK, "");
    yield packageOf({ type: "nuget", name, version: key.slice(slash + 1), path });
  }
}

/** A package may have been for the compiler alone: the target names none of its files then. Trivy leaves it out too. */
function hasFiles(inTarget: v.InferOutput<typeof Target>[string] | undefined): boolean {
  if (inTarget === undefined) return true;
  const { runtime, runtimeTargets, native } = inTarget;
  return runtime !== undefined || runtimeTargets !== undefined || native !== undefined;
}
