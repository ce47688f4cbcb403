import * as v from "valibot";
import { faultOfTagGlob, MAX_EXCEPTIONS, MAX_RULES, MAX_RULES_LENGTH } from "../oci/tag-rules.ts";

const tagGlob = v.pipe(
  v.string(),
  v.check(
    (glob) => faultOfTagGlob(glob) === null,
    ({ input }) => faultOfTagGlob(input) ?? "",
  ),
);

/** The rules that make tags immutable, in a repository or in all of a namespace. */
export const immutableTags = v.pipe(
  v.array(
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
  ),
  v.maxLength(MAX_RULES, `there are at most ${MAX_RULES} rules`),
  v.check(
    (rules) => JSON.stringify(rules).length <= MAX_RULES_LENGTH,
    `all rules together have at most ${MAX_RULES_LENGTH} characters of JSON`,
  ),
);
