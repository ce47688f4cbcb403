/** The audit entry of a push or a delete exists when the answer does. */
import { beforeEach, expect, test } from "vitest";
import { addRobot, addSecret } from "../support/accounts.ts";
import { basic, locationOf, RegistryClient, type Send, withSettings } from "../support/client.ts";
import { audited, Outbox, type Row } from "../support/events.ts";
import { blob, imageManifest, index, type Manifest, unknownDigest } from "../support/images.ts";
import { newNamespace, newUser, type Person } from "../support/principals.ts";

const AGENT = `docker/29.0 ${"x".repeat(300)}`;
const ADDRESS = "192.0.2.7";

let namespace: string;
let user: Person;
let client: RegistryClient;

beforeEach(async () => {
  namespace = await newNamespace();
  user = await newUser({ [`${namespace}/*`]: "maintainer" });
  client = as(user.authorization);
});

function as(authorization: string, send: Send = withSettings({})): RegistryClient {
  const marked: Send = (request) => {
    request.headers.set("cf-connecting-ip", ADDRESS);
    request.headers.set("user-agent", AGENT);
    return send(request);
  };
  return new RegistryClient({ repository: `${namespace}/app`, authorization, send: marked });
}

/** The one row that the answer's request left, besides that of a repository that it made. */
async function expectAudited(response: Response, entry: Partial<Row>): Promise<void> {
  expect(response.ok, await response.clone().text()).toBe(true);
  const rows = (await audited(response)).filter(({ action }) => action !== "repository.create");
  expect(rows).toEqual([
    {
      id: expect.stringMatching(/^[0-9a-f]{28}$/),
      time: expect.any(Number),
      actor: user.name,
      subject: null,
      via: "password",
      action: "",
      namespace,
      repository: `${namespace}/app`,
      reference: null,
      digest: null,
      detail: null,
      address: ADDRESS,
      agent: AGENT.slice(0, 200),
      request_id: response.headers.get("x-request-id"),
      outcome: "done",
      ...entry,
    },
  ]);
  const [row] = rows;
  expect(Math.abs(Date.now() - (row?.time ?? 0))).toBeLessThan(10_000);
  expect(Number.parseInt(row?.id.slice(0, 12) ?? "", 16)).toBe(row?.time);
}

async function expectNothing(response: Response, status: number): Promise<void> {
  expect(response.status).toBe(status);
  expect((await audited(response)).filter(({ outcome }) => outcome === "done")).toEqual([]);
}

async function pushImage(tag?: string): Promise<Manifest> {
  const config = await client.pushBlob(blob());
  return client.pushManifest(imageManifest({ config }), tag);
}

test("a blob is pushed without an event: its manifest's says that it came", async () => {
  const [one, two, three] = [blob(), blob(), blob()];
  await client.request("POST", `blobs/uploads/?digest=${blob().digest}`);
  const single = await client.request("POST", `blobs/uploads/?digest=${one.digest}`, {
    body: one.bytes,
  });
  expect((await audited(single)).map(({ action }) => action)).toEqual(["repository.create"]);
  const begun = await client.request("POST", "blobs/uploads/");
  await expectNothing(begun, 202);
  await expectNothing(await client.finish(locationOf(begun), two.digest, two.bytes), 201);
  const patched = await client.patch(await client.startUpload(), three.bytes);
  await expectNothing(patched, 202);
  await expectNothing(await client.finish(locationOf(patched), three.digest), 201);
});

async function created(response: Response): Promise<Row[]> {
  return (await audited(response)).filter(({ action }) => action === "repository.create");
}

test("the push that makes the repository: repository.create, once, and not by a mount that cannot be done", async () => {
  const vain = await client.request("POST", `blobs/uploads/?mount=${unknownDigest()}`);
  expect(await created(vain)).toEqual([]);
  const push = async () => {
    const { bytes, digest } = blob();
    return client.request("POST", `blobs/uploads/?digest=${digest}`, { body: bytes });
  };
  const [row, ...more] = await created(await push());
  expect(row).toMatchObject({ actor: user.name, repository: `${namespace}/app`, outcome: "done" });
  expect(more).toEqual([]);
  expect(await created(await push())).toEqual([]);
});

test("a blob is mounted without an event: its manifest's says that it came", async () => {
  await pushImage();
  const { digest } = await client.in(`${namespace}/base`).pushBlob(blob());
  const path = `blobs/uploads/?mount=${digest}&from=${namespace}/base`;
  await expectNothing(await client.request("POST", path), 201);
});

test("a mount of what the repository holds changes nothing, and the log does not say so", async () => {
  const { digest } = await client.pushBlob(blob());
  const response = await client.request("POST", `blobs/uploads/?mount=${digest}`);
  await expectNothing(response, 201);
});

test("a mount that cannot be done is none", async () => {
  const path = `blobs/uploads/?mount=${unknownDigest()}&from=${namespace}/base`;
  await expectNothing(await client.request("POST", path), 202);
});

test("a manifest that is pushed: manifest.push, with its digest, what it brought, and all its tags", async () => {
  const config = await client.pushBlob(blob());
  const image = imageManifest({ config });
  const { digest } = image;
  const byDigest = await client.putManifest(digest, image);
  const detail = "1 new blob, 100 bytes";
  await expectAudited(byDigest, { action: "manifest.push", digest, detail });
  const byTag = await client.putManifest("latest", image);
  await expectAudited(byTag, { action: "manifest.push", digest, reference: "latest" });
  const many = await client.putManifest("v1?tag=v1.2&tag=v1.2.3", image);
  await expectAudited(many, { action: "manifest.push", digest, reference: "v1,v1.2,v1.2.3" });
});

test("a push that moves tags says what each of them pointed to before", async () => {
  const [one, other] = [await pushImage("latest"), await pushImage("v1")];
  const image = imageManifest({ config: await client.pushBlob(blob()) });
  const { digest } = image;
  const answer = await client.putManifest("latest?tag=v1&tag=v2", image);
  await expectAudited(answer, {
    action: "manifest.push",
    digest,
    reference: "latest,v1,v2",
    detail: `1 new blob, 100 bytes; latest was ${one.digest}, v1 was ${other.digest}`,
  });
  // Pushed again, they point to what they pointed to.
  await expectAudited(await client.putManifest("latest?tag=v1", image), {
    action: "manifest.push",
    digest,
    reference: "latest,v1",
  });
});

test("a tag that is deleted: tag.delete, with its name and what it pointed to", async () => {
  const { digest } = await pushImage("latest");
  const response = await client.request("DELETE", "manifests/latest");
  await expectAudited(response, { action: "tag.delete", reference: "latest", digest });
  await expectNothing(await client.request("DELETE", "manifests/latest"), 404);
});

test("a manifest that is deleted: manifest.delete, with its digest and the tags that went with it", async () => {
  const { digest } = await pushImage("latest");
  const response = await client.request("DELETE", `manifests/${digest}`);
  await expectAudited(response, { action: "manifest.delete", digest, reference: "latest" });
  await expectNothing(await client.request("DELETE", `manifests/${digest}`), 404);
});

test("a blob that is deleted: blob.delete, with its digest", async () => {
  const { digest } = await client.pushBlob(blob());
  const response = await client.request("DELETE", `blobs/${digest}`);
  await expectAudited(response, { action: "blob.delete", digest });
  await expectNothing(await client.request("DELETE", `blobs/${digest}`), 404);
});

test("what is still in use was not deleted, and the log does not say so", async () => {
  const config = await client.pushBlob(blob());
  const image = await client.pushManifest(imageManifest({ config }));
  await client.pushManifest(index([image]), "all");
  await expectNothing(await client.request("DELETE", `blobs/${config.digest}`), 405);
  await expectNothing(await client.request("DELETE", `manifests/${image.digest}`), 405);
});

test("what was refused was not done", async () => {
  const { bytes } = blob();
  const config = blob();
  const location = await client.startUpload();
  await expectNothing(await client.finish(location, unknownDigest(), bytes), 400);
  await expectNothing(await client.putManifest("v1", imageManifest({ config })), 400);
  const reader = as((await newUser({ [`${namespace}/*`]: "reader" })).authorization);
  await expectNothing(await reader.request("DELETE", "manifests/latest"), 403);
  await expectNothing(await reader.request("POST", "blobs/uploads/"), 403);
});

test("reading leaves nothing", async () => {
  const { digest } = await pushImage("latest");
  for (const path of ["manifests/latest", `manifests/${digest}`, "tags/list", "/v2/"]) {
    await expectNothing(await client.get(path), 200);
  }
});

test("a push says how many blobs it brought, uploaded or mounted, and not those that were there", async () => {
  const [config, base] = [await client.pushBlob(blob(10)), await client.pushBlob(blob(20))];
  await client.pushManifest(imageManifest({ config, layers: [base] }), "base");
  const mounted = await client.in(`${namespace}/base`).pushBlob(blob(300));
  const path = `blobs/uploads/?mount=${mounted.digest}&from=${namespace}/base`;
  expect((await client.request("POST", path)).status).toBe(201);
  const more = [await client.pushBlob(blob(4000)), await client.pushBlob(blob(50_000))];
  const layers = [base, ...more, mounted];
  const image = imageManifest({ config, layers });
  const pushed = await client.putManifest("base", image);
  const [row] = await audited(pushed);
  expect(row).toMatchObject({ action: "manifest.push", reference: "base" });
  expect(row?.detail).toMatch(/^3 new blobs, 54300 bytes; base was sha256:[0-9a-f]{64}$/);
  const again = await client.putManifest("other", image);
  expect((await audited(again))[0]?.detail).toBeNull();
});

test("a push of a manifest with thousands of layers says how many it brought", async () => {
  const config = await client.pushBlob(blob(10));
  const layer = await client.pushBlob(blob(90));
  const many = Array.from({ length: 1_100 }, () => blob(1));
  const send = withSettings({ ALLOW_SPARSE_INDEXES: "true", MAX_OPTIONAL_REFERENCES: "2000" });
  const image = imageManifest({ config, layers: [layer, ...many] });
  const pushed = await as(user.authorization, send).putManifest("many", image);
  const rows = await audited(pushed);
  expect(rows.map(({ action, detail }) => [action, detail])).toEqual([
    ["manifest.push", "2 new blobs, 100 bytes"],
  ]);
});

test("a robot's push is in the robot's name, and a registry token's in its owner's", async () => {
  const scopes = [{ repositories: `${namespace}/*`, actions: ["push" as const] }];
  const robot = await addRobot(namespace, scopes);
  const { secret } = await addSecret({ robot });
  const config = await client.pushBlob(blob());
  const image = imageManifest({ config });
  const { digest } = image;
  const pushed = await as(basic(robot, secret)).putManifest(digest, image);
  const subject = expect.stringMatching(/^token:[0-9a-f]{16}$/) as string;
  const detail = "1 new blob, 100 bytes";
  const entry = { action: "manifest.push", digest, subject };
  await expectAudited(pushed, { ...entry, detail, actor: robot, via: "robot" });
  const mine = await addSecret({ user: user.name, scopes });
  const scope = `repository:${namespace}/app:pull,push`;
  const bearer = await as(basic(user.name, mine.secret)).token(scope);
  const again = await as(bearer).putManifest(digest, image);
  await expectAudited(again, { ...entry, via: "token" });
});

test("without an address and an agent the log says local and nothing", async () => {
  const plain = new RegistryClient({
    repository: `${namespace}/app`,
    authorization: user.authorization,
    send: withSettings({}),
  });
  const image = imageManifest({ config: await plain.pushBlob(blob()) });
  const { digest } = image;
  const response = await plain.putManifest(digest, image);
  await expectAudited(response, {
    action: "manifest.push",
    digest,
    detail: "1 new blob, 100 bytes",
    address: "local",
    agent: null,
  });
});

test("no change needs the queue, nor is any told twice", async () => {
  const outbox = new Outbox();
  client = as(user.authorization, outbox.send);
  const { digest } = await pushImage("latest");
  expect((await client.request("DELETE", `manifests/${digest}`)).status).toBe(202);
  expect(outbox.messages).toEqual([]);
});
