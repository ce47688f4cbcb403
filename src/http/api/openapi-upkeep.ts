import type { Schema } from "./openapi-schemas.ts";
import type { Groups } from "./openapi-shape.ts";

/** What keeps the registry in order: undo, immutable tags, retention, quotas, collection, repair. */
export const UPKEEP_GROUPS: Groups = {};

export const UPKEEP_SCHEMAS: Readonly<Record<string, Schema>> = {};
