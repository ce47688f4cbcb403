import { injectAll } from "./run.ts";
import { MANIFESTS } from "./manifests.ts";

injectAll("manifests", MANIFESTS);
