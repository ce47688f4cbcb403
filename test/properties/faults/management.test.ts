import { injectAll } from "./run.ts";
import { MANAGEMENT } from "./management.ts";

injectAll("management", MANAGEMENT);
