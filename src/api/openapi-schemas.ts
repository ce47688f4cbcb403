/** The bodies of the management API, in JSON Schema 2020-12, as OpenAPI 3.1 has it. */
import { REASONS } from "../oci/errors.ts";

export type Schema = Readonly<Record<string, unknown>>;

const text: Schema = { type: "string" };
const count: Schema = { type: "integer", minimum: 0 };
const someCount: Schema = { type: ["integer", "null"], minimum: 0 };
const time: Schema = { type: "string", format: "date-time" };
const someTime: Schema = { type: ["string", "null"], format: "date-time" };
const someText: Schema = { type: ["string", "null"] };
const day: Schema = { type: "string", format: "date" };
const flag: Schema = { type: "boolean" };
const version: Schema = { type: "integer", minimum: 1, description: "Also the ETag, in quotes." };
const visibility: Schema = { enum: ["private", "public"] };
const labels: Schema = { type: "object", additionalProperties: text, maxProperties: 64 };
const tagRules: Schema = { ...list(ref("TagRule")), maxItems: 20 };
const role: Schema = { enum: ["reader", "writer", "maintainer", "owner"] };
const shortName: Schema = {
  type: "string",
  pattern: "^[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?$",
};
const glob: Schema = {
  type: "string",
  maxLength: 255,
  pattern: "^[a-z0-9*](?:[a-z0-9._/-]|\\*(?!\\*))*$",
  examples: ["acme/*"],
  description: "A glob over repository names; `*` stands for any characters, also for `/`.",
};
const password: Schema = { type: "string", minLength: 12, maxLength: 1024 };
const purpose: Schema = { type: "string", maxLength: 512 };
const lifetime: Schema = { type: "integer", minimum: 60, maximum: 3600, default: 900 };
const days: Schema = {
  type: ["integer", "null"],
  minimum: 1,
  maximum: 3650,
  default: 90,
  description: "null: until it is deleted.",
};
const wantedDays: Schema = {
  type: ["integer", "null"],
  minimum: 1,
  maximum: 3650,
  description: "From now; null: until it is deleted.",
};
const secret: Schema = { type: "string", description: "Shown this once." };
const claims: Schema = {
  type: "object",
  additionalProperties: list(text),
  description: "For each claim globs, one of which has to match.",
};
const measured = {
  mediaType: text,
  artifactType: someText,
  size: {
    ...someCount,
    description:
      "The bytes of the blobs that it and its children name, each once; null where they are too many to add up.",
  },
  platforms: { ...list(text), examples: [["linux/amd64"]] },
};
const token = {
  id: text,
  description: text,
  expiresAt: someTime,
  lastUsed: { type: ["string", "null"], format: "date" },
  createdAt: time,
};
const disabled = { disabled: flag, disabledAt: someTime, disabledBy: someText };
const repository = {
  name: text,
  visibility,
  description: text,
  labels,
  createdAt: time,
  version,
};
const robot = {
  name: text,
  description: text,
  scopes: list(ref("Scope")),
  tokens: list(ref("RobotToken")),
  ...disabled,
  version,
  createdAt: time,
};
const described = {
  visibility,
  description: { type: "string", maxLength: 512 },
  readme: { type: "string", description: "At most 64 KiB of UTF-8; Markdown." },
  labels,
  immutableTags: tagRules,
};
const trusted = { issuer: text, audience: text, claims, scopes: ref("Scopes"), lifetime };

export const SCHEMAS: Readonly<Record<string, Schema>> = {
  Problem: {
    type: "object",
    description:
      "RFC 9457. `code` is for programs, `detail` says what to do. `errors` has the fields that are wrong, what to confirm, or what is needed.",
    required: ["type", "title", "status", "detail", "code"],
    properties: {
      type: text,
      title: text,
      status: count,
      detail: text,
      code: { enum: [...REASONS, "UNKNOWN"] },
      errors: {},
    },
  },
  Scope: input({
    repositories: glob,
    actions: { ...list({ enum: ["pull", "push", "delete", "admin"] }), minItems: 1, maxItems: 4 },
  }),
  Scopes: { ...list(ref("Scope")), minItems: 1, maxItems: 20 },
  Me: output({
    name: someText,
    via: { enum: ["anonymous", "password", "token", "robot", "oidc"] },
    admin: flag,
    roles: list({ type: "object", properties: { repositories: glob, role } }),
    scopes: { type: ["array", "null"], items: ref("Scope") },
    expires: someTime,
  }),
  User: output({ name: shortName, admin: flag, ...disabled, createdAt: time, version }),
  NewUser: input({ name: shortName, password }, { admin: flag }),
  UserChange: input({}, { admin: flag, disabled: flag, password }),
  NewPassword: input({ current: text, password }),
  Token: output({ ...token, scopes: list(ref("Scope")) }),
  MadeToken: output({ ...token, scopes: list(ref("Scope")), secret }),
  NewToken: input(
    { description: { ...purpose, minLength: 1 } },
    { scopes: ref("Scopes"), expiresInDays: days },
  ),
  Namespace: output({ name: text, visibility, immutableTags: tagRules, createdAt: time, version }),
  NewNamespace: input({ name: text }, { visibility, immutableTags: tagRules, owner: shortName }),
  NamespaceChange: input({}, { visibility, immutableTags: tagRules }),
  Member: output({ user: shortName, repositories: glob, role, createdAt: time }),
  Membership: input({ role }, { repositories: glob }),
  Robot: output(robot),
  MadeRobot: output({ ...robot, secret }),
  NewRobot: input(
    { name: shortName, scopes: ref("Scopes") },
    { description: purpose, expiresInDays: days },
  ),
  RobotChange: input({}, { description: purpose, scopes: ref("Scopes"), disabled: flag }),
  Expiry: input({ expiresInDays: wantedDays }),
  RobotToken: output(token),
  MadeRobotToken: output({ ...token, secret }),
  NewRobotToken: input({}, { description: purpose, expiresInDays: days }),
  TrustRule: output({ name: text, ...trusted, version, createdAt: time }),
  NewTrustRule: input(
    { name: shortName, issuer: text, audience: text, claims, scopes: ref("Scopes") },
    { lifetime },
  ),
  TrustRuleChange: input({}, trusted),
  Repository: output(repository),
  RepositoryDetail: output({
    ...repository,
    readme: text,
    immutableTags: tagRules,
    inheritedImmutableTags: { ...tagRules, description: "Those of the namespace hold as well." },
    size: {
      ...someCount,
      description: "The bytes of its blobs, each once. null, as below: more than 10 000 to count.",
    },
    tags: someCount,
    manifests: someCount,
  }),
  NewRepository: input({ name: text }, described),
  RepositoryChange: input({}, described),
  Tag: output({ name: text, digest: text, ...measured, updatedAt: time }),
  Manifest: output({
    digest: text,
    ...measured,
    subject: someText,
    tags: { ...list(text), description: "The first hundred." },
    createdAt: time,
  }),
  PullCount: output({
    tag: { type: "string", description: '"": pulls by digest.' },
    day,
    count,
  }),
  AuditEvent: output({
    id: text,
    time,
    actor: someText,
    subject: someText,
    via: text,
    action: text,
    namespace: someText,
    repository: someText,
    reference: someText,
    digest: someText,
    detail: someText,
    address: someText,
    agent: someText,
    requestId: text,
    outcome: { enum: ["done", "denied", "failed"] },
  }),
  Exchange: input({
    token: { type: "string", description: "An OIDC ID token." },
    namespaces: {
      ...list(text),
      minItems: 1,
      maxItems: 10,
      description:
        "Those whose trust rules are to take it: each has to, and no others are looked at.",
    },
  }),
  Exchanged: output({
    username: { const: "oidc" },
    password: text,
    expiresAt: time,
    rules: list(text),
    scopes: list(ref("Scope")),
  }),
};

export function ref(name: string): Schema {
  return { $ref: `#/components/schemas/${name}` };
}

export function list(items: Schema): Schema {
  return { type: "array", items };
}

/** Makes the schema of an answer, which later versions may extend. */
function output(properties: Readonly<Record<string, Schema>>): Schema {
  return { type: "object", required: Object.keys(properties), properties };
}

/** Makes the schema of a body, which may have no unknown fields. */
function input(
  required: Readonly<Record<string, Schema>>,
  optional: Readonly<Record<string, Schema>> = {},
): Schema {
  return {
    type: "object",
    ...(Object.keys(required).length === 0
      ? { minProperties: 1 }
      : { required: Object.keys(required) }),
    properties: { ...required, ...optional },
    additionalProperties: false,
  };
}
