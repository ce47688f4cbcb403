import { RegistryError } from "../oci/errors.ts";

/** The only place where an error becomes a response: the spec's JSON, the refusal's status and headers. */
export function errorResponse(error: unknown): Response {
  if (error instanceof RegistryError) {
    const { status, code, message, detail } = error;
    // A 405 has to say what would be allowed (RFC 9110 § 15.5.6): to read what cannot be deleted.
    const headers = { ...(status === 405 ? { allow: "GET, HEAD" } : {}), ...error.headers };
    const body = { code, message, ...(detail === undefined ? {} : { detail }) };
    return Response.json({ errors: [body] }, { status, headers });
  }
  const body = { code: "UNKNOWN", message: "internal error; the log has the cause" };
  return Response.json({ errors: [body] }, { status: 500 });
}
