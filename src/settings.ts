import * as v from "valibot";
import type { LongestLives } from "./auth/login/lifetime.ts";
import type { EventMessage } from "./events/message.ts";
import { MAX_REFERENCES } from "./oci/manifest.ts";
import type { UploadSession } from "./session/upload-session.ts";

/** Bindings, settings and secrets, as wrangler.toml declares them. */
export interface Env {
  readonly BLOBS: R2Bucket;
  readonly DB: D1Database;
  readonly SESSIONS: DurableObjectNamespace<UploadSession>;
  readonly EVENTS: Queue<EventMessage>;
  /** Passwords tried from one address, or at one account. */
  readonly PASSWORD_LIMIT: RateLimit;
  /** Passwords tried in all from networks that their accounts are not known at. */
  readonly STRANGER_LIMIT: RateLimit;
  /** Wrong tokens of one address. */
  readonly TOKEN_LIMIT: RateLimit;
  /** Refusals of one kind, of one address and in all, as far as they are sent to the audit log. */
  readonly DENIED_LIMIT: RateLimit;
  /** What one account pushes. */
  readonly PUSH_LIMIT: RateLimit;
  readonly PUBLIC_PULL?: string;
  readonly ALLOW_SPARSE_INDEXES?: string;
  readonly UPLOAD_TTL_HOURS?: string;
  readonly MAX_MANIFEST_BYTES?: string;
  readonly MAX_OPTIONAL_REFERENCES?: string;
  readonly MAX_REPOSITORIES?: string;
  readonly MAX_UNFINISHED_UPLOADS?: string;
  readonly DEFAULT_QUOTA_GB?: string;
  readonly CREATE_ON_PUSH?: string;
  readonly TOKEN_MINUTES?: string;
  readonly MAX_TOKEN_DAYS?: string;
  readonly MAX_ROBOT_TOKEN_DAYS?: string;
  readonly AUDIT_DAYS?: string;
  readonly ALLOW_INSECURE_ISSUERS?: string;
  readonly UNDO_DAYS?: string;
  readonly GC_GRACE_HOURS?: string;
  readonly FSCK_DAILY_MB?: string;
  readonly TAG_READS?: string;
  readonly LOG_READS?: string;
  readonly ADMIN_PASSWORD?: string;
  readonly TOKEN_KEY?: string;
  readonly TOKEN_KEY_NEXT?: string;
}

function flag(fallback: "true" | "false") {
  return v.optional(
    v.pipe(
      v.picklist(["true", "false"]),
      v.transform((text) => text === "true"),
    ),
    fallback,
  );
}

function number(fallback: string, least: number, most: number) {
  return v.optional(
    v.pipe(
      v.string(),
      v.regex(/^\d+(\.\d+)?$/),
      v.transform(Number),
      v.minValue(least),
      v.maxValue(most),
    ),
    fallback,
  );
}

/** As bytes and as text the largest manifest takes 32 of the 40 MiB that are there for long bodies. */
const MAX_MANIFEST_LIMIT = 16 * 1024 * 1024;

const tokenKey = v.pipe(v.string(), v.minLength(32));

const Settings = v.object({
  PUBLIC_PULL: flag("false"),
  ALLOW_SPARSE_INDEXES: flag("false"),
  // Not less than an hour: what a writer left is cleared when twice this has passed, so it must be done by then.
  UPLOAD_TTL_HOURS: number("24", 1, 24 * 365),
  MAX_MANIFEST_BYTES: number(String(4 * 1024 * 1024), 1024, MAX_MANIFEST_LIMIT),
  MAX_OPTIONAL_REFERENCES: number("500", 0, MAX_REFERENCES),
  // A search through a namespace looks at every name in it.
  MAX_REPOSITORIES: number("10000", 1, 100_000),
  MAX_UNFINISHED_UPLOADS: number("500", 1, 100_000),
  DEFAULT_QUOTA_GB: number("0", 0, 1_000_000),
  CREATE_ON_PUSH: flag("true"),
  // Clients take less than a minute for a minute; what was public is listed as revoked for an hour (db/revocations.ts).
  TOKEN_MINUTES: number("15", 1, 60),
  // 0 for no limit.
  MAX_TOKEN_DAYS: number("0", 0, 3650),
  MAX_ROBOT_TOKEN_DAYS: number("0", 0, 3650),
  AUDIT_DAYS: number("365", 1, 3650),
  ALLOW_INSECURE_ISSUERS: flag("false"),
  UNDO_DAYS: number("7", 0, 365),
  GC_GRACE_HOURS: number("24", 0, 24 * 365),
  FSCK_DAILY_MB: number("1024", 0, 1024 * 1024),
  TAG_READS: v.optional(v.picklist(["strict", "nearest"]), "strict"),
  LOG_READS: flag("true"),
  ADMIN_PASSWORD: v.pipe(v.string(), v.minLength(8)),
  TOKEN_KEY: tokenKey,
  TOKEN_KEY_NEXT: v.optional(tokenKey),
});

export interface Settings {
  /** Whether everyone may pull everything without credentials. */
  readonly publicPull: boolean;
  /** Whether a manifest may name layers and child manifests that are not there. */
  readonly allowSparse: boolean;
  /** Milliseconds without a request after which an upload expires. */
  readonly uploadTtl: number;
  /** The largest manifest, in bytes. */
  readonly maxManifest: number;
  /** What one manifest may name that is not in its repository. */
  readonly maxOptionalReferences: number;
  /** Repositories of one namespace, those included that were deleted and are not collected yet. */
  readonly maxRepositories: number;
  /** Uploads of one actor that have been unfinished for a while. */
  readonly maxUnfinished: number;
  /** What a namespace may cost that has no quota of its own, in bytes; null for as much as there is room for. */
  readonly defaultQuota: number | null;
  /** Whether a push makes the repository that it goes to. */
  readonly createOnPush: boolean;
  /** How long a registry token holds, in seconds. */
  readonly tokenSeconds: number;
  /** How long what users and robots log in with may hold. */
  readonly longestLives: LongestLives;
  /** How long audit events are kept, in milliseconds. */
  readonly auditAge: number;
  /** Whether issuers of ID tokens may speak plain HTTP, on this machine. */
  readonly insecureIssuers: boolean;
  /** How long what was deleted can be restored, in milliseconds. */
  readonly trashMs: number;
  /** How long a blob stays that no manifest names, in milliseconds. */
  readonly grace: number;
  /** How much is read every day to see whether it still has its digest, in bytes. */
  readonly fsckBytes: number;
  /** Whether a tag is read where it is written, or from the nearest replica, which may not have heard of the last push. */
  readonly tagReads: "strict" | "nearest";
  /** Whether reads that succeed are logged, too. */
  readonly logReads: boolean;
  readonly adminPassword: string;
  /** Signs the tokens that this registry gives out. */
  readonly tokenKey: string;
  /** Signs them instead while the key is being changed; null otherwise. */
  readonly nextTokenKey: string | null;
}

const read = new WeakMap<Env, Settings>();

/** @throws Error that names the variable which is missing or wrong. Reads an environment once. */
export function readSettings(env: Env): Settings {
  const known = read.get(env);
  if (known !== undefined) return known;
  const result = v.safeParse(Settings, env);
  if (!result.success) {
    const [issue] = result.issues;
    throw new Error(`setting ${v.getDotPath(issue) ?? ""} is missing or wrong: ${issue.message}`);
  }
  const { output } = result;
  const settings = Object.freeze({
    publicPull: output.PUBLIC_PULL,
    allowSparse: output.ALLOW_SPARSE_INDEXES,
    uploadTtl: output.UPLOAD_TTL_HOURS * 3_600_000,
    maxManifest: output.MAX_MANIFEST_BYTES,
    maxOptionalReferences: output.MAX_OPTIONAL_REFERENCES,
    maxRepositories: Math.floor(output.MAX_REPOSITORIES),
    maxUnfinished: output.MAX_UNFINISHED_UPLOADS,
    defaultQuota:
      output.DEFAULT_QUOTA_GB === 0 ? null : Math.floor(output.DEFAULT_QUOTA_GB * 1024 ** 3),
    createOnPush: output.CREATE_ON_PUSH,
    tokenSeconds: output.TOKEN_MINUTES * 60,
    longestLives: Object.freeze({
      token: lifeOf(output.MAX_TOKEN_DAYS),
      robotToken: lifeOf(output.MAX_ROBOT_TOKEN_DAYS),
    }),
    auditAge: output.AUDIT_DAYS * 86_400_000,
    insecureIssuers: output.ALLOW_INSECURE_ISSUERS,
    trashMs: output.UNDO_DAYS * 86_400_000,
    grace: output.GC_GRACE_HOURS * 3_600_000,
    fsckBytes: output.FSCK_DAILY_MB * 1024 * 1024,
    tagReads: output.TAG_READS,
    logReads: output.LOG_READS,
    adminPassword: output.ADMIN_PASSWORD,
    tokenKey: output.TOKEN_KEY,
    nextTokenKey: output.TOKEN_KEY_NEXT ?? null,
  });
  read.set(env, settings);
  return settings;
}

function lifeOf(days: number): number | null {
  return days === 0 ? null : days * 86_400_000;
}
