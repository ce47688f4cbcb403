import { RegistryError } from "../oci/errors.ts";

/** The images that a rule selects, by their tags. */
export type TagSelection =
  | { readonly status: "any" | "untagged" }
  /** One of the image's tags has to match each of these. */
  | {
      readonly status: "tagged";
      readonly patterns?: readonly string[];
      readonly prefixes?: readonly string[];
    };

export type Order = "pushed" | "semver";

/** The images among these that the rule applies to. */
export type Count =
  | {
      readonly type: "imageCountMoreThan" | "mostRecent";
      readonly number: number;
      readonly orderBy: Order;
    }
  | {
      readonly type: "sinceImagePushed" | "sinceImagePulled" | "pushedWithin" | "pulledWithin";
      readonly days: number;
    };

interface Common {
  readonly priority: number;
  readonly description: string;
  readonly tags: TagSelection;
}

/**
 * `transition` is for an archive, which does not exist here: it deletes nothing, but no later rule takes its images.
 */
export type ExpireRule = Common & {
  readonly action: "expire" | "transition";
  readonly count: Count;
};
/** A rule that keeps images; without a count it keeps all of them. */
export type KeepRule = Common & { readonly action: "keep"; readonly count: Count | null };
export type Rule = ExpireRule | KeepRule;

/** A rule, with what is needed to check all rules together. */
export interface ReadRule {
  readonly rule: Rule;
  readonly place: string;
  /** Whether the rule is for the archive storage class, which no image here is in. */
  readonly isArchived: boolean;
}

/** Parses and checks a rule. @throws FIELD_INVALID that names the field */
export function readRule(value: unknown, place: string): ReadRule {
  const fields = fieldsOf(value, place, ["rulePriority", "description", "selection", "action"]);
  const { rulePriority: priority, description = "" } = fields;
  if (!isWhole(priority)) {
    throw fault(`${place}.rulePriority`, "a whole number from 1 on is missing");
  }
  if (typeof description !== "string") throw fault(`${place}.description`, "must be a text");
  const action = readAction(fields["action"], `${place}.action`);
  const at = `${place}.selection`;
  const selection = fieldsOf(fields["selection"], at, SELECTION);
  const tags = readTags(selection, at);
  const count = readCount(selection, at, action);
  const isArchived = isInArchive(selection, at, action);
  const common = { priority, description, tags };
  if (action === "keep") return { rule: { ...common, action, count }, place, isArchived };
  if (count === null) throw fault(`${at}.countType`, `is missing: ${oneOf(EXPIRE_COUNTS)}`);
  return { rule: { ...common, action, count }, place, isArchived };
}

const SELECTION = [
  "tagStatus",
  "tagPatternList",
  "tagPrefixList",
  "storageClass",
  "countType",
  "countUnit",
  "countNumber",
  "orderBy",
] as const;
const ACTIONS = ["expire", "transition", "keep"] as const;
const EXPIRE_COUNTS = [
  "imageCountMoreThan",
  "sinceImagePushed",
  "sinceImagePulled",
  "sinceImageTransitioned",
] as const;
const KEEP_COUNTS = ["mostRecent", "pushedWithin", "pulledWithin"] as const;
/** ECR's minimum, in days: an image in the archive is charged for that long anyway. */
const MIN_ARCHIVE_DAYS = 90;

type Action = (typeof ACTIONS)[number];
type Fields = Readonly<Record<string, unknown>>;

function readAction(value: unknown, place: string): Action {
  const { type, targetStorageClass } = fieldsOf(value, place, ["type", "targetStorageClass"]);
  const action = ACTIONS.find((known) => known === type);
  if (action === undefined) throw fault(`${place}.type`, oneOf(ACTIONS));
  if (action === "transition" && targetStorageClass !== "archive") {
    throw fault(`${place}.targetStorageClass`, 'of a transition must be "archive"');
  }
  if (action !== "transition" && targetStorageClass !== undefined) {
    throw fault(`${place}.targetStorageClass`, "is for transition rules only");
  }
  return action;
}

const MAX_STARS = 4;
const MAX_TAG = 128;

function readTags(selection: Fields, at: string): TagSelection {
  const { tagStatus: status, tagPatternList, tagPrefixList } = selection;
  const lists = { patterns: tagPatternList, prefixes: tagPrefixList };
  if (status === "any" || status === "untagged") {
    const list = tagPatternList === undefined ? "tagPrefixList" : "tagPatternList";
    if (tagPatternList === undefined && tagPrefixList === undefined) return { status };
    throw fault(`${at}.${list}`, 'is for rules with tagStatus "tagged" only');
  }
  if (status !== "tagged") throw fault(`${at}.tagStatus`, oneOf(["tagged", "untagged", "any"]));
  if (lists.patterns !== undefined && lists.prefixes !== undefined) {
    throw fault(`${at}.tagPrefixList`, "write either tagPatternList or tagPrefixList, not both");
  }
  if (lists.prefixes !== undefined) {
    return { status, prefixes: readList(lists.prefixes, `${at}.tagPrefixList`) };
  }
  const patterns = readList(lists.patterns, `${at}.tagPatternList`);
  const wild = patterns.findIndex((pattern) => pattern.split("*").length - 1 > MAX_STARS);
  if (wild === -1) return { status, patterns };
  throw fault(`${at}.tagPatternList[${wild}]`, `has more than ${MAX_STARS} "*"`);
}

function readList(value: unknown, place: string): string[] {
  if (!Array.isArray(value) || value.length === 0) {
    throw fault(place, 'a rule with tagStatus "tagged" needs a list of at least one text');
  }
  const wrong = value.findIndex(
    (text: unknown) => typeof text !== "string" || text === "" || text.length > MAX_TAG,
  );
  if (wrong === -1) return [...new Set(value as string[])];
  throw fault(`${place}[${wrong}]`, `must be a text of 1 to ${MAX_TAG} characters`);
}

function readCount(selection: Fields, at: string, action: Action): Count | null {
  const { countType: type, countUnit: unit, countNumber: number, orderBy } = selection;
  if (type === undefined && action === "keep") {
    const extra = ["countUnit", "countNumber", "orderBy"].find(
      (key) => selection[key] !== undefined,
    );
    if (extra === undefined) return null;
    throw fault(`${at}.${extra}`, "without a countType a keep rule keeps all: leave it out");
  }
  const types: readonly string[] = action === "keep" ? KEEP_COUNTS : EXPIRE_COUNTS;
  if (typeof type !== "string" || !types.includes(type)) {
    throw fault(`${at}.countType`, `of ${action} rules: ${oneOf(types)}`);
  }
  if (!isWhole(number)) throw fault(`${at}.countNumber`, "must be a whole number from 1 on");
  const isNumber = type === "imageCountMoreThan" || type === "mostRecent";
  if (isNumber && unit !== undefined) throw fault(`${at}.countUnit`, `is not for ${type}`);
  if (!isNumber && unit !== "days") throw fault(`${at}.countUnit`, `of ${type} must be "days"`);
  if (!isNumber && orderBy !== undefined) throw fault(`${at}.orderBy`, `is not for ${type}`);
  if (isNumber) return { type, number, orderBy: readOrder(orderBy, at, selection) };
  if (type === "sinceImageTransitioned" && number < MIN_ARCHIVE_DAYS) {
    throw fault(`${at}.countNumber`, `of ${type} must be at least ${MIN_ARCHIVE_DAYS}`);
  }
  return { type: type as "sinceImagePushed", days: number };
}

function readOrder(value: unknown, at: string, { tagStatus }: Fields): Order {
  if (value === undefined || value === "pushed") return "pushed";
  if (value !== "semver") throw fault(`${at}.orderBy`, oneOf(["pushed", "semver"]));
  if (tagStatus !== "untagged") return value;
  throw fault(`${at}.orderBy`, "what has no tag has no version");
}

function isInArchive({ storageClass, countType }: Fields, at: string, action: Action): boolean {
  if (storageClass !== undefined && storageClass !== "standard" && storageClass !== "archive") {
    throw fault(`${at}.storageClass`, oneOf(["standard", "archive"]));
  }
  const isArchived = storageClass === "archive";
  if (isArchived !== (countType === "sinceImageTransitioned")) {
    throw fault(`${at}.storageClass`, '"archive" and sinceImageTransitioned need one another');
  }
  if (!isArchived || action === "expire") return isArchived;
  throw fault(`${at}.countType`, "sinceImageTransitioned is for expire rules only");
}

/** @throws FIELD_INVALID for a value that is no object, or has an unknown field */
export function fieldsOf<K extends string>(
  value: unknown,
  place: string,
  known: readonly K[],
): Readonly<Record<K, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw fault(place, "must be a JSON object");
  }
  const strange = Object.keys(value).find((key) => !known.includes(key as K));
  if (strange === undefined) return value as Record<K, unknown>;
  const name = strange.slice(0, 100);
  throw fault(place === "" ? name : `${place}.${name}`, "there is no such field");
}

export function fault(field: string, message: string): RegistryError {
  return new RegistryError("FIELD_INVALID", {
    message: field === "" ? message : `${field}: ${message}`,
    detail: [{ field, message }],
  });
}

function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 1;
}

function oneOf(values: readonly string[]): string {
  return `write ${values.map((value) => `"${value}"`).join(" or ")}`;
}
