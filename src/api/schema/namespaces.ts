/** Namespaces, their members and trust rules, and the exchange of ID tokens. */
import * as v from "valibot";
import { MAX_NAMESPACES, WORKLOAD } from "../../auth/oidc/workload.ts";
import { isNamespace } from "../../oci/reference.ts";
import {
  accountName,
  immutableTags,
  pattern,
  role,
  Scope,
  Scopes,
  TagRule,
  text,
  texts,
  time,
  version,
  visibility,
} from "./common.ts";

const DEFAULT_LIFETIME_SECONDS = 900;

export const Namespace = v.object({
  name: text,
  visibility,
  immutableTags: v.array(TagRule),
  createdAt: time,
  version,
});
export type Namespace = v.InferOutput<typeof Namespace>;

export const NewNamespace = v.strictObject({
  name: text,
  visibility: v.optional(visibility, "private"),
  immutableTags: v.optional(immutableTags, []),
  owner: v.optional(accountName),
});

export const NamespaceChange = v.strictObject({
  visibility: v.optional(visibility),
  immutableTags: v.optional(immutableTags),
});

export const Member = v.object({ user: text, repositories: text, role, createdAt: time });
export type Member = v.InferOutput<typeof Member>;

export const Membership = v.strictObject({ role, repositories: v.optional(pattern) });

/** Claims that valibot's record ignores: a condition that is ignored would let other tokens in. */
const UNNAMEABLE = ["__proto__", "constructor", "prototype"];

const claims = v.pipe(
  v.unknown(),
  v.check(
    (given) => !UNNAMEABLE.some((name) => Object.hasOwn(Object(given) as object, name)),
    `a claim cannot be called ${UNNAMEABLE.join(" or ")}`,
  ),
  v.metadata({
    type: "object",
    additionalProperties: { type: "array", items: { type: "string" } },
    description: "For each claim globs, one of which has to match.",
  }),
  v.record(text, texts),
);
const lifetime = v.pipe(
  v.number(),
  v.metadata({ minimum: 60, maximum: 3600, description: "Seconds." }),
);
const trusted = { issuer: text, audience: text, claims, scopes: Scopes, lifetime };

export const TrustRule = v.object({
  name: text,
  ...trusted,
  scopes: v.array(Scope),
  version,
  createdAt: time,
});
export type TrustRule = v.InferOutput<typeof TrustRule>;

export const NewTrustRule = v.strictObject({
  name: accountName,
  ...trusted,
  lifetime: v.optional(lifetime, DEFAULT_LIFETIME_SECONDS),
});

export const TrustRuleChange = v.strictObject({
  issuer: v.optional(text),
  audience: v.optional(text),
  claims: v.optional(claims),
  scopes: v.optional(Scopes),
  lifetime: v.optional(lifetime),
});

const WANTED = `name the 1 to ${MAX_NAMESPACES} namespaces that the login is for, such as ["acme"]`;

const namespaces = v.pipe(
  v.array(v.pipe(text, v.check(isNamespace, WANTED)), WANTED),
  v.minLength(1, WANTED),
  v.maxLength(MAX_NAMESPACES, WANTED),
  v.description(
    "Those whose trust rules are to take it: each has to, and no others are looked at.",
  ),
);

export const Exchange = v.pipe(
  v.strictObject({
    token: v.pipe(text, v.description("An OIDC ID token.")),
    namespaces: v.optional(namespaces),
  }),
  // A missing field gets the words that say how to write it.
  v.forward(
    v.check((given) => given.namespaces !== undefined, WANTED),
    ["namespaces"],
  ),
  v.metadata({ required: ["token", "namespaces"] }),
);

export const Exchanged = v.object({
  username: v.literal(WORKLOAD),
  password: text,
  expiresAt: time,
  rules: texts,
  scopes: v.array(Scope),
});
export type Exchanged = v.InferOutput<typeof Exchanged>;
