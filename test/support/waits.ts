/** Waiting that no machine is too slow for. */

/** Waits until the clock shows a later moment than any that was written down so far. */
export async function laterMoment(): Promise<void> {
  const now = Date.now();
  while (Date.now() <= now + 1) await scheduler.wait(1);
}

/** Lets all that is ready go on, so many times: a count, so that a slow machine does not see less of it. */
export async function turns(count = 50): Promise<void> {
  for (let i = 0; i < count; i++) await scheduler.wait(0);
}

/** How long each takes, in milliseconds: the quickest of three tries, since others have the machine as well. */
export async function quickest(
  ...works: readonly (() => void)[]
): Promise<[first: number, second: number]> {
  const times = works.map(() => Infinity);
  for (let i = 0; i < 3; i++) {
    for (const [n, work] of works.entries()) {
      // In production a Worker's clock stands still until it has waited for something.
      await scheduler.wait(0);
      const began = performance.now();
      work();
      await scheduler.wait(0);
      times[n] = Math.min(times[n] ?? Infinity, performance.now() - began);
    }
  }
  return [times[0] ?? 0, times[1] ?? 0];
}
