/** Texts that would run as scripts, in every field that pushers and users write: each page shows them as text. */
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { OCI_INDEX } from "../../src/oci/media-type.ts";
import { blob, describe, imageManifest, type Manifest, manifest, text } from "../support/images.ts";
import { type Console, openConsole, visit } from "./console.ts";
import { Pusher } from "./images.ts";

const PAYLOADS = [
  `<script>alert(1)</script>`,
  `<img src=x onerror=alert(2)>`,
  `javascript:alert(3)`,
  `<svg onload=alert(4)>`,
  `"><img src=x onerror=alert(5)>`,
  `' autofocus onfocus='alert(6)`,
  `[link](javascript:alert(7))`,
  `<javascript:alert(8)>`,
  `![picture](javascript:alert(9))`,
  `data:text/html,<script>alert(10)</script>`,
];
const ALL = PAYLOADS.join(" ");
/** For searches and filters, which are short. */
const SHORT = PAYLOADS.slice(0, 2).join("");
/** Each as a value of its own, and as a name. */
const PAIRS = Object.fromEntries(
  PAYLOADS.flatMap((payload, at) => [
    [`value.${at}`, payload],
    [payload, `name ${at}`],
  ]),
);
/** Labels that pages show as links, if they are ones. */
const LINKS = {
  "org.opencontainers.image.source": "javascript:alert(11)",
  "org.opencontainers.image.url": "data:text/html,<script>alert(12)</script>",
  "org.opencontainers.image.documentation": ` https://"onclick="alert(13)`,
};

let place: Console;
let image: Manifest;
let index: Manifest;

beforeAll(async () => {
  place = await openConsole();
  const { api, server } = place;
  await api("POST", "/namespaces", { name: "demo" });
  await api("POST", "/repositories", {
    name: "demo/app",
    visibility: "public",
    description: ALL,
    readme: `${PAYLOADS.join("\n\n")}\n\n# ${ALL}\n\n| ${PAYLOADS.slice(0, 4).join(" | ")} |\n|---|---|---|---|\n`,
    labels: PAIRS,
  });
  await push(new Pusher(server, "demo/app"));
  await api("POST", "/namespaces/demo/robots", {
    name: "ci",
    description: ALL,
    scopes: [{ repositories: "demo/*", actions: ["push"] }],
  });
  await api("POST", "/namespaces/demo/trust-rules", {
    name: "ci",
    issuer: "https://ci.example",
    audience: PAYLOADS[0],
    claims: { sub: PAYLOADS, ...Object.fromEntries(PAYLOADS.map((one) => [one, [one]])) },
    scopes: [{ repositories: "demo/*", actions: ["push"] }],
  });
  await api("POST", "/tokens", { description: ALL });
  const signedIn = await fetch(`${server.url}/api/v1/sessions`, {
    method: "POST",
    headers: { "content-type": "application/json", origin: server.url, "user-agent": ALL },
    body: JSON.stringify({ name: "admin", password: server.password }),
  });
  expect(signedIn.status).toBe(201);
});

afterAll(() => place?.close());

async function push(app: Pusher): Promise<void> {
  const config = {
    os: PAYLOADS[0],
    architecture: PAYLOADS[1],
    variant: PAYLOADS[4],
    author: ALL,
    created: PAYLOADS[3],
    config: {
      Env: PAYLOADS,
      Entrypoint: PAYLOADS,
      Cmd: PAYLOADS,
      Labels: { ...PAIRS, ...LINKS },
      User: ALL,
      WorkingDir: ALL,
      StopSignal: ALL,
      ExposedPorts: Object.fromEntries(PAYLOADS.map((one) => [one, {}])),
      Volumes: Object.fromEntries(PAYLOADS.map((one) => [one, {}])),
    },
    history: [{ created: PAYLOADS[2], created_by: ALL, comment: ALL, author: ALL }],
  };
  const layer = await app.blob(blob(1_000));
  const title = { annotations: { "org.opencontainers.image.title": ALL, ...PAIRS } };
  const layers = [describe(layer, PAYLOADS[5] ?? "", title)];
  const fields = { layers, annotations: { ...PAIRS, ...LINKS } };
  const made = imageManifest({ config: await app.blob(text(JSON.stringify(config))), fields });
  image = await app.manifest(made, "app");
  for (const type of PAYLOADS) await app.referrer(image, type, { ...PAIRS, ...LINKS });
  const platform = { os: PAYLOADS[1], architecture: PAYLOADS[3], variant: PAYLOADS[4] };
  const manifests = [describe(image, image.mediaType, { platform, annotations: PAIRS })];
  const body = { schemaVersion: 2, mediaType: OCI_INDEX, manifests, annotations: PAIRS };
  index = await app.manifest(manifest(OCI_INDEX, body), "index");
}

/** Elements that a text became: those that pages do not make, handlers, and links that run something. */
const MADE = `[...document.body.querySelectorAll("*")].filter((one) =>
  one.matches("main :is(script, img, iframe, object, embed), [autofocus]") ||
  [...one.attributes].some(({ name, value }) => /^on/i.test(name) ||
    (/^(?:href|src|action|formaction|srcdoc)$/i.test(name) && /^\\s*(?:javascript|data|vbscript):/i.test(value))),
).map((one) => one.outerHTML)`;

/** Expects that the page, once it is read, has nothing that a text became. */
async function expectText(page: Page, path: string): Promise<string> {
  await page.goto(place.server.url + path);
  await page.locator("main h1").waitFor();
  await expect.poll(() => page.locator("main .loading").count()).toBe(0);
  await page.evaluate(
    "document.querySelectorAll('details').forEach((one) => { one.open = true; })",
  );
  expect(await page.evaluate(MADE), path).toEqual([]);
  return (await page.locator("main").textContent()) ?? "";
}

test("no page runs what somebody wrote, and none makes an element or a link of it", async () => {
  const { page, faults } = await visit(place.owner, place.server.url, "/");
  const hostile = [
    "/",
    `/?q=${encodeURIComponent(SHORT)}`,
    "/repositories/demo/app",
    `/repositories/demo/app/-/tags?filter=${encodeURIComponent(SHORT)}`,
    `/repositories/demo/app/-/manifests/${image.digest}`,
    `/repositories/demo/app/-/manifests/${index.digest}`,
    "/namespaces/demo/robots",
    "/namespaces/demo/robots?robot=ci",
    "/namespaces/demo/trust-rules",
    "/namespaces/demo/trust-rules?rule=ci",
    "/account/tokens",
    "/account/sessions",
    "/admin/audit",
  ];
  for (const path of hostile) expect(await expectText(page, path), path).toContain("alert(");
  const others = [
    "/repositories/demo/app/-/tags",
    "/repositories/demo/app/-/versions",
    "/repositories/demo/app/-/settings",
    "/repositories/demo/app/-/trash",
    "/repositories/demo/app/-/retention",
    "/namespaces/demo",
    "/namespaces/demo/settings",
    "/namespaces/demo/audit",
    "/namespaces/demo/trust-rules?edit=ci",
  ];
  for (const path of others) await expectText(page, path);
  await page.goto(`${place.server.url}/repositories/demo/app/-/settings`);
  await page.getByRole("button", { name: "Preview the readme" }).click();
  await page.locator(".readme-preview", { hasText: "alert(1)" }).waitFor();
  expect(await page.evaluate(MADE)).toEqual([]);
  expect(faults).toEqual([]);
  await page.close();
});

test("the page that needs no JavaScript has them as text too", async () => {
  const response = await fetch(`${place.server.url}/repositories/demo/app`, {
    headers: { accept: "text/html" },
  });
  const html = await response.text();
  expect(html).toContain("alert(1)");
  expect(html).not.toMatch(/<script>alert|<img src=x|<svg onload/);
  const plain = await place.browser.newContext({ javaScriptEnabled: false });
  const { page, faults } = await visit(plain, place.server.url, "/repositories/demo/app");
  expect(await page.locator("main").textContent()).toContain(PAYLOADS[0]);
  expect(await page.locator("main :is(script, img)").count()).toBe(0);
  expect(faults).toEqual([]);
  await plain.close();
});

test("names are refused that could be more than text", async () => {
  const { server } = place;
  const headers = {
    authorization: `Basic ${btoa(`admin:${server.password}`)}`,
    "content-type": "application/json",
  };
  const scopes = [{ repositories: "demo/*", actions: ["push"] }];
  const made = (name: string): readonly (readonly [string, object])[] => [
    ["/namespaces", { name }],
    ["/repositories", { name: `demo/${name}` }],
    ["/users", { name, password: "a password that is long enough" }],
    ["/namespaces/demo/robots", { name, scopes }],
    ["/namespaces/demo/robots", { name: "other", scopes: [{ ...scopes[0], repositories: name }] }],
    ["/repositories", { name: "demo/other", description: `${name}\n` }],
  ];
  const labelled = Object.entries(LINKS).map(
    ([key, link]) => ["/repositories", { name: "demo/other", labels: { [key]: link } }] as const,
  );
  for (const [path, body] of [...PAYLOADS.flatMap(made), ...labelled]) {
    const to = `${server.url}/api/v1${path}`;
    const response = await fetch(to, { method: "POST", headers, body: JSON.stringify(body) });
    expect(response.status, `${path} ${JSON.stringify(body)}`).toBe(400);
    await response.body?.cancel();
  }
});
