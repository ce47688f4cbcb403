/**
 * Lists every way to refuse a request, with the status and the code that the client gets. Codes are those of the spec
 * (spec.md "Error Codes"); where one code needs two statuses, each refusal has a name of its own.
 */
const REFUSALS = {
  BLOB_UNKNOWN: { status: 404, code: "BLOB_UNKNOWN", message: "blob unknown to this repository" },
  BLOB_UPLOAD_INVALID: { status: 400, code: "BLOB_UPLOAD_INVALID", message: "upload invalid" },
  BLOB_UPLOAD_UNKNOWN: {
    status: 404,
    code: "BLOB_UPLOAD_UNKNOWN",
    message: "no such upload: it has ended, expired or was never begun; begin a new one",
  },
  BODY_BROKEN: {
    status: 400,
    code: "BLOB_UPLOAD_INVALID",
    message: "the request's body broke off; nothing of it was kept",
  },
  CHUNK_OUT_OF_ORDER: {
    status: 416,
    code: "BLOB_UPLOAD_INVALID",
    message: "the chunk does not continue the upload; Range says what has arrived",
  },
  CONFLICT: { status: 409, code: "CONFLICT", message: "it exists already, or is still in use" },
  CROSS_ORIGIN: {
    status: 403,
    code: "DENIED",
    message: "the request comes from another site, or does not say that it comes from this one",
  },
  DENIED: { status: 403, code: "DENIED", message: "access to the resource is denied" },
  DIGEST_INVALID: { status: 400, code: "DIGEST_INVALID", message: "invalid digest" },
  FIELD_INVALID: { status: 400, code: "INVALID", message: "a field is missing, unknown or wrong" },
  IMMUTABLE: { status: 409, code: "DENIED", message: "the tag is immutable" },
  MANIFEST_BLOB_UNKNOWN: {
    status: 400,
    code: "MANIFEST_BLOB_UNKNOWN",
    message: "the manifest names content that this repository does not hold; push it first",
  },
  MANIFEST_INVALID: { status: 400, code: "MANIFEST_INVALID", message: "manifest invalid" },
  MANIFEST_TOO_LARGE: { status: 413, code: "SIZE_INVALID", message: "manifest too large" },
  MANIFEST_UNKNOWN: { status: 404, code: "MANIFEST_UNKNOWN", message: "manifest unknown" },
  MEDIA_TYPE_FIXED: {
    status: 409,
    code: "MANIFEST_INVALID",
    message: "these very bytes are here as another media type; delete that manifest first",
  },
  METHOD_UNSUPPORTED: { status: 405, code: "UNSUPPORTED", message: "method not supported here" },
  MEDIA_TYPE_UNSUPPORTED: {
    status: 415,
    code: "UNSUPPORTED",
    message: "send the body as application/json",
  },
  NAME_INVALID: { status: 400, code: "NAME_INVALID", message: "invalid repository name" },
  NAME_UNKNOWN: { status: 404, code: "NAME_UNKNOWN", message: "repository unknown" },
  NOT_FOUND: { status: 404, code: "NOT_FOUND", message: "there is nothing of that name" },
  QUOTA_EXCEEDED: { status: 403, code: "DENIED", message: "the namespace's quota is used up" },
  RANGE_UNSATISFIABLE: {
    status: 416,
    code: "SIZE_INVALID",
    message: "the range lies outside of the blob",
  },
  REFERENCED: { status: 405, code: "UNSUPPORTED", message: "still referenced" },
  REQUEST_INVALID: { status: 400, code: "UNSUPPORTED", message: "malformed request" },
  REQUEST_TOO_LARGE: { status: 413, code: "SIZE_INVALID", message: "the body is too large" },
  ROUTE_UNKNOWN: { status: 404, code: "UNSUPPORTED", message: "no such endpoint" },
  SESSION_ENDED: {
    status: 401,
    code: "UNAUTHORIZED",
    message: "the session has ended: sign in again",
  },
  SIZE_INVALID: { status: 400, code: "SIZE_INVALID", message: "size invalid" },
  TOO_SLOW: {
    status: 408,
    code: "UNAVAILABLE",
    message: "the request's body came too slowly while others waited for its memory; try again",
  },
  TOO_MANY_REQUESTS: {
    status: 429,
    code: "TOOMANYREQUESTS",
    message: "too many failed logins; try again later",
  },
  UNAUTHORIZED: { status: 401, code: "UNAUTHORIZED", message: "authentication required" },
  VERSION_MISMATCH: {
    status: 412,
    code: "PRECONDITION_FAILED",
    message: "it was changed meanwhile: read it again, and send the ETag that it has now",
  },
  UNAVAILABLE: { status: 503, code: "UNAVAILABLE", message: "service unavailable; try again" },
} as const;

export type Refusal = keyof typeof REFUSALS;

/** Every reason that a refusal can have. */
export const REASONS = Object.keys(REFUSALS) as Refusal[];

interface Options {
  /** Replaces the table's sentence; says what is wrong and what to do. */
  readonly message?: string;
  /** Machine-readable `detail` of the error body. */
  readonly detail?: unknown;
  /** Headers that the answer must carry, such as WWW-Authenticate or Range. */
  readonly headers?: Record<string, string>;
  readonly cause?: unknown;
}

/** A refusal on its way to the client. Anything else that is thrown is a bug or an outage and becomes a 500. */
export class RegistryError extends Error {
  /** Which refusal it is. The code says less: the spec has one code, DENIED, for no right, no room and an immutable tag. */
  readonly reason: Refusal;
  readonly status: number;
  readonly code: string;
  readonly detail: unknown;
  readonly headers: Record<string, string>;

  constructor(reason: Refusal, options: Options = {}) {
    const { status, code, message } = REFUSALS[reason];
    super(options.message ?? message, { cause: options.cause });
    this.name = "RegistryError";
    this.reason = reason;
    this.status = status;
    this.code = code;
    this.detail = options.detail;
    this.headers = options.headers ?? {};
  }
}

/** Whether an error is one of these refusals. */
export function isRefusal(error: unknown, ...reasons: readonly Refusal[]): boolean {
  return error instanceof RegistryError && reasons.includes(error.reason);
}

/** Whether an error says that there is no such thing, whichever it is. */
export function isNotFound(error: unknown): boolean {
  return error instanceof RegistryError && error.status === 404;
}
