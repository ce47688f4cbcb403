/** The images that each policy leaves of each repository; a preview lists the deletions beforehand. */
import { beforeAll, describe, expect, test } from "vitest";
import {
  ANY,
  ARCHIVE,
  cosignTag,
  days,
  digestFor,
  KEEP,
  knowAllPulls,
  moreThan,
  type Piece,
  policyOf,
  prefixed,
  pulledBefore,
  pushedBefore,
  rule,
  runToEnd,
  Shelf,
  tagged,
  UNTAGGED,
} from "../support/retention.ts";

interface Case {
  readonly name: string;
  readonly pieces: readonly Piece[];
  readonly policy: object;
  /** The deleted manifests, attachments included. */
  readonly gone: readonly string[];
  readonly immutable?: object[];
}

const one = (name: string, tags: string[], pushed: number): Piece => ({ name, tags, pushed });

/** docs.aws.amazon.com/AmazonECR/latest/userguide/lifecycle_policy_examples.html */
const TWO_TAGS = [
  one("A", ["beta-1", "prod-1"], 10),
  one("B", ["beta-2", "prod-2"], 9),
  one("C", ["beta-3"], 8),
];
const SIX = [
  one("A", ["alpha-1"], 12),
  one("B", ["beta-1"], 11),
  one("C", ["alpha-2", "beta-2"], 10),
  one("D", ["alpha-3"], 4),
  one("E", ["beta-3"], 3),
  one("F", ["alpha-4", "beta-4"], 2),
];
const NOT_EXCLUSIVE = [
  one("A", ["alpha-1", "beta-1", "gamma-1"], 10),
  one("B", ["alpha-2", "beta-2"], 9),
  one("C", ["alpha-3", "beta-3", "gamma-2"], 8),
];
const FOUR = [
  one("A", ["alpha-1"], 4),
  one("B", ["beta-1"], 3),
  one("C", [], 2),
  one("D", ["alpha-2"], 1),
];
const MIXED = [
  one("A", ["alpha-1", "beta-1"], 4),
  one("B", [], 3),
  one("C", ["alpha-2"], 2),
  one("D", ["git-hash"], 1.0001),
  one("E", [], 0.9999),
];

const DOCUMENTED: Case[] = [
  {
    name: "filtering on image age",
    pieces: [one("old", ["prod"], 15), one("new", ["prod1"], 13), one("other", ["dev"], 99)],
    policy: policyOf(rule(1, { ...tagged("prod*"), ...pushedBefore(14) })),
    gone: ["old"],
  },
  {
    name: "filtering on last pulled time: there is no archive to move images to",
    pieces: [one("A", ["a"], 100), one("B", [], 100)],
    policy: policyOf(rule(1, { ...ANY, ...pulledBefore(90) }, ARCHIVE)),
    gone: [],
  },
  {
    name: "filtering on archive transition time: nothing is in an archive",
    pieces: [one("A", ["a"], 999), one("B", [], 999)],
    policy: policyOf(
      rule(1, { ...ANY, storageClass: "archive", ...days("sinceImageTransitioned", 365) }),
    ),
    gone: [],
  },
  {
    name: "filtering on image count",
    pieces: [one("A", [], 3), one("B", [], 2), one("C", [], 1), one("tagged", ["t"], 9)],
    policy: policyOf(rule(1, { ...UNTAGGED, ...moreThan(1) })),
    gone: ["A", "B"],
  },
  {
    name: "filtering on multiple rules, example A",
    pieces: TWO_TAGS,
    policy: policyOf(
      rule(1, { ...tagged("prod*"), ...moreThan(1) }),
      rule(2, { ...tagged("beta*"), ...moreThan(1) }),
    ),
    gone: ["A"],
  },
  {
    name: "filtering on multiple rules, example B",
    pieces: TWO_TAGS,
    policy: policyOf(
      rule(1, { ...tagged("beta*"), ...moreThan(1) }),
      rule(2, { ...tagged("prod*"), ...moreThan(1) }),
    ),
    gone: ["A", "B"],
  },
  {
    name: "multiple tags in a single rule, example A",
    pieces: SIX,
    policy: policyOf(rule(1, { ...tagged("alpha*", "beta*"), ...pushedBefore(5) })),
    gone: ["C"],
  },
  {
    name: "multiple tags in a single rule, example A, with prefixes",
    pieces: SIX,
    policy: policyOf(rule(1, { ...prefixed("alpha", "beta"), ...pushedBefore(5) })),
    gone: ["C"],
  },
  {
    name: "multiple tags in a single rule, example B",
    pieces: NOT_EXCLUSIVE,
    policy: policyOf(rule(1, { ...tagged("alpha*", "beta*"), ...moreThan(1) })),
    gone: ["A", "B"],
  },
  {
    name: "filtering on all images, example A",
    pieces: FOUR,
    policy: policyOf(rule(1, { ...ANY, ...moreThan(1) })),
    gone: ["A", "B", "C"],
  },
  {
    name: "filtering on all images, example B",
    pieces: MIXED,
    policy: policyOf(
      rule(1, { ...tagged("alpha*"), ...moreThan(1) }),
      rule(2, { ...UNTAGGED, ...pushedBefore(1) }),
      rule(3, { ...ANY, ...moreThan(1) }),
    ),
    gone: ["A", "B", "D"],
  },
  {
    name: "archiving images older than 30 days",
    pieces: [one("A", ["prod-1"], 31)],
    policy: policyOf(rule(1, { ...tagged("prod*"), ...pushedBefore(30) }, ARCHIVE)),
    gone: [],
  },
  {
    name: "combining archive and expire rules",
    pieces: [one("A", ["a"], 500), one("B", [], 500)],
    policy: policyOf(
      rule(1, { ...ANY, ...pushedBefore(30) }, ARCHIVE),
      rule(2, { ...ANY, storageClass: "archive", ...days("sinceImageTransitioned", 365) }),
    ),
    gone: [],
  },
];

const RULES: Case[] = [
  {
    name: "a transition rule claims its images: a later rule does not expire them",
    pieces: [one("A", ["prod-1"], 50), one("B", ["dev-1"], 50)],
    policy: policyOf(
      rule(1, { ...tagged("prod*"), ...pushedBefore(30) }, ARCHIVE),
      rule(2, { ...ANY, ...pushedBefore(10) }),
    ),
    gone: ["B"],
  },
  {
    name: "an image that a higher rule leaves is left by the lower ones",
    pieces: [one("A", ["v1"], 50), one("B", ["x"], 50)],
    policy: policyOf(
      rule(5, { ...tagged("v*"), ...moreThan(10) }),
      rule(9, { ...ANY, ...pushedBefore(1) }),
    ),
    gone: ["B"],
  },
  {
    name: "rules go by their numbers, not by their places",
    pieces: TWO_TAGS,
    policy: policyOf(
      rule(20, { ...tagged("prod*"), ...moreThan(1) }),
      rule(10, { ...tagged("beta*"), ...moreThan(1) }),
    ),
    gone: ["A", "B"],
  },
  {
    name: "patterns: four stars, in order, and the whole tag",
    pieces: [one("A", ["xtest-1-2-3"], 9), one("B", ["test-3-2-1"], 9), one("C", ["xtest123y"], 9)],
    policy: policyOf(rule(1, { ...tagged("*test*1*2*3"), ...pushedBefore(1) })),
    gone: ["A"],
  },
  {
    name: "a prefix is text: a star in it is in no tag",
    pieces: [one("A", ["prod-1"], 9)],
    policy: policyOf(rule(1, { ...prefixed("p*d"), ...pushedBefore(1) })),
    gone: [],
  },
  {
    name: "what is exactly as old as the rule says stays",
    pieces: [one("A", [], 7.001), one("B", [], 6.999)],
    policy: policyOf(rule(1, { ...UNTAGGED, ...pushedBefore(7) })),
    gone: ["A"],
  },
  {
    name: "as many as may stay, and none more",
    pieces: Array.from({ length: 5 }, (_, i) => one(`${i}`, [`t${i}`], i + 1)),
    policy: policyOf(rule(1, { ...tagged("t*"), ...moreThan(5) })),
    gone: [],
  },
  {
    name: "an image with several tags is one, and goes with all of them",
    pieces: [
      one("A", ["t1", "t2", "t3", "other"], 3),
      one("B", ["t4", "t5"], 2),
      one("C", ["t6"], 1),
    ],
    policy: policyOf(rule(1, { ...tagged("t*"), ...moreThan(2) })),
    gone: ["A"],
  },
  {
    name: "of those pushed at the same moment as many stay as may",
    pieces: ["A", "B", "C", "D"].map((name) => one(name, [`t-${name}`], 5)),
    policy: policyOf(rule(1, { ...tagged("t*"), ...moreThan(2) })),
    gone: ["A", "B", "C", "D"]
      .toSorted((a, b) => (digestFor(a) < digestFor(b) ? -1 : 1))
      .slice(0, 2)
      .toSorted(),
  },
  {
    name: "an empty repository",
    pieces: [],
    policy: policyOf(rule(1, { ...ANY, ...moreThan(1) })),
    gone: [],
  },
];

const PULLED: Case[] = [
  {
    name: "what was not pulled for so long goes, and what never was goes by its push",
    pieces: [
      { name: "pulled", tags: ["a"], pushed: 99, pulled: 5 },
      { name: "long ago", tags: ["b"], pushed: 99, pulled: 40 },
      { name: "never", tags: ["c"], pushed: 31 },
      { name: "never, but new", tags: ["d"], pushed: 29 },
    ],
    policy: policyOf(rule(1, { ...ANY, ...pulledBefore(30) })),
    gone: ["long ago", "never"],
  },
  {
    name: "a pull of a child is one of its index",
    pieces: [
      { name: "amd64", pushed: 99, pulled: 1 },
      { name: "arm64", pushed: 99 },
      { name: "index", tags: ["v1"], pushed: 99, children: ["amd64", "arm64"] },
      { name: "x", pushed: 99, pulled: 80 },
      { name: "other", tags: ["v2"], pushed: 99, children: ["x"] },
    ],
    policy: policyOf(rule(1, { ...ANY, ...pulledBefore(30) })),
    gone: ["other", "x"],
  },
  {
    name: "a push is as good as a pull",
    pieces: [{ name: "A", tags: ["a"], pushed: 3, pulled: 99 }],
    policy: policyOf(rule(1, { ...ANY, ...pulledBefore(30) })),
    gone: [],
  },
];

const KEPT: Case[] = [
  {
    name: "a keep rule wins, whatever its number",
    pieces: [one("latest", ["latest"], 99), one("other", ["x"], 99)],
    policy: policyOf(rule(1, { ...ANY, ...pushedBefore(1) }), rule(99, tagged("latest"), KEEP)),
    gone: ["other"],
  },
  {
    name: "what is kept counts among those that may stay",
    pieces: [one("A", ["t1", "keep"], 1), one("B", ["t2"], 2), one("C", ["t3"], 3)],
    policy: policyOf(rule(1, { ...tagged("t*"), ...moreThan(1) }), rule(2, tagged("keep"), KEEP)),
    gone: ["B", "C"],
  },
  {
    name: "the most recent are kept",
    pieces: [one("A", ["t1"], 91), one("B", ["t2"], 92), one("C", ["t3"], 93)],
    policy: policyOf(
      rule(1, { ...ANY, ...pushedBefore(30) }),
      rule(2, { ...tagged("t*"), countType: "mostRecent", countNumber: 2 }, KEEP),
    ),
    gone: ["C"],
  },
  {
    name: "what was pushed within so many days is kept",
    pieces: [one("A", ["t1"], 6), one("B", ["t2"], 8), one("C", ["t3"], 5)],
    policy: policyOf(
      rule(1, { ...tagged("t*"), ...moreThan(1) }),
      rule(2, { ...ANY, ...days("pushedWithin", 7) }, KEEP),
    ),
    gone: ["B"],
  },
  {
    name: "what was pulled within so many days is kept",
    pieces: [
      { name: "A", tags: ["t1"], pushed: 99, pulled: 2 },
      { name: "B", tags: ["t2"], pushed: 98, pulled: 60 },
      { name: "C", tags: ["t3"], pushed: 97 },
    ],
    policy: policyOf(
      rule(1, { ...ANY, ...pushedBefore(30) }),
      rule(2, { ...ANY, ...days("pulledWithin", 14) }, KEEP),
    ),
    gone: ["B", "C"],
  },
  {
    name: "all that has no tag can be kept",
    pieces: [one("A", [], 99), one("B", ["b"], 99)],
    policy: policyOf(rule(1, { ...ANY, ...pushedBefore(1) }), rule(2, UNTAGGED, KEEP)),
    gone: ["B"],
  },
];

const SEMVER: Case[] = [
  {
    name: "the highest versions stay, whenever they were pushed",
    pieces: [
      one("2.0.0", ["v2.0.0"], 90),
      one("1.9.9", ["v1.9.9"], 1),
      one("1.10.0", ["1.10.0"], 50),
      one("rc", ["v2.0.0-rc.1"], 95),
      one("main", ["main"], 99),
    ],
    policy: policyOf(rule(1, { ...tagged("*"), ...moreThan(2), orderBy: "semver" })),
    gone: ["1.10.0", "1.9.9"],
  },
  {
    name: "what is no version is left to other rules",
    pieces: [
      one("A", ["v1.0.0"], 9),
      one("B", ["v2.0.0"], 9),
      one("C", ["main"], 9),
      one("D", ["1.2"], 9),
    ],
    policy: policyOf(
      rule(1, { ...tagged("*"), ...moreThan(1), orderBy: "semver" }),
      rule(2, { ...ANY, ...pushedBefore(5) }),
    ),
    gone: ["A", "C", "D"],
  },
  {
    name: "equal versions stay together",
    pieces: [one("A", ["v1.0.0"], 3), one("B", ["1.0.0"], 2), one("C", ["0.9.0"], 1)],
    policy: policyOf(rule(1, { ...tagged("*"), ...moreThan(1), orderBy: "semver" })),
    gone: ["C"],
  },
  {
    name: "an image's version is the highest of the tags that the rule is about",
    pieces: [
      one("A", ["v1.0.0", "app-9.0.0", "9.0.0"], 3),
      one("B", ["v1.0.1"], 2),
      one("C", ["v1.0.2", "v0.1.0"], 1),
    ],
    policy: policyOf(rule(1, { ...tagged("v*"), ...moreThan(2), orderBy: "semver" })),
    gone: ["A"],
  },
  {
    name: "the highest versions are kept",
    pieces: [
      one("A", ["v3.0.0"], 99),
      one("B", ["v2.0.0"], 98),
      one("C", ["v10.0.0"], 97),
      one("D", ["x"], 99),
    ],
    policy: policyOf(
      rule(1, { ...ANY, ...pushedBefore(30) }),
      rule(
        2,
        { ...tagged("v*"), countType: "mostRecent", countNumber: 2, orderBy: "semver" },
        KEEP,
      ),
    ),
    gone: ["B", "D"],
  },
];

const OLD = policyOf(rule(1, { ...ANY, ...pushedBefore(30) }));
const OLD_UNTAGGED = policyOf(rule(1, { ...UNTAGGED, ...pushedBefore(30) }));
const TAGGED_T = policyOf(rule(1, { ...tagged("t*"), ...pushedBefore(30) }));

const FAMILIES: Case[] = [
  {
    name: "the children of an index that stays are no images without tags",
    pieces: [
      { name: "amd64", pushed: 99 },
      { name: "attestation", pushed: 99 },
      { name: "index", tags: ["v1"], pushed: 99, children: ["amd64", "attestation"] },
      { name: "optional", pushed: 99 },
    ],
    policy: OLD_UNTAGGED,
    gone: ["optional"],
  },
  {
    name: "an index takes its children and attestations with it, and counts as one",
    pieces: [
      { name: "amd64", pushed: 40 },
      { name: "attestation", pushed: 40 },
      { name: "index", tags: ["t1"], pushed: 40, children: ["amd64", "attestation"] },
      { name: "arm64", pushed: 35 },
      { name: "second", tags: ["t2"], pushed: 35, children: ["arm64"] },
    ],
    policy: policyOf(rule(1, { ...ANY, ...moreThan(1) })),
    gone: ["amd64", "attestation", "index"],
  },
  {
    name: "a child that a kept index has too stays",
    pieces: [
      { name: "shared", pushed: 99 },
      { name: "own", pushed: 99 },
      { name: "expired", tags: ["t1"], pushed: 99, children: ["shared", "own"] },
      { name: "kept", tags: ["k1"], pushed: 98, children: ["shared"] },
    ],
    policy: TAGGED_T,
    gone: ["expired", "own"],
  },
  {
    name: "a child that several expired indexes have goes with the last of them",
    pieces: [
      { name: "shared", pushed: 99 },
      { name: "first", tags: ["t1"], pushed: 99, children: ["shared"] },
      { name: "second", tags: ["t2"], pushed: 98, children: ["shared"] },
      { name: "third", tags: ["t3"], pushed: 97, children: ["shared"] },
    ],
    policy: TAGGED_T,
    gone: ["first", "second", "shared", "third"],
  },
  {
    name: "a child with a tag of its own stays, to be judged another day",
    pieces: [
      { name: "child", tags: ["amd64"], pushed: 99 },
      { name: "index", tags: ["t1"], pushed: 99, children: ["child"] },
    ],
    policy: OLD,
    gone: ["index"],
  },
  {
    name: "nested indexes go as one",
    pieces: [
      { name: "leaf", pushed: 99 },
      { name: "inner", pushed: 99, children: ["leaf"] },
      { name: "outer", tags: ["t1"], pushed: 99, children: ["inner"] },
    ],
    policy: OLD,
    gone: ["inner", "leaf", "outer"],
  },
  {
    name: "an inner index that stays keeps its children",
    pieces: [
      { name: "leaf", pushed: 99 },
      { name: "inner", tags: ["k1"], pushed: 99, children: ["leaf"] },
      { name: "outer", tags: ["t1"], pushed: 98, children: ["inner", "leaf"] },
    ],
    policy: TAGGED_T,
    gone: ["outer"],
  },
  {
    name: "referrers of what stays are no images",
    pieces: [
      { name: "image", tags: ["k1"], pushed: 99 },
      { name: "signature", pushed: 99, subject: "image" },
      { name: "signature of the signature", pushed: 99, subject: "signature" },
    ],
    policy: OLD_UNTAGGED,
    gone: [],
  },
  {
    name: "referrers go with their subject, however young, and theirs with them",
    pieces: [
      { name: "child", pushed: 99 },
      { name: "image", tags: ["t1"], pushed: 99, children: ["child"] },
      { name: "sbom", pushed: 99, subject: "image" },
      { name: "scan of today", pushed: 0, subject: "child" },
      { name: "signature of the sbom", pushed: 99, subject: "sbom" },
    ],
    policy: TAGGED_T,
    gone: ["child", "image", "sbom", "scan of today", "signature of the sbom"],
  },
  {
    name: "a referrer with a tag of its own stays",
    pieces: [
      { name: "image", tags: ["t1"], pushed: 99 },
      { name: "chart", tags: ["chart-1"], pushed: 99, subject: "image" },
    ],
    policy: OLD,
    gone: ["image"],
  },
  {
    name: "a referrer whose subject is not there is an image like any other",
    pieces: [
      { name: "dangling", pushed: 99, subject: "never pushed" },
      { name: "image", tags: ["k1"], pushed: 99 },
    ],
    policy: OLD_UNTAGGED,
    gone: ["dangling"],
  },
  {
    name: "what cosign tagged for an image that stays is never touched",
    pieces: [
      { name: "image", tags: ["k1"], pushed: 99 },
      { name: "sig", tags: [cosignTag("image")], pushed: 99 },
      { name: "att", tags: [cosignTag("image", ".att")], pushed: 99 },
      { name: "fallback", tags: [cosignTag("image", "")], pushed: 99, children: [] },
    ],
    policy: policyOf(rule(1, { ...tagged("sha256-*"), ...pushedBefore(1) })),
    gone: [],
  },
  {
    name: "what cosign tagged goes with its image, also with a child of it",
    pieces: [
      { name: "child", pushed: 99 },
      { name: "image", tags: ["t1"], pushed: 99, children: ["child"] },
      { name: "sig", tags: [cosignTag("image")], pushed: 99 },
      { name: "sbom", tags: [cosignTag("child", ".sbom")], pushed: 99 },
      { name: "sig of the sig", tags: [cosignTag("sig")], pushed: 99 },
    ],
    policy: TAGGED_T,
    gone: ["child", "image", "sbom", "sig", "sig of the sig"],
  },
  {
    name: "a signature of two images stays with the one that stays",
    pieces: [
      { name: "image", tags: ["t1"], pushed: 99 },
      { name: "other", tags: ["k1"], pushed: 99 },
      { name: "sig", tags: [cosignTag("image"), cosignTag("other")], pushed: 99 },
    ],
    policy: TAGGED_T,
    gone: ["image"],
  },
  {
    name: "a signature's tag of an image that is not there is a tag",
    pieces: [{ name: "sig", tags: [cosignTag("never pushed")], pushed: 99 }],
    policy: policyOf(rule(1, { ...tagged("sha256-*"), ...pushedBefore(30) })),
    gone: ["sig"],
  },
  {
    name: "what only looks like a signature's tag is a tag",
    pieces: [
      { name: "image", tags: ["k1"], pushed: 99 },
      { name: "A", tags: [cosignTag("image", ".txt")], pushed: 99 },
      { name: "B", tags: [`x${cosignTag("image")}`], pushed: 99 },
    ],
    policy: OLD,
    gone: ["A", "B", "image"],
  },
  {
    name: "an attestation in the index that is a referrer too goes with all of it",
    pieces: [
      { name: "amd64", pushed: 99 },
      { name: "attestation", pushed: 99, subject: "amd64" },
      { name: "index", tags: ["t1"], pushed: 99, children: ["amd64", "attestation"] },
    ],
    policy: TAGGED_T,
    gone: ["amd64", "attestation", "index"],
  },
  {
    name: "two that sign one another stay",
    pieces: [
      { name: "A", tags: [cosignTag("B")], pushed: 99 },
      { name: "B", tags: [cosignTag("A")], pushed: 99 },
    ],
    policy: OLD,
    gone: [],
  },
];

const PROTECTED: Case[] = [
  {
    name: "an image with an immutable tag stays, with all its tags and all that belongs to it",
    pieces: [
      { name: "child", pushed: 99 },
      { name: "index", tags: ["v1", "t1"], pushed: 99, children: ["child"] },
      { name: "sig", pushed: 99, subject: "index" },
      { name: "other", tags: ["t2"], pushed: 99 },
    ],
    policy: OLD,
    gone: ["other"],
    immutable: [{ tags: "v*", except: [] }],
  },
  {
    name: "what a rule of immutability excepts goes",
    pieces: [one("A", ["v1"], 99), one("B", ["v2-rc1"], 99)],
    policy: OLD,
    gone: ["B"],
    immutable: [{ tags: "v*", except: ["*-rc*"] }],
  },
  {
    name: "a part with an immutable tag stays when the rest goes",
    pieces: [
      { name: "image", tags: ["t1"], pushed: 99 },
      { name: "sig", tags: [cosignTag("image")], pushed: 99 },
    ],
    policy: TAGGED_T,
    gone: ["image"],
    immutable: [{ tags: "sha256-*", except: [] }],
  },
];

beforeAll(() => knowAllPulls());

describe.each([
  ["ECR's documented examples", DOCUMENTED],
  ["rules", RULES],
  ["the last pull", PULLED],
  ["keep rules", KEPT],
  ["versions", SEMVER],
  ["what belongs together", FAMILIES],
  ["immutable tags", PROTECTED],
])("%s", (_, cases) => {
  test.each(cases)("$name", async ({ pieces, policy, gone, immutable = [] }) => {
    const shelf = await Shelf.with(pieces, { immutable });
    const before = await shelf.tags();
    const previewed = await shelf.preview(policy);
    expect(await shelf.gone()).toEqual([]);
    expect(await shelf.tags()).toEqual(before);
    await shelf.setPolicy(policy);
    await runToEnd();
    expect(await shelf.gone()).toEqual(gone.toSorted());
    const all = previewed.flatMap(({ image, attachments }) => [image, ...attachments]);
    expect(all.toSorted()).toEqual(gone.toSorted());
    const stay = pieces.filter(({ name }) => !gone.includes(name));
    expect(await shelf.tags()).toEqual(stay.flatMap(({ tags = [] }) => tags).toSorted());
  });
});
