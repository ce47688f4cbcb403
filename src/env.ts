import * as v from "valibot";
import type { UploadSession } from "./session/upload-session.ts";

/** Bindings, settings and secrets, as wrangler.toml declares them. */
export interface Env {
  readonly BLOBS: R2Bucket;
  readonly DB: D1Database;
  readonly SESSIONS: DurableObjectNamespace<UploadSession>;
  readonly PUBLIC_PULL?: string;
  readonly ALLOW_SPARSE_INDEXES?: string;
  readonly UPLOAD_TTL_HOURS?: string;
  readonly MAX_MANIFEST_BYTES?: string;
  readonly ADMIN_PASSWORD?: string;
  readonly TOKEN_KEY?: string;
}

const flag = v.optional(
  v.pipe(
    v.picklist(["true", "false"]),
    v.transform((text) => text === "true"),
  ),
  "false",
);

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

/** A manifest is in memory as bytes, text and parsed; 16 MiB leaves room for several at once. */
const MAX_MANIFEST_LIMIT = 16 * 1024 * 1024;

const Settings = v.object({
  PUBLIC_PULL: flag,
  ALLOW_SPARSE_INDEXES: flag,
  // Not less than an hour: what a writer left is cleared when twice this has passed, so it must be done by then.
  UPLOAD_TTL_HOURS: number("24", 1, 24 * 365),
  MAX_MANIFEST_BYTES: number(String(4 * 1024 * 1024), 1024, MAX_MANIFEST_LIMIT),
  ADMIN_PASSWORD: v.pipe(v.string(), v.minLength(8)),
  TOKEN_KEY: v.pipe(v.string(), v.minLength(32)),
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
  readonly adminPassword: string;
  /** Signs the tokens that this registry gives out. */
  readonly tokenKey: string;
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
    adminPassword: output.ADMIN_PASSWORD,
    tokenKey: output.TOKEN_KEY,
  });
  read.set(env, settings);
  return settings;
}
