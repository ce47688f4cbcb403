/** Schemas that several resources share; those with a capital letter have a name in the OpenAPI document. */
import * as v from "valibot";
import { ROLES, SCOPE_ACTIONS } from "../../auth/policy/access.ts";
import { isLine } from "../../oci/line.ts";
import {
  faultOfTagGlob,
  MAX_EXCEPTIONS,
  MAX_RULES,
  MAX_RULES_LENGTH,
} from "../../oci/tag-rules.ts";
import { isAccountName } from "../../oci/reference.ts";

const MAX_SCOPES = 20;

export const text = v.string();
export const someText = v.nullable(text);
export const texts = v.array(text);
export const flag = v.boolean();
export const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
export const someCount = v.nullable(count);
/** RFC 3339. */
export const time = v.pipe(v.string(), v.isoTimestamp());
export const someTime = v.nullable(time);
export const day = v.pipe(v.string(), v.isoDate());
export const version = v.pipe(
  v.number(),
  v.integer(),
  v.minValue(1),
  v.description("Also the ETag, in quotes."),
);
export const visibility = v.picklist(["private", "public"]);
export const role = v.picklist(ROLES);
export const secret = v.pipe(text, v.description("Shown this once."));

/** The name of a user, or of a robot or rule without its namespace. */
export const accountName = v.pipe(
  v.string(),
  v.check(
    isAccountName,
    'write 1 to 64 lower-case letters, digits, ".", "_" or "-", with a letter or digit at both ends',
  ),
  v.metadata({ pattern: "^[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?$" }),
);

/** One line of text that says what something is for. */
export const description = v.pipe(
  v.string(),
  v.maxLength(512),
  v.check(isLine, "write it on one line, without control characters"),
);

/** A glob over repository names. */
export const pattern = v.pipe(
  v.string(),
  v.maxLength(255),
  v.regex(/^[a-z0-9*](?:[a-z0-9._/-]|\*(?!\*))*$/, 'write it like "acme/*" or "acme/app"'),
  v.regex(/[a-z0-9*]$/, 'a pattern ends with a letter, a digit or "*"'),
  v.description("A glob over repository names; `*` stands for any characters, also for `/`."),
);

/** Rights on the repositories that a pattern matches. */
export const Scope = v.strictObject({
  repositories: pattern,
  actions: v.pipe(
    v.array(v.picklist(SCOPE_ACTIONS)),
    v.minLength(1),
    v.maxLength(4),
    // Drops repeated actions, and keeps their order.
    v.transform((actions) => [...new Set(actions)]),
  ),
});

export const Scopes = v.pipe(v.array(Scope), v.minLength(1), v.maxLength(MAX_SCOPES));

const tagGlob = v.pipe(
  v.string(),
  v.check(
    (glob) => faultOfTagGlob(glob) === null,
    ({ input }) => faultOfTagGlob(input) ?? "",
  ),
  v.metadata({
    maxLength: 50,
    pattern: "^(?!(?:[^*]*\\*){5})(?:[\\w*]|\\[0-9\\])(?:[\\w.*-]|\\[0-9\\])*$",
    description:
      "A glob over tags: `*` stands for any characters (at most 4 times), `[0-9]` for a digit.",
  }),
);

/** Tags that cannot be moved or deleted. */
export const TagRule = v.pipe(
  v.strictObject({
    tags: tagGlob,
    except: v.optional(
      v.pipe(
        v.array(tagGlob),
        v.maxLength(MAX_EXCEPTIONS, `a rule has at most ${MAX_EXCEPTIONS} exceptions`),
      ),
      [],
    ),
  }),
  v.description(
    "Tags that cannot be moved or deleted. Versions, for example, by two rules: `v[0-9]*.[0-9]*.[0-9]*` and `[0-9]*.[0-9]*.[0-9]*`; everything but latest: `*` except `latest`.",
  ),
);

/** The rules that make tags immutable, in a repository or in all of a namespace. */
export const immutableTags = v.pipe(
  v.array(TagRule),
  v.maxLength(MAX_RULES, `there are at most ${MAX_RULES} rules`),
  v.check(
    (rules) => JSON.stringify(rules).length <= MAX_RULES_LENGTH,
    `all rules together have at most ${MAX_RULES_LENGTH} characters of JSON`,
  ),
);

/** Whether an account is disabled, since when, and by whom. */
export const disabled = { disabled: flag, disabledAt: someTime, disabledBy: someText };

/** The kind of a manifest's content, and its size. */
export const content = {
  mediaType: text,
  artifactType: someText,
  size: v.pipe(
    someCount,
    v.description(
      "The bytes of the blobs that it and its children name, each once; null where they are too many to add up.",
    ),
  ),
  platforms: v.pipe(texts, v.description('Such as "linux/amd64".')),
};

/** An empty JSON object. It is required because no HTML form of another site can send JSON. */
export const Nothing = v.strictObject({});

/** Has a schema described by another one in the document. */
export function describedBy<Schema extends v.GenericSchema>(
  other: v.GenericSchema,
  schema: Schema,
): Schema {
  return { ...schema, describedBy: other };
}
