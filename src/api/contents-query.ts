/** The fields of queries for what is in a repository, and the cursors of these lists. */
import { MANIFEST_KINDS } from "../oci/manifest-kind.ts";
import { isDigest } from "../oci/digest.ts";
import { isTag } from "../oci/reference.ts";
import { versionKey } from "../oci/version-key.ts";
import type { Place } from "../db/list-walk.ts";
import { TAG_SORTS, type TagSort } from "../db/tag-lists.ts";
import { RegistryError } from "../oci/errors.ts";
import { invalid } from "../http/input.ts";
import type { QueryField } from "./endpoint.ts";
import { textField } from "./query.ts";

/** One of several words; the first one if it is left out. */
export function oneOf<const Word extends string>(
  name: string,
  words: readonly [Word, ...Word[]],
  description: string,
): QueryField<Word> {
  return {
    name,
    schema: { enum: words, default: words[0], description },
    parse: (given) => wordIn(name, words, given) ?? words[0],
  };
}

/** One of several words; null if it is left out. */
export function someWord<const Word extends string>(
  name: string,
  words: readonly Word[],
  description: string,
): QueryField<Word | null> {
  return {
    name,
    schema: { enum: words, description },
    parse: (given) => wordIn(name, words, given),
  };
}

function wordIn<Word extends string>(
  name: string,
  words: readonly Word[],
  given: string | null,
): Word | null {
  if (given === null) return null;
  const word = words.find((one) => one === given);
  if (word === undefined) throw invalid(name, `must be one of ${words.join(", ")}`);
  return word;
}

const ORDER = oneOf("order", ["asc", "desc"], "Ascending or descending.");

export const TAG_LIST = {
  sort: oneOf(
    "sort",
    TAG_SORTS,
    "version: by semver.org's precedence, and what is no version before all versions. pulls: by all that are counted.",
  ),
  order: ORDER,
  filter: textField("filter", {
    maxLength: 128,
    description:
      "A part of the name, in any case. A page looks at 10000 tags, so it may be short, or empty, before the end: go on while there is `next`.",
  }),
  attachments: someWord(
    "attachments",
    ["show", "hide"],
    "Tags such as sha256-….sig, which belong to other images. By name they are listed unless hidden; in any other order they never are.",
  ),
} as const satisfies Readonly<Record<string, QueryField>>;

export const MANIFEST_LIST = {
  sort: oneOf("sort", ["digest", "pushed"], "pushed: by the last push."),
  order: ORDER,
  kind: someWord(
    "kind",
    MANIFEST_KINDS,
    "What the manifest is for. A page looks at 10000 manifests, so it may be short, or empty, before the end: go on while there is `next`.",
  ),
  tagged: {
    name: "tagged",
    schema: { type: "boolean", description: "Only those with a tag, or only those without." },
    parse: (given: string | null): boolean | null => {
      const word = wordIn("tagged", ["true", "false"] as const, given);
      return word === null ? null : word === "true";
    },
  },
} as const satisfies Readonly<Record<string, QueryField>>;

/** Returns whether a list has the tags of attachments. @throws REQUEST_INVALID */
export function withAttachments(sort: TagSort, given: "show" | "hide" | null): boolean {
  if (sort === "name") return given !== "hide";
  if (given !== "show") return false;
  throw new RegistryError("REQUEST_INVALID", {
    message:
      "tags of signatures and the like are listed by name alone: leave attachments=show out, or sort=" +
      sort,
  });
}

/** Makes the cursor after a tag. */
export function tagCursor(sort: TagSort, { key, name }: Place): string {
  return isNumeric(sort) ? `${key}:${name}` : name;
}

/** Reads it; no tag has a colon. @throws FIELD_INVALID */
export function tagPlace(sort: TagSort, after: string): Place | null {
  if (after === "") return null;
  if (sort === "name") return { key: null, name: after };
  if (sort === "version") {
    if (isTag(after)) return { key: versionKey(after), name: after };
    throw notOfThisList();
  }
  const [, key = "", name = ""] = /^(-?\d{1,15}):(.*)$/.exec(after) ?? [];
  if (key === "" || !isTag(name)) throw notOfThisList();
  return { key: Number(key), name };
}

/** Makes the cursor after a manifest. */
export function manifestCursor({ key, name }: Place): string {
  return key === null ? name : `${key}@${name}`;
}

/** @throws FIELD_INVALID */
export function manifestPlace(sort: "digest" | "pushed", after: string): Place | null {
  if (after === "") return null;
  if (sort === "digest") return { key: null, name: after };
  const [, key = "", name = ""] = /^(\d{1,15})@(.*)$/.exec(after) ?? [];
  if (key === "" || !isDigest(name)) throw notOfThisList();
  return { key: Number(key), name };
}

function isNumeric(sort: TagSort): boolean {
  return sort !== "name" && sort !== "version";
}

function notOfThisList() {
  return invalid("after", "is no `next` of a list in this order");
}
