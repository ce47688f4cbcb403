import * as v from "valibot";
import { UnreadableFile } from "../layer/list.ts";
import { JOINTS, splitEpoch } from "../match/purl.ts";
import type { Package } from "../package.ts";
import { gather, type Entry, type Sbom, type System } from "./gather.ts";
import { MAX_ENTRIES, Text, tooMany, unreadEntries } from "./limits.ts";

const MAX_PROPERTIES = 1_000;

const Property = v.object({ name: v.string(), value: v.optional(v.string(), "") });

const Component = v.object({
  type: Text,
  group: v.optional(Text, ""),
  name: Text,
  version: v.optional(Text, ""),
  description: v.optional(v.string(), ""),
  purl: v.optional(Text, ""),
  properties: v.optional(v.pipe(v.array(Property), v.maxLength(MAX_PROPERTIES)), []),
  components: v.optional(v.array(v.unknown()), []),
});

const Bom = v.object({
  bomFormat: v.literal("CycloneDX"),
  specVersion: v.string(),
  metadata: v.optional(v.object({ component: v.optional(v.unknown()) }), {}),
  components: v.optional(v.array(v.unknown()), []),
});

type Component = v.InferOutput<typeof Component>;

const VERSIONS = ["1.3", "1.4", "1.5", "1.6", "1.7"];

/** The types of components that packages are. Trivy and others take frameworks and applications for packages too. */
const PACKAGES = new Set(["library", "framework"]);

/**
 * Reads a CycloneDX document.
 * @returns null for what is none
 * @throws UnreadableFile for one of another version, or of too many components
 */
export function readCycloneDx(json: unknown): Sbom | null {
  const parsed = v.safeParse(Bom, json);
  if (!parsed.success) return null;
  const { specVersion, metadata, components } = parsed.output;
  if (!VERSIONS.includes(specVersion)) {
    throw new UnreadableFile(
      `it is CycloneDX ${specVersion.slice(0, 20)}, and 1.3 to 1.7 are read`,
    );
  }
  const all = [...(metadata.component === undefined ? [] : [metadata.component]), ...components];
  const entries: Entry[] = [];
  const systems: System[] = [];
  const bad: string[] = [];
  // Components may hold others, at any depth: they are appended to the list that is walked.
  for (let i = 0; i < all.length; i++) {
    if (all.length > MAX_ENTRIES) throw tooMany();
    const one = v.safeParse(Component, all[i], { abortEarly: true });
    if (!one.success) {
      bad.push(v.getDotPath(one.issues[0]) ?? "");
      continue;
    }
    const component = one.output;
    for (const inner of component.components) all.push(inner);
    if (component.type === "operating-system") systems.push(systemOf(component));
    else if (component.purl !== "" || PACKAGES.has(component.type))
      entries.push(entryOf(component));
  }
  const sbom = gather(entries, systems);
  return { ...sbom, problems: [...unreadEntries("Components", bad), ...sbom.problems] };
}

function propertiesOf(component: Component): ReadonlyMap<string, string> {
  return new Map(component.properties.map(({ name, value }) => [name, value]));
}

function entryOf(component: Component): Entry {
  const { group, name, version, purl } = component;
  const properties = propertiesOf(component);
  const [, type = ""] = /^pkg:([a-z]+)\//.exec(purl) ?? [];
  return {
    name: group === "" ? name : `${group}${JOINTS[type] ?? "/"}${name}`,
    version,
    purl,
    source: sourceOf(properties),
    path:
      properties.get("aquasecurity:trivy:FilePath") ?? properties.get("syft:location:0:path") ?? "",
  };
}

/** Trivy splits the version of the source package; we write Debian's whole. Syft has it in the package URL. */
function sourceOf(properties: ReadonlyMap<string, string>): Package["source"] {
  const part = (name: string) => properties.get(`aquasecurity:trivy:Src${name}`) ?? "";
  const name = part("Name");
  if (name === "" || part("Version") === "") return null;
  const { epoch, rest } = splitEpoch(part("Version"));
  const first = epoch || part("Epoch");
  const release = part("Release");
  const version = release === "" ? rest : `${rest}-${release}`;
  return { name, version: first === "" || first === "0" ? version : `${first}:${version}` };
}

function systemOf(component: Component): System {
  const properties = propertiesOf(component);
  const { name, version, description } = component;
  return {
    id: properties.get("syft:distro:id") ?? "",
    name,
    version: version || (properties.get("syft:distro:versionID") ?? ""),
    description: properties.get("syft:distro:prettyName") ?? description,
  };
}
