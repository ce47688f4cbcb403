/** A retention policy as its editor has it: sentences, each of which is a rule of the API's policy. */

/** Which images a rule is for, by their tags. */
export type Images = "any" | "untagged" | "tagged";

/** Which of these images: "all" is for rules that keep. */
export type Which = "all" | "newest" | "pushed" | "pulled";

export interface Sentence {
  readonly id: number;
  readonly action: "expire" | "keep";
  readonly images: Images;
  /** Patterns over tags, separated by spaces; an image has a tag for each. */
  readonly tags: string;
  readonly which: Which;
  /** Images or days. */
  readonly number: string;
  readonly orderBy: "pushed" | "semver";
  /** A rule that no sentence says, such as one with an archive: it stays as it is. */
  readonly raw: RawRule | null;
}

type RawRule = Readonly<Record<string, unknown>>;
export type Policy = Readonly<Record<string, unknown>>;

let lastId = 0;

/** A new sentence: the most common one. */
export function newSentence(): Sentence {
  return {
    id: ++lastId,
    action: "expire",
    images: "untagged",
    tags: "",
    which: "pushed",
    number: "14",
    orderBy: "pushed",
    raw: null,
  };
}

const EXPIRE_COUNTS: Readonly<Record<string, Which>> = {
  imageCountMoreThan: "newest",
  sinceImagePushed: "pushed",
  sinceImagePulled: "pulled",
};
const KEEP_COUNTS: Readonly<Record<string, Which>> = {
  mostRecent: "newest",
  pushedWithin: "pushed",
  pulledWithin: "pulled",
};

/** Reads a policy that the API stores, so one that it accepts. */
export function sentencesOf(policy: Policy | null): Sentence[] {
  const rules = Array.isArray(policy?.["rules"]) ? (policy["rules"] as StoredRule[]) : [];
  return rules
    .toSorted((a, b) => a.rulePriority - b.rulePriority)
    .map((rule) => sentenceOf(rule) ?? { ...newSentence(), raw: { ...rule } });
}

interface StoredRule {
  readonly rulePriority: number;
  readonly selection: {
    readonly tagStatus: Images;
    readonly tagPatternList?: readonly string[];
    readonly tagPrefixList?: readonly string[];
    readonly storageClass?: string;
    readonly countType?: string;
    readonly countNumber?: number;
    readonly orderBy?: "pushed" | "semver";
  };
  readonly action: { readonly type: string };
}

function sentenceOf({ selection, action: { type } }: StoredRule): Sentence | null {
  if (type !== "expire" && type !== "keep") return null;
  const { tagStatus, tagPatternList, tagPrefixList, storageClass, countType } = selection;
  const counts = type === "keep" ? KEEP_COUNTS : EXPIRE_COUNTS;
  const which = countType === undefined && type === "keep" ? "all" : counts[countType ?? ""];
  const patterns = tagPatternList ?? tagPrefixList?.map((prefix) => `${prefix}*`) ?? [];
  const isOther = storageClass === "archive" || patterns.some((pattern) => /\s/.test(pattern));
  if (which === undefined || isOther) return null;
  return {
    ...newSentence(),
    action: type,
    images: tagStatus,
    tags: patterns.join(" "),
    which,
    number: String(selection.countNumber ?? ""),
    orderBy: selection.orderBy ?? "pushed",
  };
}

/** Writes the policy that the sentences say; the first has the lowest number. */
export function policyOf(sentences: readonly Sentence[]): Policy {
  return {
    rules: sentences.map((sentence, index) => ({
      ...(sentence.raw ?? ruleOf(sentence)),
      rulePriority: index + 1,
    })),
  };
}

function ruleOf({ action, images, tags, which, number, orderBy }: Sentence): RawRule {
  const names = Object.entries(action === "keep" ? KEEP_COUNTS : EXPIRE_COUNTS);
  const countType = names.find(([, one]) => one === which)?.[0];
  const isByVersion = which === "newest" && orderBy === "semver" && images !== "untagged";
  return {
    selection: {
      tagStatus: images,
      ...(images === "tagged" ? { tagPatternList: tags.trim().split(/\s+/) } : {}),
      ...(countType === undefined ? {} : { countType, countNumber: Number(number) }),
      ...(which === "pushed" || which === "pulled" ? { countUnit: "days" } : {}),
      ...(isByVersion ? { orderBy } : {}),
    },
    action: { type: action },
  };
}
