import * as v from "valibot";
import type { LongestLives } from "./auth/login/lifetime.ts";
import type { EventMessage } from "./events/message.ts";
import type { Delivery } from "./events/subscriber.ts";
import { MAX_REFERENCES } from "./oci/manifest.ts";
import { type PullingScanners, pullingScanners } from "./scan/pulling-settings.ts";
import type { UploadSession } from "./session/upload-session.ts";

/** Bindings, settings and secrets, as wrangler.toml declares them. */
export interface Env {
  readonly BLOBS: R2Bucket;
  readonly DB: D1Database;
  readonly SESSIONS: DurableObjectNamespace<UploadSession>;
  /** The files of the console, as scripts/build-console.ts makes them. */
  readonly ASSETS: Fetcher;
  readonly EVENTS: Queue<EventMessage>;
  /** Brings events to the subscriber of the same name: each has a queue of its own. */
  readonly EVENTS_JOBS: Queue<Delivery>;
  /** Limits the passwords tried from one address, or at one account. */
  readonly PASSWORD_LIMIT: RateLimit;
  /** Limits the passwords tried in all from networks that are new to their accounts. */
  readonly STRANGER_LIMIT: RateLimit;
  /** Limits the wrong tokens sent from one address. */
  readonly TOKEN_LIMIT: RateLimit;
  /** Limits the refusals that are sent to the audit log: of one kind, from one address and in all. */
  readonly DENIED_LIMIT: RateLimit;
  /** Limits the pushes of one account. */
  readonly PUSH_LIMIT: RateLimit;
  /** Limits the searches of one account, or of one network without credentials. */
  readonly SEARCH_LIMIT: RateLimit;
  readonly PUBLIC_PULL?: string;
  readonly ALLOW_SPARSE_INDEXES?: string;
  readonly UPLOAD_TTL_HOURS?: string;
  readonly MAX_REQUEST_BODY_MB?: string;
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
  readonly TRASH_DAYS?: string;
  readonly GC_GRACE_HOURS?: string;
  readonly FSCK_DAILY_MB?: string;
  readonly TAG_READS?: string;
  readonly LOG_READS?: string;
  readonly SCANNING?: string;
  readonly SCAN_HOURS?: string;
  readonly SBOM_SOURCE?: string;
  readonly OSV_URL?: string;
  readonly TRIVY_URL?: string;
  readonly TRIVY_TOKEN?: string;
  readonly HARBOR_SCANNER_URL?: string;
  readonly HARBOR_SCANNER_AUTHORIZATION?: string;
  readonly CLAIR_URL?: string;
  readonly CLAIR_KEY?: string;
  readonly REGISTRY_URL?: string;
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

/**
 * A manifest is held twice, as bytes and as text: the largest one takes 32 of the 40 MiB that there are for long
 * bodies.
 */
const MAX_MANIFEST_LIMIT = 16 * 1024 * 1024;

const tokenKey = v.pipe(v.string(), v.minLength(32));

/** The address of another server; null for none. */
const address = v.optional(
  v.pipe(
    v.union([v.literal("off"), v.pipe(v.string(), v.regex(/^https?:/), v.url())]),
    v.transform((text) => (text === "off" ? null : text)),
  ),
  "off",
);

const Settings = v.object({
  PUBLIC_PULL: flag("false"),
  ALLOW_SPARSE_INDEXES: flag("false"),
  // At least an hour: objects that a writer left are cleared after twice this time, so the writer must have ended by
  // then.
  UPLOAD_TTL_HOURS: number("24", 1, 24 * 365),
  // 100 MB to 5 GB, by the plan of the zone: https://developers.cloudflare.com/workers/platform/limits/#request-limits
  MAX_REQUEST_BODY_MB: number("100", 0, 5000),
  MAX_MANIFEST_BYTES: number(String(4 * 1024 * 1024), 1024, MAX_MANIFEST_LIMIT),
  MAX_OPTIONAL_REFERENCES: number("500", 0, MAX_REFERENCES),
  // A search through a namespace looks at every name in it.
  MAX_REPOSITORIES: number("10000", 1, 100_000),
  MAX_UNFINISHED_UPLOADS: number("500", 1, 100_000),
  DEFAULT_QUOTA_GB: number("0", 0, 1_000_000),
  CREATE_ON_PUSH: flag("true"),
  // Whole minutes, because clients treat a shorter lifetime as one minute. At most 60: a repository that was public is
  // listed as revoked for an hour (db/revocations.ts).
  TOKEN_MINUTES: number("15", 1, 60),
  // 0 means no limit.
  MAX_TOKEN_DAYS: number("0", 0, 3650),
  MAX_ROBOT_TOKEN_DAYS: number("0", 0, 3650),
  AUDIT_DAYS: number("365", 1, 3650),
  ALLOW_INSECURE_ISSUERS: flag("false"),
  TRASH_DAYS: number("7", 0, 365),
  GC_GRACE_HOURS: number("24", 0, 24 * 365),
  FSCK_DAILY_MB: number("1024", 0, 1024 * 1024),
  TAG_READS: v.optional(v.picklist(["strict", "nearest"]), "strict"),
  LOG_READS: flag("true"),
  SCANNING: flag("true"),
  SCAN_HOURS: number("24", 1, 24 * 365),
  SBOM_SOURCE: v.optional(v.picklist(["layers", "attached"]), "layers"),
  OSV_URL: address,
  TRIVY_URL: address,
  TRIVY_TOKEN: v.optional(v.string()),
  HARBOR_SCANNER_URL: address,
  HARBOR_SCANNER_AUTHORIZATION: v.optional(v.string()),
  CLAIR_URL: address,
  CLAIR_KEY: v.optional(v.string()),
  REGISTRY_URL: address,
  ADMIN_PASSWORD: v.pipe(v.string(), v.minLength(8)),
  TOKEN_KEY: tokenKey,
  TOKEN_KEY_NEXT: v.optional(tokenKey),
});

export interface ScanSettings extends PullingScanners {
  /** Whether the packages of new images are listed. */
  readonly isOn: boolean;
  /** Whether an SBOM that is attached to an image is taken instead of its layers. */
  readonly takesAttached: boolean;
  /** How long an image's match with known vulnerabilities is used, in milliseconds. */
  readonly rescanMs: number;
  /** The addresses of OSV's API and of a Trivy server, which match packages; null for none. */
  readonly osvUrl: string | null;
  readonly trivyUrl: string | null;
  readonly trivyToken: string | null;
}

export interface Settings {
  /** Whether the public may pull everything without credentials. */
  readonly publicPull: boolean;
  /** Whether a manifest may name layers and child manifests that the repository does not have. */
  readonly allowSparse: boolean;
  /** Milliseconds without a request after which an upload expires. */
  readonly uploadTtl: number;
  /** How many bytes one request's body may have before Cloudflare refuses it; null where nothing limits it. */
  readonly maxRequestBytes: number | null;
  /** The size of the largest manifest, in bytes. */
  readonly maxManifest: number;
  /** What one manifest may name that is not in its repository. */
  readonly maxOptionalReferences: number;
  /** Repositories of one namespace, those included that were deleted and are not collected yet. */
  readonly maxRepositories: number;
  /** The most unfinished uploads of one actor; an upload counts once it has stood unfinished for a while. */
  readonly maxUnfinished: number;
  /** The quota in bytes of a namespace that has none of its own; null for no limit. */
  readonly defaultQuota: number | null;
  /** Whether a push creates its repository where there is none. */
  readonly createOnPush: boolean;
  /** The lifetime of a registry token, in seconds. */
  readonly tokenSeconds: number;
  /** The longest lifetimes of users' tokens and of robots' secrets. */
  readonly longestLives: LongestLives;
  /** How long audit events are kept, in milliseconds. */
  readonly auditAge: number;
  /** Whether issuers of ID tokens may speak plain HTTP, on this machine. */
  readonly insecureIssuers: boolean;
  /** How long what was deleted can be restored, in milliseconds. */
  readonly trashMs: number;
  /** How long a blob stays that no manifest names, in milliseconds. */
  readonly grace: number;
  /** How many bytes the background check reads a day to verify that objects still have their digests. */
  readonly fsckBytes: number;
  /**
   * "strict" reads tags from the primary database; "nearest" from the nearest replica, which may not have the last push
   * yet.
   */
  readonly tagReads: "strict" | "nearest";
  /** Whether reads that succeed are logged too. */
  readonly logReads: boolean;
  readonly scan: ScanSettings;
  readonly adminPassword: string;
  /** The key that signs registry tokens. */
  readonly tokenKey: string;
  /** The key that signs in its place while the key is being changed; null otherwise. */
  readonly nextTokenKey: string | null;
}

const read = new WeakMap<Env, Settings>();

/**
 * Parses the environment's variables, once for each environment.
 * @throws Error that names the variable that is missing or wrong
 */
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
    maxRequestBytes:
      output.MAX_REQUEST_BODY_MB === 0 ? null : Math.floor(output.MAX_REQUEST_BODY_MB * 1_000_000),
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
    trashMs: output.TRASH_DAYS * 86_400_000,
    grace: output.GC_GRACE_HOURS * 3_600_000,
    fsckBytes: output.FSCK_DAILY_MB * 1024 * 1024,
    tagReads: output.TAG_READS,
    logReads: output.LOG_READS,
    scan: Object.freeze({
      isOn: output.SCANNING,
      takesAttached: output.SBOM_SOURCE === "attached",
      rescanMs: output.SCAN_HOURS * 3_600_000,
      osvUrl: output.OSV_URL,
      trivyUrl: output.TRIVY_URL,
      trivyToken: output.TRIVY_TOKEN || null,
      ...pullingScanners(output),
    }),
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
