/** The rights of each actor, and the answers to an actor without the right. */
import { env } from "cloudflare:workers";
import { SignJWT } from "jose";
import { beforeAll, expect, test } from "vitest";
import {
  ADMIN,
  basic,
  HOST,
  locationOf,
  RegistryClient,
  refusal,
  withSettings,
} from "../support/client.ts";
import {
  blob,
  type Content,
  imageManifest,
  type Manifest,
  uniqueRepository,
} from "../support/images.ts";
import { leavesNothing } from "../support/storage.ts";

const admin = new RegistryClient();
const { repository } = admin;
let layer: Content;
let image: Manifest;

beforeAll(async () => {
  layer = await admin.pushBlob(blob());
  image = await admin.pushManifest(imageManifest({ config: layer }), "latest");
});

/** Each kind of request, and the scope that its challenge has to ask for. */
function requests(): [string, string, string][] {
  return [
    ["GET", "manifests/latest", `repository:${repository}:pull`],
    ["HEAD", `blobs/${layer.digest}`, `repository:${repository}:pull`],
    ["GET", "tags/list", `repository:${repository}:pull`],
    ["GET", `referrers/${image.digest}`, `repository:${repository}:pull`],
    ["POST", "blobs/uploads/", `repository:${repository}:pull,push`],
    ["PATCH", `blobs/uploads/${crypto.randomUUID()}`, `repository:${repository}:pull,push`],
    ["PUT", "manifests/v2", `repository:${repository}:pull,push`],
    ["DELETE", `blobs/uploads/${crypto.randomUUID()}`, `repository:${repository}:pull,push`],
    ["DELETE", "manifests/latest", `repository:${repository}:delete`],
    ["DELETE", `blobs/${layer.digest}`, `repository:${repository}:delete`],
    ["GET", "/v2/_catalog", "registry:catalog:*"],
  ];
}

test("without credentials everything is refused, with one Bearer challenge and its scope", async () => {
  const anonymous = admin.as(null);
  for (const [method, path, scope] of requests()) {
    const body = method === "PUT" || method === "PATCH" ? layer.bytes : null;
    const response = await leavesNothing(() => anonymous.request(method, path, { body }));
    expect([method, path, response.status]).toEqual([method, path, 401]);
    expect(response.headers.get("www-authenticate")).toBe(
      `Bearer realm="https://${HOST}/token",service="${HOST}",scope="${scope}"`,
    );
  }
});

test("what is there is not told from what is not, without credentials", async () => {
  const anonymous = admin.as(null);
  const there = await anonymous.get(`blobs/${layer.digest}`);
  const absent = await anonymous.get(`blobs/${blob().digest}`);
  expect(await absent.text()).toBe(await there.text());
});

test("a token does what its scope says, and not more: error=insufficient_scope", async () => {
  const token = await admin.token(`repository:${repository}:pull`);
  const client = admin.as(token);
  expect(await client.pullManifest("latest")).toEqual(image.bytes);
  expect((await client.head(`blobs/${layer.digest}`)).status).toBe(200);
  const response = await leavesNothing(() => client.request("POST", "blobs/uploads/"));
  expect(response.headers.get("www-authenticate")).toBe(
    `Bearer realm="https://${HOST}/token",service="${HOST}",scope="repository:${repository}:pull,push",error="insufficient_scope"`,
  );
  expect(await refusal(response)).toEqual({ status: 401, code: "UNAUTHORIZED" });
});

test("a token for one repository does nothing in another", async () => {
  const token = await admin.token(`repository:${uniqueRepository()}:pull,push,delete`);
  const response = await admin.as(token).get("manifests/latest");
  expect(response.headers.get("www-authenticate")).toContain('error="insufficient_scope"');
  expect(response.status).toBe(401);
});

test("a token to push pushes and pulls, and does not delete", async () => {
  const own = new RegistryClient();
  const client = own.as(await own.token(`repository:${own.repository}:pull,push`));
  const config = await client.pushBlob(blob());
  await client.pushManifest(imageManifest({ config }), "v1");
  expect(await client.listTags()).toEqual(["v1"]);
  const response = await leavesNothing(() => client.request("DELETE", "manifests/v1"));
  expect(response.headers.get("www-authenticate")).toContain('error="insufficient_scope"');
  const location = await client.startUpload();
  expect((await client.request("DELETE", location)).status).toBe(204);
});

test("a token for * deletes", async () => {
  const own = new RegistryClient();
  const client = own.as(await own.token(`repository:${own.repository}:*`));
  const { digest } = await client.pushBlob(blob());
  expect((await client.request("DELETE", `blobs/${digest}`)).status).toBe(202);
});

test("a token for the catalog lists it, another does not", async () => {
  const catalog = await admin.token("registry:catalog:*");
  expect((await admin.as(catalog).get("/v2/_catalog")).status).toBe(200);
  const pull = await admin.token(`repository:${repository}:pull`);
  expect((await admin.as(pull).get("/v2/_catalog")).status).toBe(401);
});

test("the password itself is understood, without a token", async () => {
  expect((await admin.as(ADMIN).get("manifests/latest")).status).toBe(200);
});

test.each([
  ["expired", () => sign({ exp: -60 })],
  ["not yet valid", () => sign({ nbf: 3_600 })],
  [
    "signed with another key",
    () => sign({ key: "another key that is long enough to be one, too" }),
  ],
  ["of another service", () => sign({ aud: "other.test" })],
  ["of another issuer", () => sign({ iss: "other.test" })],
  ["signed with another algorithm", () => sign({ alg: "HS512" })],
  ["signed with none", unsigned],
  ["forged", forged],
  ["without a signature", async () => (await admin.token()).split(".").slice(0, 2).join(".")],
  ["without an access list", () => sign({ claims: {} })],
  ["nonsense", () => Promise.resolve("nonsense")],
  ["empty", () => Promise.resolve("")],
])("a token that is %s is refused with error=invalid_token, everywhere", async (_, make) => {
  const token = (await make()).replace(/^Bearer /, "");
  const client = admin.as(`Bearer ${token}`);
  for (const path of ["manifests/latest", "/v2/"]) {
    const response = await client.get(path);
    expect(response.headers.get("www-authenticate")).toMatch(
      /^Bearer realm="[^"]+",service="[^"]+",(scope="[^"]+",)?error="invalid_token"$/,
    );
    expect(await refusal(response)).toEqual({ status: 401, code: "UNAUTHORIZED" });
  }
});

test("the signer of these tests makes good tokens too, so that the bad ones are bad for their reason", async () => {
  const client = admin.as(`Bearer ${await sign({})}`);
  expect((await client.get("manifests/latest")).status).toBe(200);
});

test("a refused token's challenge names the scope that the request needs", async () => {
  const client = admin.as(`Bearer ${await sign({ exp: -60 })}`);
  const response = await client.request("POST", "blobs/uploads/");
  expect(response.headers.get("www-authenticate")).toContain(
    `scope="repository:${repository}:pull,push"`,
  );
});

test.each(["Digest x", "Bearer", "Negotiate", "x", basic("admin", "wrong")])(
  "the Authorization %j is refused, not taken for none",
  async (authorization) => {
    const send = withSettings({ PUBLIC_PULL: "true" });
    const client = new RegistryClient({ repository, authorization, send });
    expect((await refusal(await client.get("manifests/latest"))).status).toBe(401);
  },
);

test("a mount from where the token may not read is an upload, and tells nothing", async () => {
  const source = new RegistryClient();
  const { digest } = await source.pushBlob(blob());
  const own = new RegistryClient();
  const claims = {
    access: [{ type: "repository", name: own.repository, actions: ["pull", "push"] }],
    ...REST,
  };
  const client = own.as(`Bearer ${await sign({ claims })}`);
  for (const from of [`&from=${source.repository}`, ""]) {
    const mount = () => client.request("POST", `blobs/uploads/?mount=${digest}${from}`);
    const response = await leavesNothing(mount);
    expect(response.status).toBe(202);
    expect(await client.progress(locationOf(response))).toBe("0--1");
  }
  expect((await client.head(`blobs/${digest}`)).status).toBe(404);
});

test("a manifest does not take over a blob from where the token may not read", async () => {
  const source = new RegistryClient();
  const config = await source.pushBlob(blob());
  const own = new RegistryClient();
  const claims = {
    access: [{ type: "repository", name: own.repository, actions: ["pull", "push"] }],
    ...REST,
  };
  const client = own.as(`Bearer ${await sign({ claims })}`);
  const put = () => client.putManifest("v1", imageManifest({ config }));
  expect(await refusal(await leavesNothing(put))).toEqual({
    status: 400,
    code: "MANIFEST_BLOB_UNKNOWN",
  });
});

test("PUBLIC_PULL: everyone pulls everything, and nothing else", async () => {
  const send = withSettings({ PUBLIC_PULL: "true" });
  const everyone = new RegistryClient({ repository, authorization: null, send });
  expect(await everyone.pullManifest("latest")).toEqual(image.bytes);
  expect(await everyone.pullBlob(layer.digest)).toEqual(layer.bytes);
  expect(await everyone.listTags()).toEqual(["latest"]);
  const push = await leavesNothing(() => everyone.request("POST", "blobs/uploads/"));
  expect(push.status).toBe(401);
  expect((await everyone.request("DELETE", "manifests/latest")).status).toBe(401);
  expect((await everyone.get("/v2/_catalog")).status).toBe(401);
});

test("PUBLIC_PULL: the ping still challenges, so that Docker can log in", async () => {
  const send = withSettings({ PUBLIC_PULL: "true" });
  const everyone = new RegistryClient({ authorization: null, send });
  const response = await everyone.get("/v2/");
  expect(response.headers.get("www-authenticate")).toMatch(/^Bearer realm=/);
  expect(response.status).toBe(401);
});

test("PUBLIC_PULL: a token for something else does not take pulling away", async () => {
  const send = withSettings({ PUBLIC_PULL: "true" });
  const token = await admin.token(`repository:${uniqueRepository()}:push`);
  const client = new RegistryClient({ repository, authorization: token, send });
  expect(await client.pullManifest("latest")).toEqual(image.bytes);
});

test("ALLOW_SPARSE_INDEXES: children and layers may be missing, a config may not", async () => {
  const send = withSettings({ ALLOW_SPARSE_INDEXES: "true" });
  const client = new RegistryClient({ send });
  const config = await client.pushBlob(blob());
  const sparse = imageManifest({ config, layers: [blob()] });
  await client.pushManifest(sparse, "sparse");
  expect(await client.pullManifest("sparse")).toEqual(sparse.bytes);
  const configless = await client.putManifest("none", imageManifest({ config: blob() }));
  expect(await refusal(configless)).toEqual({ status: 400, code: "MANIFEST_BLOB_UNKNOWN" });
});

interface Signing {
  readonly key?: string;
  readonly alg?: string;
  readonly typ?: string;
  readonly iss?: string;
  readonly aud?: string;
  /** Seconds from now. */
  readonly exp?: number;
  readonly nbf?: number;
  readonly claims?: Record<string, unknown>;
}

/** The claims of every token besides its access. */
const REST = {
  sources: "granted",
  refused: [],
  via: "password",
  dependsOn: ["user:admin"],
  subject: null,
  grantedAt: Date.now(),
};

const PULL = () => ({
  access: [{ type: "repository", name: repository, actions: ["pull"] }],
  ...REST,
});

/** Signs a token as the registry would, except for the given options. */
async function sign(options: Signing): Promise<string> {
  const {
    key = env.TOKEN_KEY,
    alg = "HS256",
    typ = "JWT",
    iss = HOST,
    aud = HOST,
    exp = 300,
    nbf = 0,
  } = options;
  const now = Math.floor(Date.now() / 1000);
  return new SignJWT(options.claims ?? PULL())
    .setProtectedHeader({ alg, typ, kid: await keyId(env.TOKEN_KEY) })
    .setIssuer(iss)
    .setAudience(aud)
    .setSubject("admin")
    .setIssuedAt(now - 100)
    .setNotBefore(now + nbf)
    .setExpirationTime(now + exp)
    .sign(new TextEncoder().encode(key));
}

async function keyId(key: string): Promise<string> {
  const id = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(`kid:${key}`));
  return new Uint8Array(id, 0, 8).toHex();
}

async function unsigned(): Promise<string> {
  const [, claims] = (await sign({})).split(".");
  const header = new TextEncoder().encode(
    JSON.stringify({ alg: "none", typ: "JWT", kid: await keyId(env.TOKEN_KEY) }),
  );
  return `${header.toBase64({ alphabet: "base64url", omitPadding: true })}.${claims}.`;
}

/** A good token for nothing, whose claims were exchanged. */
async function forged(): Promise<string> {
  const [header, , signature] = (await sign({ claims: { access: [], ...REST } })).split(".");
  const [, claims] = (await sign({})).split(".");
  return `${header}.${claims}.${signature}`;
}
