import { injectAll } from "./run.ts";
import { UPLOADS } from "./uploads.ts";

injectAll("uploads", UPLOADS);
