import { injectAll } from "./run.ts";
import { LOGINS } from "./logins.ts";

injectAll("logins", LOGINS);
