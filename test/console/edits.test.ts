/** Forms and deletions while others do the same, or while the reader goes on to another page. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Console, openConsole, REFRESH, visit } from "./console.ts";
import { expectAccessible, shot, type Watched } from "./browser.ts";
import { Pusher } from "./images.ts";

let place: Console;
let app: Pusher;

beforeAll(async () => {
  place = await openConsole();
  const { api, server } = place;
  await api("POST", "/namespaces", { name: "acme" });
  app = new Pusher(server, "demo/app");
  for (const tag of ["1.0", "1.1", "2.0"]) {
    await app.image("amd64", tag, { annotations: { tag } });
  }
});

afterAll(() => place?.close());

function open(path: string): Promise<Watched> {
  return visit(place.owner, place.server.url, path);
}

test("a namespace's settings keep what is typed when somebody else saves, and say so", async () => {
  const { api } = place;
  const { page, faults } = await open("/namespaces/acme/settings");
  await page.getByRole("button", { name: "Add a pattern" }).click();
  await page.getByLabel("Tags like").fill("mine-*");
  await api("PATCH", "/namespaces/acme", { visibility: "public" });
  await page.evaluate(REFRESH);
  await page.getByText("Somebody else saved other values").waitFor();
  expect(await page.getByLabel("Tags like").inputValue()).toBe("mine-*");
  await expectAccessible(page);
  await shot(page, "manage-outdated");
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await page.getByRole("alert").waitFor();
  expect(faults.splice(0)).toEqual([expect.stringContaining("412")]);
  expect((await api("GET", "/namespaces/acme"))["immutableTags"]).toEqual([]);
  await page.getByRole("button", { name: "Keep mine" }).click();
  await page.getByText("Somebody else saved").waitFor({ state: "detached" });
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await page.getByText("acme was changed").waitFor();
  expect((await api("GET", "/namespaces/acme"))["immutableTags"]).toEqual([
    { tags: "mine-*", except: [] },
  ]);
  // A form that nobody typed in shows what was saved last.
  await api("PATCH", "/namespaces/acme", { immutableTags: [{ tags: "theirs", except: [] }] });
  await page.evaluate(REFRESH);
  await expect.poll(() => page.getByLabel("Tags like").inputValue()).toBe("theirs");
  await page.getByLabel("Tags like").fill("mine again");
  await api("PATCH", "/namespaces/acme", { immutableTags: [] });
  await page.evaluate(REFRESH);
  await page.getByRole("button", { name: "Show the saved values" }).click();
  await page.getByText("All tags can be moved and deleted.").waitFor();
  expect(faults).toEqual([]);
  await page.close();
});

test("a repository's settings do the same", async () => {
  const { page, faults } = await open("/repositories/demo/app/-/settings");
  await page.getByLabel("Description").fill("mine");
  await place.api("PATCH", "/repositories/demo/app", { description: "theirs" });
  await page.evaluate(REFRESH);
  await page.getByText("Somebody else saved other values").waitFor();
  expect(await page.getByLabel("Description").inputValue()).toBe("mine");
  await page.getByRole("button", { name: "Show the saved values" }).click();
  expect(await page.getByLabel("Description").inputValue()).toBe("theirs");
  expect(faults).toEqual([]);
  await page.close();
});

test("a trust rule is edited in the form that made it, and not over somebody else's change", async () => {
  const { api } = place;
  const rule = {
    issuer: "https://token.actions.githubusercontent.com",
    audience: "https://registry.example",
    claims: {
      repository_id: ["1"],
      repository_owner_id: ["2"],
      environment: ["production eu", "4"],
    },
    scopes: [{ repositories: "acme/*", actions: ["push"] }],
    lifetime: 600,
  };
  await api("POST", "/namespaces/acme/trust-rules", { name: "build", ...rule });
  const { page, faults } = await open("/namespaces/acme/trust-rules?rule=build");
  await page.getByRole("link", { name: "Edit" }).click();
  await page.waitForURL(/\?edit=build$/);
  await page.getByRole("heading", { name: "Edit acme+build" }).waitFor();
  expect(await page.getByLabel("repository_id").inputValue()).toBe("1");
  await expectAccessible(page);
  await shot(page, "manage-trust-edit");
  await page.getByRole("textbox", { name: "ref (optional)", exact: true }).fill("refs/tags/v*");
  await api("PATCH", "/namespaces/acme/trust-rules/build", { lifetime: 900 });
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await page.getByText("Somebody else saved other values").waitFor();
  expect(faults.splice(0)).toEqual([expect.stringContaining("412")]);
  await page.getByRole("button", { name: "Show the saved values" }).click();
  await page.getByRole("textbox", { name: "ref (optional)", exact: true }).fill("refs/tags/v*");
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await page.getByText("acme+build was changed").waitFor();
  await page.waitForURL(/\?rule=build$/);
  expect(await api("GET", "/namespaces/acme/trust-rules/build")).toMatchObject({
    ...rule,
    claims: { ...rule.claims, ref: ["refs/tags/v*"] },
    lifetime: 900,
  });
  expect(faults).toEqual([]);
  await page.close();
});

test("failures of a deletion are told although its dialog was closed meanwhile", async () => {
  const { page, faults } = await open("/repositories/demo/app/-/tags?filter=1.");
  await page.getByRole("button", { name: "Select this page" }).click();
  await page.getByRole("button", { name: "Delete …" }).click();
  const held = Promise.withResolvers<void>();
  await page.route("**/-/delete", async (route) => {
    await held.promise;
    await route.continue();
  });
  await page.getByRole("button", { name: "Delete 2" }).click();
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await place.api("PATCH", "/repositories/demo/app", { immutableTags: [{ tags: "1.0" }] });
  held.resolve();
  await page.getByText("1 deleted 1 could not be deleted: 1.0: the tag 1.0 is immutable").waitFor();
  await page.getByRole("button", { name: "Undo" }).click();
  await page.getByText("Undone").waitFor();
  await place.api("PATCH", "/repositories/demo/app", { immutableTags: [] });
  expect(faults).toEqual([]);
  await page.close();
});

test("undo brings a manifest back and leaves a reader who went on where they are", async () => {
  const gone = await app.image("amd64", "gone", { annotations: { undo: "yes" } });
  const { page, faults } = await open(`/repositories/demo/app/-/manifests/${gone.digest}`);
  await page.getByRole("button", { name: "Delete", exact: true }).click();
  await page.getByRole("button", { name: "Delete 1" }).click();
  await page.waitForURL(/\/-\/versions$/);
  await page.getByRole("link", { name: "Tags", exact: true }).click();
  await page.getByRole("link", { name: "2.0", exact: true }).waitFor();
  await page.getByRole("button", { name: "Undo" }).click();
  await page.getByText("Undone").waitFor();
  await page.getByRole("link", { name: "gone", exact: true }).waitFor();
  expect(new URL(page.url()).pathname).toBe("/repositories/demo/app/-/tags");
  expect(faults).toEqual([]);
  await page.close();
});

test("rows of a filter that was changed while they were read are not chosen", async () => {
  const { page, faults } = await open("/repositories/demo/app/-/tags?filter=1.");
  await page.getByRole("link", { name: "1.1", exact: true }).waitFor();
  const held = Promise.withResolvers<void>();
  await page.route(/\/-\/tags\?.*filter=1\..*limit=100/, async (route) => {
    await held.promise;
    await route.continue();
  });
  await page.getByRole("button", { name: "Select all that match" }).click();
  await page.getByRole("searchbox", { name: "Filter tags" }).fill("2.");
  await page.getByRole("link", { name: "1.1", exact: true }).waitFor({ state: "detached" });
  held.resolve();
  await page.getByRole("button", { name: "Select all that match" }).click();
  await page.getByText("1 selected").waitFor();
  expect(faults).toEqual([]);
  await page.close();
});
