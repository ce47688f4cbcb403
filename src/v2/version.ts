/** end-1: this is a registry, and the caller's credentials are good. */
export function read(): Response {
  return Response.json({});
}
