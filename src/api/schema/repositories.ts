/** Repositories, and what is in them. */
import * as v from "valibot";
import { isLine } from "../../oci/line.ts";
import { isWebLink, LINK_LABELS } from "../../oci/link.ts";
import {
  count,
  description,
  immutableTags,
  someCount,
  someTime,
  TagRule,
  text,
  time,
  version,
  visibility,
} from "./common.ts";

const MAX_README = 64 * 1024;
const MAX_LABELS = 64;
/** The most characters of all labels together, as JSON: a page has the labels of a thousand repositories. */
const MAX_LABELS_LENGTH = 4096;

const labels = v.pipe(
  // Not v.record: it accepts an array, and ignores keys such as "constructor".
  v.custom<Record<string, string>>(
    isLabels,
    `must map at most ${MAX_LABELS} names to texts without control characters, in at most ${MAX_LABELS_LENGTH} characters of JSON`,
  ),
  v.check(
    hasWebLinks,
    `${LINK_LABELS.join(", ")}: write an address that begins with https:// or http://`,
  ),
  v.metadata({
    type: "object",
    additionalProperties: { type: "string" },
    maxProperties: MAX_LABELS,
    description: `Together at most ${MAX_LABELS_LENGTH} characters of JSON.`,
  }),
);

const changeable = {
  visibility: v.optional(visibility),
  description: v.optional(description),
  readme: v.optional(
    v.pipe(
      text,
      v.maxBytes(MAX_README),
      v.check(isReadme, "write it without control characters other than line ends and tabs"),
      v.description("At most 64 KiB of UTF-8; Markdown."),
    ),
  ),
  labels: v.optional(labels),
  immutableTags: v.optional(immutableTags),
};

export const Repository = v.object({
  name: text,
  visibility,
  description: text,
  labels: v.record(text, text),
  createdAt: time,
  version,
});
export type Repository = v.InferOutput<typeof Repository>;

export const RepositoryDetail = v.object({
  ...Repository.entries,
  readme: text,
  immutableTags: v.array(TagRule),
  inheritedImmutableTags: v.pipe(
    v.array(TagRule),
    v.description("Those of the namespace hold as well."),
  ),
  size: v.pipe(
    someCount,
    v.description("The bytes of its blobs, each once. null, as below: more than 10 000 to count."),
  ),
  tags: someCount,
  manifests: someCount,
});
export type RepositoryDetail = v.InferOutput<typeof RepositoryDetail>;

/** A repository that a search found. */
export const FoundRepository = v.object({
  ...Repository.entries,
  updatedAt: v.pipe(
    someTime,
    v.description("When a manifest was last pushed or restored; null: it has none."),
  ),
  tags: v.pipe(someCount, v.description("null: more than 100 to count.")),
});
export type FoundRepository = v.InferOutput<typeof FoundRepository>;

/** What a page of a search has beside its items. */
export const searchTotals = {
  matches: v.pipe(
    count,
    v.description("How many repositories match, at most 1000: these are sorted and shown."),
  ),
  complete: v.pipe(
    v.boolean(),
    v.description("Whether these are all. Else further words narrow the search."),
  ),
};

export const NewRepository = v.strictObject({ name: text, ...changeable });
export const RepositoryChange = v.strictObject(changeable);

/** Returns whether all lines are printable. A line may end in CR LF; a CR alone would overwrite text on a terminal. */
function isReadme(given: string): boolean {
  return isLine(given.replaceAll(/\r?\n|\t/g, " "));
}

function hasWebLinks(given: Readonly<Record<string, string>>): boolean {
  return LINK_LABELS.every((key) => {
    const link = Object.hasOwn(given, key) ? given[key] : undefined;
    return link === undefined || isWebLink(link);
  });
}

function isLabels(value: unknown): boolean {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const entries = Object.entries(value);
  return (
    entries.length <= MAX_LABELS &&
    entries.every(
      ([key, label]) => key !== "" && isLine(key) && typeof label === "string" && isLine(label),
    ) &&
    JSON.stringify(value).length <= MAX_LABELS_LENGTH
  );
}
