/**
 * Random repositories and policies: the deletions are what a plain reading of ECR's rules says, a preview has listed
 * exactly those, nothing in use is deleted, and all of it can be restored.
 */
import { env } from "cloudflare:workers";
import { beforeAll, expect, test } from "vitest";
import { compareVersions, parseVersion } from "../../src/oci/semver.ts";
import { RestoreStore } from "../../src/trash/store.ts";
import { random } from "../support/images.ts";
import {
  ANY,
  ARCHIVE,
  cosignTag,
  DAY,
  days,
  digestFor,
  KEEP,
  knowAllPulls,
  moreThan,
  type Piece,
  policyOf,
  prefixed,
  retentionOf,
  rule,
  runToEnd,
  Shelf,
  tagged,
  UNTAGGED,
} from "../support/retention.ts";

const SEED = Number(env.TEST_SEED || Math.floor(Math.random() * 2 ** 31));
const REPOSITORIES = 20;
const UNDO = {
  actor: "t",
  subject: null,
  via: "password",
  address: null,
  agent: null,
  requestId: "",
};

class Dice {
  readonly #next: () => number;

  constructor(seed: number) {
    this.#next = random(seed);
  }

  below(limit: number): number {
    return this.#next() % limit;
  }

  chance(percent: number): boolean {
    return this.below(100) < percent;
  }

  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)] as T;
  }

  some<T>(from: readonly T[], most: number): T[] {
    return [...new Set(Array.from({ length: 1 + this.below(most) }, () => this.pick(from)))];
  }
}

type Made = Piece & { readonly tags: string[]; readonly pushed: number };

function repository(dice: Dice): Made[] {
  const pieces: Made[] = [];
  const count = dice.below(40);
  for (let i = 0; i < count; i++) {
    const names = pieces.map(({ name }) => name);
    const kind =
      names.length === 0
        ? "image"
        : dice.pick(["image", "image", "index", "referrer", "signature"]);
    const tags = dice.chance(kind === "image" || kind === "index" ? 60 : 10)
      ? newTags(dice, i)
      : [];
    pieces.push({
      name: `p${i}`,
      tags:
        kind === "signature"
          ? [cosignTag(dice.pick(names), dice.pick([".sig", ".att", ""])), ...tags]
          : tags,
      // Some at the same moment, none exactly as old as a rule says.
      pushed: dice.below(30) + 0.5,
      ...(dice.chance(40) ? { pulled: dice.below(30) } : {}),
      ...(kind === "index" ? { children: dice.some(names, 4) } : {}),
      ...(kind === "referrer" ? { subject: dice.chance(90) ? dice.pick(names) : "never" } : {}),
    });
  }
  const taken = new Set<string>();
  return pieces.map((piece) => ({
    ...piece,
    tags: piece.tags.filter((tag) => !taken.has(tag) && taken.add(tag)),
  }));
}

function newTags(dice: Dice, i: number): string[] {
  const names = [
    "latest",
    "main",
    `dev-${i}`,
    `prod-${i}`,
    `v1.${dice.below(9)}.${i}`,
    `2.0.0-rc.${i}`,
    `v0.${i}.0`,
  ];
  return dice.some(names, 3);
}

function policy(dice: Dice): object {
  const selections = [tagged("v*"), tagged("dev*", "*"), tagged("*-*"), prefixed("prod"), UNTAGGED];
  const rules: object[] = [];
  for (const selection of dice.some(selections, 3)) {
    const action = dice.chance(15) ? ARCHIVE : { type: "expire" };
    rules.push(
      rule(rules.length + 1, { ...selection, ...anyCount(dice, selection === UNTAGGED) }, action),
    );
  }
  if (dice.chance(60)) rules.push(rule(50, { ...ANY, ...anyCount(dice, false) }));
  for (let i = dice.below(3); i > 0; i--) {
    const keeps = [
      {},
      { countType: "mostRecent", countNumber: 1 + dice.below(4) },
      { countType: "mostRecent", countNumber: 1 + dice.below(4), orderBy: "semver" },
      days("pushedWithin", 1 + dice.below(20)),
      days("pulledWithin", 1 + dice.below(20)),
    ];
    rules.push(
      rule(
        60 + i,
        { ...dice.pick([tagged("v*"), tagged("latest"), tagged("*")]), ...dice.pick(keeps) },
        KEEP,
      ),
    );
  }
  return policyOf(...rules);
}

function anyCount(dice: Dice, isUntagged: boolean): object {
  const number = 1 + dice.below(6);
  const counts = [
    moreThan(number),
    days("sinceImagePushed", 1 + dice.below(25)),
    days("sinceImagePulled", 1 + dice.below(25)),
  ];
  const byVersion = { ...moreThan(number), orderBy: "semver" };
  return dice.pick(isUntagged ? counts : [...counts, byVersion]);
}

interface AnyRule {
  readonly rulePriority: number;
  readonly selection: {
    readonly tagStatus: string;
    readonly tagPatternList?: string[];
    readonly tagPrefixList?: string[];
    readonly countType?: string;
    readonly countNumber?: number;
    readonly orderBy?: string;
  };
  readonly action: { readonly type: string };
}

/** ECR's rules read plainly, with all images at once: mark by each rule, then apply by priority. */
function expected(
  pieces: readonly Made[],
  { rules }: { rules: AnyRule[] },
  isKept: (piece: Made) => boolean,
): string[] {
  const images = pieces.filter((piece) => ownersOf(piece, pieces).length === 0);
  const youngest = images.toSorted(
    (a, b) => a.pushed - b.pushed || (digestFor(a.name) < digestFor(b.name) ? 1 : -1),
  );
  const read = rules
    .toSorted((a, b) => a.rulePriority - b.rulePriority)
    .map((one) => {
      const selected = youngest.filter((image) => selects(one, image));
      return { one, selected, marked: markedBy(one, selected) };
    });
  return images
    .filter((image) => {
      if (isKept(image)) return false;
      const keeps = read.filter(({ one }) => one.action.type === "keep");
      if (keeps.some(({ selected, marked }) => selected.includes(image) && !marked.has(image)))
        return false;
      const first = read.find(
        ({ one, selected }) => one.action.type !== "keep" && selected.includes(image),
      );
      return first !== undefined && first.one.action.type === "expire" && first.marked.has(image);
    })
    .map(({ name }) => name);
}

function markedBy({ selection }: AnyRule, selected: readonly Made[]): Set<Made> {
  const { countType = "", countNumber = 0, orderBy } = selection;
  if (countType === "") return new Set();
  if (countType === "imageCountMoreThan" || countType === "mostRecent") {
    if (orderBy !== "semver") return new Set(selected.slice(countNumber));
    const higher = (a: Made, b: Made) =>
      compareVersions(versionOf(selection, a), versionOf(selection, b)) > 0;
    return new Set(
      selected.filter(
        (image) => selected.filter((other) => higher(other, image)).length >= countNumber,
      ),
    );
  }
  const ageOf = (image: Made) => (/pull/i.test(countType) ? lastUse(image) : image.pushed);
  return new Set(selected.filter((image) => ageOf(image) > countNumber));
}

let all: readonly Made[] = [];

/** In days, to the end of the day that it was last pulled on. */
function lastUse(image: Made): number {
  const attachments = [image, ...below(image)];
  const now = Date.now() / DAY;
  const pulls = attachments.flatMap(({ pulled }) =>
    pulled === undefined ? [] : now - (Math.floor(now - pulled) + 1),
  );
  return Math.min(image.pushed, ...pulls);
}

function below({ children = [] }: Made): Made[] {
  const named = all.filter(({ name }) => children.includes(name));
  return [...named, ...named.flatMap(below)];
}

function versionOf(
  { tagPatternList = ["*"], tagPrefixList }: AnyRule["selection"],
  { tags }: Made,
) {
  const about = tags.filter((tag) =>
    tagPrefixList === undefined
      ? tagPatternList.some((pattern) => like(pattern, tag))
      : tagPrefixList.some((prefix) => tag.startsWith(prefix)),
  );
  const versions = about.flatMap((tag) => parseVersion(tag) ?? []).toSorted(compareVersions);
  return versions.at(-1) ?? { core: ["-1", "0", "0"], pre: [] };
}

function selects({ selection }: AnyRule, image: Made): boolean {
  const { tagStatus, tagPatternList = [], tagPrefixList = [], orderBy } = selection;
  if (tagStatus === "untagged" && image.tags.length > 0) return false;
  if (orderBy === "semver" && versionOf(selection, image).core[0] === "-1") return false;
  return (
    tagPatternList.every((pattern) => image.tags.some((tag) => like(pattern, tag))) &&
    tagPrefixList.every((prefix) => image.tags.some((tag) => tag.startsWith(prefix)))
  );
}

function like(pattern: string, tag: string): boolean {
  return new RegExp(`^${pattern.replaceAll(/[.+]/g, "\\$&").replaceAll("*", ".*")}$`).test(tag);
}

function ownersOf(piece: Piece, pieces: readonly Piece[]): string[] {
  const { name, subject, tags = [] } = piece;
  const referencedBy = pieces.filter(
    (other) =>
      other.children?.includes(name) === true ||
      other.name === subject ||
      tags.some((tag) =>
        [".sig", ".att", ""].some((ending) => tag === cosignTag(other.name, ending)),
      ),
  );
  return referencedBy.map((owner) => owner.name).filter((owner) => owner !== name);
}

beforeAll(() => knowAllPulls());

test(`${REPOSITORIES} random repositories, seed ${SEED}`, async () => {
  let gone = 0;
  for (let i = 0; i < REPOSITORIES; i++) {
    const dice = new Dice(SEED + i);
    const pieces = repository(dice);
    all = pieces;
    const rules = policy(dice);
    const immutable = dice.chance(30)
      ? [{ tags: dice.pick(["prod*", "v1*", "latest"]), except: [] }]
      : [];
    const isImmutable = ({ tags }: Made) =>
      tags.some((tag) => immutable.some((one) => like(one.tags, tag)));
    const bounds = { page: 1 + dice.below(20), expiring: 1 + dice.below(5) };
    const retention = retentionOf({ bounds });
    const shelf = await Shelf.with(pieces, { immutable });
    const before = { live: await shelf.live(), tags: await shelf.tags() };
    const about = `seed ${SEED + i}: ${JSON.stringify({ pieces, rules, immutable, bounds })}`;

    const previewed = await shelf.preview(rules, { limit: 1 + dice.below(7), retention });
    await shelf.setPolicy(rules);
    await runToEnd(retention);
    const went = await shelf.gone();
    const listed = previewed.flatMap(({ image, attachments }) => [image, ...attachments]);
    expect(listed.toSorted(), about).toEqual(went);
    const images = previewed.map(({ image }) => image).toSorted();
    const plain = expected(pieces, rules as { rules: AnyRule[] }, isImmutable);
    expect(images, about).toEqual(plain.toSorted());
    const live = pieces.filter(({ name }) => !went.includes(name));
    for (const { name, children = [] } of live) {
      for (const child of children)
        expect(went, `${name} has ${child}. ${about}`).not.toContain(child);
    }
    for (const piece of pieces.filter(({ name }) => went.includes(name))) {
      const referencedBy = ownersOf(piece, pieces);
      for (const owner of referencedBy)
        expect(went, `${owner} has ${piece.name}. ${about}`).toContain(owner);
      expect(isImmutable(piece), about).toBe(false);
    }
    expect(await shelf.tags()).toEqual(live.flatMap(({ tags }) => tags).toSorted());

    const trash = new RestoreStore(env.DB, DAY);
    for (const { image } of previewed.toReversed()) {
      await trash.restoreManifest(shelf.name, digestFor(image), UNDO);
    }
    expect({ live: await shelf.live(), tags: await shelf.tags() }, about).toEqual(before);
    gone += went.length;
  }
  expect(gone).toBeGreaterThan(REPOSITORIES);
});
