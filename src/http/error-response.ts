import { RegistryError } from "../oci/errors.ts";

/** The only place where an error becomes a response: the spec's JSON, the refusal's status and headers. */
export function errorResponse(error: unknown): Response {
  if (error instanceof RegistryError) {
    const { status, code, message, detail } = error;
    // A 405 has to list the allowed methods (RFC 9110 § 15.5.6): content that cannot be deleted can be read.
    const headers = { ...(status === 405 ? { allow: "GET, HEAD" } : {}), ...error.headers };
    const body = { code, message, ...(detail === undefined ? {} : { detail }) };
    return Response.json({ errors: [body] }, { status, headers });
  }
  const body = { code: "UNKNOWN", message: "internal error; the log has the cause" };
  return Response.json({ errors: [body] }, { status: 500 });
}

/** Makes a problem document (RFC 9457), for the management API: the status, what happened, and what to do. */
export function problemResponse(error: unknown): Response {
  const known = error instanceof RegistryError;
  const status = known ? error.status : 500;
  const problem = {
    type: "about:blank",
    title: TITLES[status] ?? "Error",
    status,
    detail: known ? error.message : "internal error; the log has the cause",
    code: known ? error.reason : "UNKNOWN",
    // The fields that are wrong, if the error is about fields.
    ...(known && Array.isArray(error.detail) ? { errors: error.detail as unknown[] } : {}),
  };
  const headers = {
    ...(known ? error.headers : {}),
    "content-type": "application/problem+json",
  };
  return new Response(JSON.stringify(problem), { status, headers });
}

/** RFC 9457 § 4.2.1: with "about:blank" the title is the status's own phrase. */
const TITLES: Readonly<Record<number, string>> = {
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  409: "Conflict",
  412: "Precondition Failed",
  413: "Content Too Large",
  415: "Unsupported Media Type",
  429: "Too Many Requests",
  500: "Internal Server Error",
  503: "Service Unavailable",
};
