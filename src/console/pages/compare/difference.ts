/** How two images differ, as far as their details say. */
import type { ImageConfig, Layer, ManifestDetails } from "../../../api/schema/contents.ts";

export type Mark = "removed" | "same" | "added";

export interface MarkedLayer {
  readonly mark: Mark;
  readonly layer: Layer;
}

/** The layers of both: those of the first that the second has not, those of the second that are new, and the others. */
export function layersOf(from: ManifestDetails, to: ManifestDetails): MarkedLayer[] {
  const [before, after] = [digestsOf(from), digestsOf(to)];
  const removed = from.layers.filter(({ digest }) => digest !== null && !after.has(digest));
  const kept = to.layers.filter(({ digest }) => digest !== null);
  return [
    ...kept.map((layer): MarkedLayer => {
      return { mark: before.has(layer.digest) ? "same" : "added", layer };
    }),
    ...removed.map((layer): MarkedLayer => ({ mark: "removed", layer })),
  ];
}

function digestsOf({ layers }: ManifestDetails): Set<string | null> {
  return new Set(layers.map(({ digest }) => digest));
}

/** The bytes of the layers with a mark, each counted once. */
export function bytesOf(layers: readonly MarkedLayer[], mark: Mark): number {
  const sizes = layers
    .filter((one) => one.mark === mark)
    .map(({ layer }) => [layer.digest, layer.size ?? 0] as const);
  return [...new Map(sizes).values()].reduce((sum, size) => sum + size, 0);
}

export interface Setting {
  /** As a Dockerfile calls it: "ENV PATH". */
  readonly name: string;
  /** null: the image does not have it. */
  readonly from: string | null;
  readonly to: string | null;
}

/** The settings that differ, those that only one image has among them. */
export function settingsOf(from: ImageConfig | null, to: ImageConfig | null): Setting[] {
  const [before, after] = [valuesOf(from), valuesOf(to)];
  return [...new Set([...before.keys(), ...after.keys()])]
    .map((name) => ({ name, from: before.get(name) ?? null, to: after.get(name) ?? null }))
    .filter((setting) => setting.from !== setting.to);
}

function valuesOf(image: ImageConfig | null): Map<string, string> {
  if (image === null) return new Map();
  const { entrypoint, cmd, user, workingDir, ports, volumes, stopSignal } = image;
  const platform = [image.os, image.architecture, image.variant].filter((part) => part !== null);
  const settings: readonly Named<string | null>[] = [
    ["PLATFORM", platform.join("/")],
    ["ENTRYPOINT", listed(entrypoint)],
    ["CMD", listed(cmd)],
    ["USER", user],
    ["WORKDIR", workingDir],
    ["EXPOSE", ports.toSorted().join(" ")],
    ["VOLUME", volumes.toSorted().join(" ")],
    ["STOPSIGNAL", stopSignal],
    ...image.env.map((variable) => {
      const at = variable.indexOf("=");
      return at < 0
        ? ([`ENV ${variable}`, ""] as const)
        : ([`ENV ${variable.slice(0, at)}`, variable.slice(at + 1)] as const);
    }),
    ...Object.entries<string>(image.labels).map(
      ([label, value]) => [`LABEL ${label}`, value] as const,
    ),
  ];
  return new Map(settings.filter(isSet));
}

type Named<Value> = readonly [name: string, value: Value];

/** Whether the image has the setting: variables and labels may be empty. */
function isSet(setting: Named<string | null>): setting is Named<string> {
  const [name, value] = setting;
  return value !== null && (value !== "" || /^(?:ENV|LABEL) /.test(name));
}

function listed(words: readonly string[]): string {
  return words.length === 0 ? "" : JSON.stringify(words);
}
