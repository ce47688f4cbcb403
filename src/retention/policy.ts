import {
  type Count,
  fault,
  fieldsOf,
  type Order,
  readRule,
  type ReadRule,
  type Rule,
  type TagSelection,
} from "./rule.ts";

/**
 * A retention policy in the format of Amazon ECR's lifecycle policies, with additions of this registry
 * (docs.aws.amazon.com/AmazonECR/latest/userguide/lifecycle_policy_parameters.html).
 */
export interface RetentionPolicy {
  /** The rules by priority number, the lowest first, without those that can match nothing here. */
  readonly rules: readonly Rule[];
  /** Warnings: parts of the policy that have no effect here. */
  readonly warnings: readonly string[];
}

/** ECR's quotas (docs.aws.amazon.com/AmazonECR/latest/userguide/service-quotas.html). */
const MAX_LENGTH = 30_720;
const MAX_RULES = 50;
/** The most versions that all rules by version count together: a run's state holds that many versions. */
const MAX_VERSIONS = 1_000;
/** The most patterns of all rules, equal ones in a rule counted once: each is compared with each tag of an image. */
const MAX_PATTERNS = 100;

/**
 * Parses and checks a policy.
 * @param policy parsed JSON
 * @throws FIELD_INVALID that names the field
 */
export function parsePolicy(policy: unknown): RetentionPolicy {
  const { rules } = fieldsOf(policy, "", ["rules"]);
  if (JSON.stringify(policy).length > MAX_LENGTH) {
    throw fault("", `a policy has at most ${MAX_LENGTH} characters`);
  }
  if (!Array.isArray(rules)) throw fault("rules", "a list of rules is missing");
  if (rules.length === 0) throw fault("rules", "write at least one rule");
  if (rules.length > MAX_RULES) throw fault("rules", `a policy has at most ${MAX_RULES} rules`);
  const read = rules.map((rule: unknown, i) => readRule(rule, `rules[${i}]`));
  if (read.flatMap(({ rule }) => patternsOf(rule.tags)).length > MAX_PATTERNS) {
    throw fault(
      "rules",
      `a policy has at most ${MAX_PATTERNS} patterns and prefixes, those of all rules together`,
    );
  }
  checkRules(read);
  const warnings = read.flatMap(warningsOf);
  const all = read.filter(({ isArchived }) => !isArchived).map(({ rule }) => rule);
  const versions = all.flatMap(({ count }) => (isByVersion(count) ? count.number : []));
  if (versions.reduce((sum, number) => sum + number, 0) > MAX_VERSIONS) {
    throw fault(
      "rules",
      `the rules with orderBy "semver" may count ${MAX_VERSIONS} images together`,
    );
  }
  return { rules: all.toSorted((a, b) => a.priority - b.priority), warnings };
}

/** Checks rules against each other (userguide/LifecyclePolicies.html, "Lifecycle policy evaluation rules"). */
function checkRules(rules: readonly ReadRule[]): void {
  const priorities = rules.map(({ rule }) => rule.priority);
  const twice = rules.find(({ rule }, i) => priorities.indexOf(rule.priority) < i);
  if (twice !== undefined) {
    const { rule, place } = twice;
    throw fault(`${place}.rulePriority`, `${rule.priority} is another rule's: give each its own`);
  }
  // ECR checks the rules of each storage class on their own. It has no keep rules, so those are not checked here.
  for (const archived of [false, true]) {
    checkClass(
      rules.filter(({ rule, isArchived }) => rule.action !== "keep" && isArchived === archived),
    );
  }
}

function checkClass(rules: readonly ReadRule[]): void {
  const last = Math.max(...rules.map(({ rule }) => rule.priority));
  const early = rules.find(({ rule }) => rule.tags.status === "any" && rule.priority < last);
  if (early !== undefined) {
    throw fault(
      `${early.place}.rulePriority`,
      `a rule with tagStatus "any" comes last: no other may have a higher number than it, and one has ${last}`,
    );
  }
  const [, untagged] = rules.filter(({ rule }) => rule.tags.status === "untagged");
  if (untagged !== undefined) {
    throw fault(`${untagged.place}.selection.tagStatus`, 'only one rule may be for "untagged"');
  }
  const seen = new Set<string>();
  for (const { rule, place } of rules) {
    const prefixes = prefixesOf(rule.tags);
    if (prefixes !== null && seen.has(prefixes)) {
      throw fault(`${place}.selection.tagPrefixList`, "another rule has the same prefixes");
    }
    if (prefixes !== null) seen.add(prefixes);
  }
}

function patternsOf(tags: TagSelection): readonly string[] {
  return tags.status === "tagged" ? (tags.patterns ?? tags.prefixes ?? []) : [];
}

function prefixesOf(tags: TagSelection): string | null {
  if (tags.status !== "tagged" || tags.prefixes === undefined) return null;
  return tags.prefixes.toSorted().join("\n");
}

function warningsOf({ rule: { priority, action }, isArchived }: ReadRule): string[] {
  if (isArchived) return [`rule ${priority} does nothing: no image is in an archive here`];
  if (action !== "transition") return [];
  return [
    `rule ${priority} changes nothing: there is no archive here to move images to; as in ECR, the rules after it leave its images alone`,
  ];
}

function isByVersion(count: Count | null): count is Extract<Count, { orderBy: Order }> {
  return count !== null && "orderBy" in count && count.orderBy === "semver";
}
