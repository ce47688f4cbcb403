/** What the Worker writes into the console's pages, and how it serves the files that they load. */
import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { RegistryClient, withSettings } from "../support/client.ts";
import { Counter, NOTHING } from "../support/counting.ts";
import { uniqueRepository } from "../support/images.ts";
import { done } from "../support/management.ts";

const HTML = { accept: "text/html,application/xhtml+xml,*/*;q=0.8" };
const visitor = new RegistryClient({ authorization: null });
const ATTACK = `"><script>alert(1)</script>&amp;' onload='x`;

async function open(path: string, client = visitor, headers: Record<string, string> = {}) {
  const response = await client.request("GET", path, { headers: { ...HTML, ...headers } });
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toBe("text/html; charset=utf-8");
  return { html: await response.text(), headers: response.headers };
}

test.each(["/", "/login", "/repositories/acme/app/-/tags", "/namespaces/acme", "/admin"])(
  "%s is the console's page, which may load nothing from elsewhere and runs no script of its text",
  async (path) => {
    const { html, headers } = await open(path);
    const policy = headers.get("content-security-policy") ?? "";
    expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toContain("unsafe");
    expect(policy).not.toContain("https:");
    expect(headers.get("cache-control")).toBe("no-store");
    expect(html.match(/<script(?! src="\/assets\/| type="module" src="\/assets\/)/g)).toBe(null);
    expect(html).not.toContain("style=");
  },
);

test("/ is a line of text for clients that accept no HTML, as load balancers are", async () => {
  const response = await visitor.request("GET", "/", { headers: { accept: "*/*" } });
  expect(response.headers.get("content-type")).toBe("text/plain; charset=utf-8");
});

test("a public repository's page has its name, description and pull command without JavaScript", async () => {
  const name = uniqueRepository();
  await done("POST", "/repositories", { name, visibility: "public", description: "Bakes bread." });
  const { html } = await open(`/repositories/${name}/-/tags`);
  expect(html).toContain(`<title>${name} · Slipway</title>`);
  expect(html).toContain('<meta property="og:description" content="Bakes bread.">');
  expect(html).toContain(`<h1>${name}</h1><p>Bakes bread.</p>`);
  expect(html).toContain(`<code>docker pull registry.test/${name}</code>`);
});

test("a description is text in the page, whatever it looks like", async () => {
  const name = uniqueRepository();
  await done("POST", "/repositories", { name, visibility: "public", description: ATTACK });
  const { html } = await open(`/repositories/${name}`);
  expect(html).not.toContain("<script>alert");
  expect(html).toContain(
    "&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;&amp;amp;&#39; onload=&#39;x",
  );
});

test("a private repository's page is the same as that of one that is not there", async () => {
  const name = uniqueRepository();
  await done("POST", "/repositories", { name, description: "Nobody's business." });
  const [there, absent] = [await open(`/repositories/${name}`), await open("/repositories/no/app")];
  expect(there.html).toBe(absent.html);
  const everyone = withSettings({ PUBLIC_PULL: "true" });
  const client = new RegistryClient({ authorization: null, send: everyone });
  expect((await open(`/repositories/${name}`, client)).html).toContain("Nobody&#39;s business.");
});

test("a page asks the database one thing about a repository, and else nothing", async () => {
  const counter = new Counter({ ...env });
  const client = new RegistryClient({ authorization: null, send: counter.send });
  const asked = await counter.duringAll(() => open("/repositories/acme/app", client));
  expect(asked).toEqual({ ...NOTHING, d1Queries: 1 });
  expect(await counter.duringAll(() => open("/namespaces/acme", client))).toEqual(NOTHING);
});

test("a page tells its script whether there is a session's cookie, and not what it is", async () => {
  expect((await open("/")).html).toContain('<meta name="slipway-session" content="no">');
  const { html } = await open("/", visitor, { cookie: "a=b; __Host-slipway=secret" });
  expect(html).toContain('<meta name="slipway-session" content="yes">');
  expect(html).not.toContain("secret");
});

test("images of other sites are allowed only where the reader asked for them", async () => {
  const { headers } = await open("/repositories/acme/app?images=remote");
  expect(headers.get("content-security-policy")).toContain("img-src 'self' data: https:;");
  expect(headers.get("content-security-policy")).toContain("script-src 'self';");
});

test("an asset may be kept for ever; one that is not there is 404, and nothing is kept", async () => {
  const { html } = await open("/");
  const files = [...html.matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)].map(([, path]) => path);
  expect(files.length).toBeGreaterThan(4);
  for (const file of files) {
    const response = await visitor.get(file ?? "");
    expect(response.status).toBe(200);
    expect(response.headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
    const etag = response.headers.get("etag") ?? "";
    await response.arrayBuffer();
    const again = await visitor.get(file ?? "", { "if-none-match": etag });
    expect(again.status).toBe(304);
    expect((await visitor.request("HEAD", file ?? "")).status).toBe(200);
  }
  for (const path of ["/assets/main-OLDNAMES.js", "/assets/", "/assets/../index.html"]) {
    const response = await visitor.request("GET", path, { headers: HTML });
    expect(response.status, path).not.toBe(200);
    expect(response.headers.get("content-type")).toBe("application/json");
    expect(response.headers.get("cache-control")).toBe("no-store");
  }
});
