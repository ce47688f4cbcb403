/** Manifests: good ones, with one or two things changed. */
import { DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST } from "../../src/oci/media-type.ts";
import type { Descriptor } from "../../test/support/images.ts";
import type { Random } from "./random.ts";
import { damage, jsonOf, textOf } from "./values.ts";

const TYPES = [OCI_MANIFEST, OCI_INDEX, DOCKER_MANIFEST, DOCKER_LIST, "application/json", "a/b"];
const FIELDS = [
  "schemaVersion",
  "mediaType",
  "artifactType",
  "config",
  "layers",
  "manifests",
  "blobs",
  "subject",
  "annotations",
  "fsLayers",
  "Layers",
  "__proto__",
];

/** The content of a repository that a manifest can name. */
export interface Content {
  readonly blobs: readonly Descriptor[];
  readonly manifests: readonly Descriptor[];
}

export interface Body {
  readonly text: string;
  readonly type: string;
}

export function manifestOf(random: Random, { blobs, manifests }: Content): Body {
  const names = [...blobs, ...manifests].map(({ digest }) => digest);
  const value: Record<string, unknown> = random.oneIn(3)
    ? { schemaVersion: 2, mediaType: OCI_INDEX, manifests: some(random, manifests) }
    : {
        schemaVersion: 2,
        mediaType: OCI_MANIFEST,
        config: random.pick(blobs),
        layers: some(random, blobs),
      };
  if (random.oneIn(3)) value["subject"] = random.pick(manifests);
  if (random.oneIn(3)) value["annotations"] = { [textOf(random, names)]: textOf(random, names) };
  for (let i = random.below(3); i > 0; i--) change(random, value, names);
  const text = JSON.stringify(value);
  return {
    text: random.oneIn(4) ? damage(random, text) : text,
    type: random.oneIn(2) ? String(value["mediaType"]) : random.pick(TYPES),
  };
}

function some(random: Random, all: readonly Descriptor[]): Descriptor[] {
  const length = random.oneIn(20) ? 2_000 : random.below(4);
  return Array.from({ length }, () => random.pick(all));
}

function change(random: Random, value: Record<string, unknown>, names: readonly string[]): void {
  const field = random.pick(FIELDS);
  // An earlier change may have replaced it by a value of any type.
  const list = value["layers"] ?? value["manifests"];
  const first = Array.isArray(list) ? (list[0] as Record<string, unknown> | null) : null;
  switch (random.below(4)) {
    case 0:
      delete value[field];
      break;
    case 1:
      value[field] = jsonOf(random, names);
      break;
    case 2:
      value[field] = [
        {
          ...first,
          [random.pick(["size", "digest", "mediaType", "data", "urls"])]: jsonOf(random, names),
        },
      ];
      break;
    default:
      value["config"] = { ...first, size: random.pick([-1, 0, 1e15, 0.5]) };
  }
}
