/** Retention policies: what ECR accepts is accepted, and faults are named. */
import { describe, expect, test } from "vitest";
import { RegistryError } from "../../src/oci/errors.ts";
import { parsePolicy } from "../../src/retention/policy.ts";
import docs from "../../docs/retention.md?raw";

type Json = Record<string, unknown>;

const SELECTION = { tagStatus: "any", countType: "imageCountMoreThan", countNumber: 1 };
const RULE = { rulePriority: 1, selection: SELECTION, action: { type: "expire" } };
const DAYS = { countType: "sinceImagePushed", countUnit: "days", countNumber: 14 };
const TAGGED = {
  tagStatus: "tagged",
  tagPatternList: ["v*"],
  countType: "imageCountMoreThan",
  countNumber: 1,
};
const KEEP = { type: "keep" };

/** A policy of one rule, with some of its fields replaced; `undefined` leaves them out. */
function policy(fields: Json): Json {
  return { rules: [{ ...RULE, ...fields }] };
}

function selecting(fields: Json, of: Json = SELECTION): Json {
  return policy({ selection: { ...of, ...fields } });
}

function keeping(fields: Json): Json {
  return policy({ selection: { tagStatus: "any", ...fields }, action: KEEP });
}

function rules(...selections: Json[]): Json {
  return {
    rules: selections.map((selection, i) => ({ ...RULE, rulePriority: i + 1, selection })),
  };
}

function faultOf(value: unknown): { field: string; message: string } {
  try {
    parsePolicy(JSON.parse(JSON.stringify(value)));
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
    expect(error).toMatchObject({ status: 400, reason: "FIELD_INVALID" });
    const [fault] = error.detail as [{ field: string; message: string }];
    expect(error.message).toBe(
      fault.field === "" ? fault.message : `${fault.field}: ${fault.message}`,
    );
    return fault;
  }
  throw new Error("it was taken");
}

function texts(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `v${i}`);
}

function patterns(count: number): Json {
  return { ...TAGGED, tagPatternList: texts(count) };
}

const S = "rules[0].selection";

describe("what is wrong", () => {
  test.each<[unknown, string, string]>([
    [[], "", "must be a JSON object"],
    ["x", "", "must be a JSON object"],
    [{}, "rules", "a list of rules is missing"],
    [{ rules: {} }, "rules", "a list of rules is missing"],
    [{ rules: [] }, "rules", "write at least one rule"],
    [{ rules: [RULE], version: 1 }, "version", "there is no such field"],
    [{ rules: Array.from({ length: 51 }, () => RULE) }, "rules", "at most 50 rules"],
    [policy({ description: "x".repeat(30_720) }), "", "at most 30720 characters"],
    [{ rules: [1] }, "rules[0]", "must be a JSON object"],
    [policy({ name: "x" }), "rules[0].name", "there is no such field"],
    [policy({ rulePriority: undefined }), "rules[0].rulePriority", "from 1 on"],
    [policy({ rulePriority: 0 }), "rules[0].rulePriority", "from 1 on"],
    [policy({ rulePriority: 1.5 }), "rules[0].rulePriority", "from 1 on"],
    [policy({ rulePriority: "1" }), "rules[0].rulePriority", "from 1 on"],
    [policy({ description: 1 }), "rules[0].description", "must be a text"],
    [policy({ action: undefined }), "rules[0].action", "must be a JSON object"],
    [
      policy({ action: { type: "delete" } }),
      "rules[0].action.type",
      '"expire" or "transition" or "keep"',
    ],
    [policy({ action: {} }), "rules[0].action.type", '"expire"'],
    [policy({ action: { type: "expire", after: 1 } }), "rules[0].action.after", "no such field"],
    [policy({ action: { type: "transition" } }), "rules[0].action.targetStorageClass", '"archive"'],
    [
      policy({ action: { type: "expire", targetStorageClass: "archive" } }),
      "rules[0].action.targetStorageClass",
      "for transition rules only",
    ],
    [policy({ selection: undefined }), S, "must be a JSON object"],
    [selecting({ tags: ["x"] }), `${S}.tags`, "there is no such field"],
    [selecting({ tagStatus: "TAGGED" }), `${S}.tagStatus`, '"tagged" or "untagged" or "any"'],
    [selecting({ tagStatus: undefined }), `${S}.tagStatus`, "write"],
    [selecting({ tagPatternList: ["*"] }), `${S}.tagPatternList`, '"tagged" only'],
    [
      selecting({ tagStatus: "untagged", tagPrefixList: ["v"] }),
      `${S}.tagPrefixList`,
      '"tagged" only',
    ],
    [selecting({ tagStatus: "tagged" }), `${S}.tagPatternList`, "needs a list"],
    [selecting({ tagPatternList: [] }, TAGGED), `${S}.tagPatternList`, "needs a list"],
    [selecting({ tagPatternList: "v*" }, TAGGED), `${S}.tagPatternList`, "needs a list"],
    [selecting({ tagPatternList: ["v*", ""] }, TAGGED), `${S}.tagPatternList[1]`, "1 to 128"],
    [selecting({ tagPatternList: [7] }, TAGGED), `${S}.tagPatternList[0]`, "1 to 128"],
    [
      selecting({ tagPatternList: ["x".repeat(129)] }, TAGGED),
      `${S}.tagPatternList[0]`,
      "1 to 128",
    ],
    // The documentation's own examples of four and more.
    [
      selecting({ tagPatternList: ["test*1*2*3*4*5*6"] }, TAGGED),
      `${S}.tagPatternList[0]`,
      'more than 4 "*"',
    ],
    [selecting({ tagPrefixList: ["v"] }, TAGGED), `${S}.tagPrefixList`, "not both"],
    [
      selecting({ tagPatternList: undefined, tagPrefixList: [""] }, TAGGED),
      `${S}.tagPrefixList[0]`,
      "1 to 128",
    ],
    [selecting({ countType: undefined }), `${S}.countType`, "imageCountMoreThan"],
    [selecting({ countType: "mostRecent" }), `${S}.countType`, "of expire rules"],
    [selecting({ countType: "olderThan" }), `${S}.countType`, "sinceImagePulled"],
    [selecting({ countNumber: undefined }), `${S}.countNumber`, "from 1 on"],
    [selecting({ countNumber: 0 }), `${S}.countNumber`, "from 1 on"],
    [selecting({ countNumber: -1 }), `${S}.countNumber`, "from 1 on"],
    [selecting({ countNumber: "5" }), `${S}.countNumber`, "from 1 on"],
    [selecting({ countUnit: "days" }), `${S}.countUnit`, "not for imageCountMoreThan"],
    [selecting({ ...DAYS, countUnit: undefined }), `${S}.countUnit`, 'must be "days"'],
    [selecting({ ...DAYS, countUnit: "hours" }), `${S}.countUnit`, 'must be "days"'],
    [selecting({ ...DAYS, orderBy: "semver" }), `${S}.orderBy`, "not for sinceImagePushed"],
    [selecting({ orderBy: "name" }), `${S}.orderBy`, '"pushed" or "semver"'],
    [selecting({ tagStatus: "untagged", orderBy: "semver" }), `${S}.orderBy`, "no version"],
    [selecting({ countNumber: 1_001, orderBy: "semver" }), "rules", "1000 images together"],
    [selecting({ storageClass: "glacier" }), `${S}.storageClass`, '"standard" or "archive"'],
    [selecting({ storageClass: 1 }), `${S}.storageClass`, '"standard" or "archive"'],
    [selecting({ storageClass: "archive" }), `${S}.storageClass`, "need one another"],
    [
      selecting({ ...DAYS, countType: "sinceImageTransitioned", countNumber: 90 }),
      `${S}.storageClass`,
      "need one another",
    ],
    [
      selecting({
        ...DAYS,
        countType: "sinceImageTransitioned",
        storageClass: "archive",
        countNumber: 89,
      }),
      `${S}.countNumber`,
      "at least 90",
    ],
    [
      policy({
        selection: {
          ...SELECTION,
          ...DAYS,
          countType: "sinceImageTransitioned",
          storageClass: "archive",
          countNumber: 90,
        },
        action: { type: "transition", targetStorageClass: "archive" },
      }),
      `${S}.countType`,
      "for expire rules only",
    ],
    [
      keeping({ countType: "imageCountMoreThan", countNumber: 1 }),
      `${S}.countType`,
      "of keep rules",
    ],
    [
      keeping({ countType: "sinceImagePushed" }),
      `${S}.countType`,
      '"mostRecent" or "pushedWithin"',
    ],
    [keeping({ countNumber: 5 }), `${S}.countNumber`, "keeps all"],
    [keeping({ orderBy: "semver" }), `${S}.orderBy`, "keeps all"],
    [keeping({ countType: "pushedWithin", countNumber: 5 }), `${S}.countUnit`, '"days"'],
    [rules(SELECTION, TAGGED), "rules[0].rulePriority", 'tagStatus "any" comes last'],
    [rules(SELECTION, SELECTION), "rules[0].rulePriority", "comes last"],
    [
      rules(
        { ...SELECTION, tagStatus: "untagged" },
        { ...SELECTION, ...DAYS, tagStatus: "untagged" },
      ),
      "rules[1].selection.tagStatus",
      'only one rule may be for "untagged"',
    ],
    [
      rules(
        { ...TAGGED, tagPatternList: undefined, tagPrefixList: ["a", "b"] },
        { ...TAGGED, tagPatternList: undefined, tagPrefixList: ["b", "a", "b"] },
      ),
      "rules[1].selection.tagPrefixList",
      "same prefixes",
    ],
    [
      {
        rules: [
          { ...RULE, selection: TAGGED },
          { ...RULE, selection: SELECTION },
        ],
      },
      "rules[1].rulePriority",
      "1 is another rule's",
    ],
    [
      rules(patterns(60), { ...TAGGED, tagPatternList: undefined, tagPrefixList: texts(41) }),
      "rules",
      "at most 100 patterns and prefixes",
    ],
    [policy({ selection: patterns(101) }), "rules", "at most 100 patterns"],
  ])("%j", (value, field, message) => {
    const fault = faultOf(value);
    expect(fault.field).toBe(field);
    expect(fault.message).toContain(message);
  });
});

describe("what is right", () => {
  test.each<[string, unknown]>([
    [
      "four stars in each pattern",
      selecting({ tagPatternList: ["*test*1*2*3", "test*1*2*3*"] }, TAGGED),
    ],
    [
      "numbers with gaps, in any order",
      {
        rules: [
          { ...RULE, rulePriority: 90 },
          { ...RULE, rulePriority: 4, selection: TAGGED },
        ],
      },
    ],
    ["a class that is the usual one", selecting({ storageClass: "standard" })],
    [
      "the last pull with expire, which ECR has only with transition",
      selecting({ ...DAYS, countType: "sinceImagePulled" }),
    ],
    ["the same patterns twice", rules(TAGGED, TAGGED)],
    [
      "keep rules after a rule for any",
      {
        rules: [RULE, { ...RULE, rulePriority: 2, action: KEEP, selection: { tagStatus: "any" } }],
      },
    ],
    [
      "several keep rules for any",
      {
        rules: [1, 2].map((rulePriority) => ({
          rulePriority,
          action: KEEP,
          selection: { tagStatus: "any" },
        })),
      },
    ],
    ["a description in any language", policy({ description: "alte Bilder – 古い" })],
    [
      "30,720 characters",
      policy({
        description: "x".repeat(30_720 - JSON.stringify(policy({ description: "" })).length),
      }),
    ],
    [
      "fifty rules",
      rules(...Array.from({ length: 50 }, (_, i) => ({ ...TAGGED, tagPatternList: [`v${i}*`] }))),
    ],
    ["a thousand versions", selecting({ countNumber: 1_000, orderBy: "semver" })],
  ])("%s", (_, value) => {
    expect(() => parsePolicy(value)).not.toThrow();
  });

  test("is read in the order of the numbers", () => {
    const { rules: read, warnings } = parsePolicy({
      rules: [
        { ...RULE, rulePriority: 9, description: "last" },
        { ...RULE, rulePriority: 2, selection: { ...TAGGED, orderBy: "semver" } },
        {
          rulePriority: 5,
          selection: {
            tagStatus: "untagged",
            countType: "pulledWithin",
            countUnit: "days",
            countNumber: 3,
          },
          action: KEEP,
        },
      ],
    });
    expect(warnings).toEqual([]);
    expect(read).toEqual([
      {
        priority: 2,
        description: "",
        tags: { status: "tagged", patterns: ["v*"] },
        action: "expire",
        count: { type: "imageCountMoreThan", number: 1, orderBy: "semver" },
      },
      {
        priority: 5,
        description: "",
        tags: { status: "untagged" },
        action: "keep",
        count: { type: "pulledWithin", days: 3 },
      },
      {
        priority: 9,
        description: "last",
        tags: { status: "any" },
        action: "expire",
        count: { type: "imageCountMoreThan", number: 1, orderBy: "pushed" },
      },
    ]);
  });

  test("100 patterns and prefixes, however often each is written in a rule", () => {
    const prefixes = { ...TAGGED, tagPatternList: undefined, tagPrefixList: texts(40) };
    const twice = { ...TAGGED, tagPatternList: [...texts(60), ...texts(60)] };
    const { rules: read } = parsePolicy(JSON.parse(JSON.stringify(rules(twice, prefixes))));
    expect(read.map(({ tags }) => tags)).toEqual([
      { status: "tagged", patterns: texts(60) },
      { status: "tagged", prefixes: texts(40) },
    ]);
    const same = Array.from({ length: 4_200 }, () => "*z");
    expect(parsePolicy(rules({ ...TAGGED, tagPatternList: same })).rules).toMatchObject([
      { tags: { patterns: ["*z"] } },
    ]);
  });

  test("rules that mean nothing here are told of", () => {
    const { rules: read, warnings } = parsePolicy({
      rules: [
        { ...RULE, action: { type: "transition", targetStorageClass: "archive" } },
        {
          ...RULE,
          rulePriority: 2,
          selection: {
            tagStatus: "any",
            storageClass: "archive",
            countType: "sinceImageTransitioned",
            countUnit: "days",
            countNumber: 365,
          },
        },
      ],
    });
    expect(read.map(({ priority }) => priority)).toEqual([1]);
    expect(warnings).toEqual([
      expect.stringContaining("rule 1 changes nothing: there is no archive here"),
      expect.stringContaining("rule 2 does nothing"),
    ]);
  });
});

test("the policies in the documentation are right", () => {
  const blocks = [...docs.matchAll(/```json\n([^]*?)```/g)].map(([, block = ""]) => block);
  expect(blocks.length).toBeGreaterThan(0);
  for (const block of blocks) expect(parsePolicy(JSON.parse(block)).warnings).toEqual([]);
});
