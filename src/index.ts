import { handle } from "./app.ts";
import type { Env } from "./env.ts";

export { UploadSession } from "./session/upload-session.ts";

export default {
  fetch(request, env, context) {
    const response = handle(request, env);
    // A client that hangs up would end the request at once; this way what it began is put in order first.
    context.waitUntil(response);
    return response;
  },
} satisfies ExportedHandler<Env>;
