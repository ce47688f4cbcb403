/** The number of calls that a client waits for one after the other, counted over the real Worker with slow bindings. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { SlowRegistry } from "../../scripts/model/registry.ts";
import { AT_ONCE, measurePulls, type Place, pushSingle } from "../../scripts/model/run.ts";
import type { Image } from "../../scripts/model/images.ts";
import { docker, skopeo } from "../../scripts/model/shapes.ts";

/** Milliseconds of a call, long enough that calls which start together overlap on a busy machine. */
const WAIT = 60;
const waits = {
  d1Primary: WAIT,
  d1Replica: WAIT,
  r2Read: WAIT,
  r2Write: WAIT,
  objectNew: WAIT,
  object: WAIT,
  queue: WAIT,
  cacheRead: 0,
  cacheWrite: 0,
};
const place: Place = { name: "test", waits, network: AT_ONCE };
let registry: SlowRegistry;
let image: Image;

beforeAll(async () => {
  registry = await SlowRegistry.create();
  image = await pushSingle(registry);
});

afterAll(() => registry.stop());

test.each([docker, skopeo])(
  "$name: a cold pull of 12 layers waits for a backend three times in a row at most, a warm one once",
  async (shape) => {
    const [cold, warm] = await measurePulls(registry, place, shape, image);
    expect(cold?.calls.r2).toBeGreaterThanOrEqual(12);
    expect(cold?.inARow).toBeLessThanOrEqual(3);
    expect(warm?.calls).toMatchObject({ d1: 1, r2: 0, object: 0 });
    expect(warm?.inARow).toBe(1);
  },
);
