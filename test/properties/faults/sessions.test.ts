/** Faults in the work of an upload session itself: its alarm, and its calls of the bucket when the upload ends. */
import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeAll, expect, test } from "vitest";
import { RegistryClient, uploadOf } from "../../support/client.ts";
import { blob } from "../../support/images.ts";
import { sample } from "../../support/sample.ts";
import { isOpen, session } from "../../support/storage.ts";
import { applies, type Fault, Faults, type Mode } from "./faults.ts";
import { expectClean, expectNothingLeft, expectReadable } from "./invariants.ts";
import { hurry, senderOf } from "./run.ts";

const MiB = 1024 * 1024;
const MODES: readonly Mode[] = ["lost", "unanswered", "busy", "busy, but done"];

beforeAll(hurry);

/** An upload, and the Workers that wrote to it. */
interface Begun {
  readonly client: RegistryClient;
  readonly location: string;
  readonly sound: Faults;
}

async function begin(
  send: (client: RegistryClient, location: string) => Promise<unknown>,
): Promise<Begun> {
  const sound = new Faults();
  const client = new RegistryClient({ send: senderOf(sound) });
  const location = await client.startUpload();
  await send(client, location);
  return { client, location, sound };
}

const UPLOADS: Readonly<Record<string, () => Promise<Begun>>> = {
  "with parts": () => begin((client, location) => client.append(location, blob(9 * MiB).bytes)),
  "whose finish was never told of": () =>
    begin(async (client, location) => {
      const { bytes, digest } = blob(9 * MiB);
      await client.append(location, bytes);
      // The session dies before call 4, which writes the index.
      const dying = new Faults({ call: 3, mode: "lost" });
      const broken = new RegistryClient({ repository: client.repository, send: senderOf(dying) });
      expect((await broken.finish(location, digest)).status).toBe(503);
      expect(dying.calls[3]).toBe("D1 batch");
    }),
  "that became a blob which was there": () =>
    begin(async (client, location) => {
      const { bytes, digest } = await client.pushBlob(blob());
      await client.append(location, bytes);
      expect((await client.finish(location, digest)).status).toBe(201);
    }),
};

/** Replaces the object's own bindings by the faulty ones. */
async function replaceBindings(location: string, faults: Faults): Promise<void> {
  await runInDurableObject(env.SESSIONS.getByName(uploadOf(location)), (instance) => {
    Object.defineProperty(instance, "env", { value: faults.env, configurable: true });
  });
}

async function expire(prepare: () => Promise<Begun>, fault: Fault | null): Promise<Faults> {
  const { location, sound } = await prepare();
  const faults = new Faults(fault);
  await replaceBindings(location, faults);
  const stub = env.SESSIONS.getByName(uploadOf(location));
  let alarms = 0;
  // One alarm closes it, one fails, one clears it, and two report its size to the index; it is set again until then.
  while (alarms < 10 && (await runDurableObjectAlarm(stub))) alarms++;
  expect(alarms).toBeLessThanOrEqual(6);
  expect(faults.happened).toBe(fault !== null);
  expect(await session(location)).toBeUndefined();
  await expectReadable();
  await expectClean([], sound.multiparts);
  await expectNothingLeft();
  return faults;
}

test.each(Object.entries(UPLOADS))(
  "the alarm of an upload %s: whatever fails, the next one clears it",
  async (what, prepare) => {
    const { calls } = await expire(prepare, null);
    expect(calls.length).toBeGreaterThan(0);
    const faults = calls.flatMap((name, call) =>
      MODES.filter((one) => applies(one, name)).map((mode) => ({ call, mode })),
    );
    const chosen = sample(`faults of an upload's alarm: ${what}`, faults, { few: 2 });
    for (const fault of chosen) await expire(prepare, fault);
  },
);

test.each(MODES)(
  "a cancel whose abort is %s succeeds: the upload has ended, and its alarm clears it",
  async (mode) => {
    const { client, location, sound } = await begin((pusher, at) =>
      pusher.append(at, blob(9 * MiB).bytes),
    );
    const faults = new Faults({ call: 0, mode });
    await replaceBindings(location, faults);
    expect((await client.request("DELETE", location)).status).toBe(204);
    expect(faults.calls[0]).toBe("R2 abort");
    expect((await client.request("DELETE", location)).status).toBe(404);
    await expectClean(sound.sessions, sound.multiparts);
  },
);

test("an upload that starts over while R2 cannot abort what it had: it goes on", async () => {
  const bytes = blob(9 * MiB);
  const { client, location, sound } = await begin((pusher, at) => pusher.append(at, bytes.bytes));
  const faults = new Faults({ call: 0, mode: "lost" });
  await replaceBindings(location, faults);
  const again = await client.append(location, bytes.bytes);
  await expect.poll(() => faults.happened).toBe(true);
  expect((await client.finish(again, bytes.digest)).status).toBe(201);
  await expectReadable();
  await expectClean(sound.sessions, []);
  // R2 itself aborts forgotten multipart uploads after a week.
  const open = await Promise.all(sound.multiparts.map(isOpen));
  expect(open.filter(Boolean).length).toBeLessThanOrEqual(1);
});
