/** docs/api.md is made from the endpoints. */
import { expect, test } from "vitest";
import page from "../../docs/api.md?raw";
import { referencePage } from "../../scripts/api-reference/page.ts";
import { done } from "../support/management.ts";

test("the reference page is the one that npm run api-reference makes", async () => {
  const document = await done<Parameters<typeof referencePage>[0]>("GET", "/openapi.json");
  expect(page).toBe(referencePage(document));
});
