/**
 * Runs a function for each item, at most so many at a time.
 * @returns the results in the items' order
 * @throws the first error, once nothing is under way any more; what waited is not begun
 */
export async function mapPool<T, R>(
  items: readonly T[],
  parallel: number,
  run: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  const failures: unknown[] = [];
  const left = items.entries();
  const worker = async () => {
    for (const [i, item] of left) {
      if (failures.length > 0) return;
      try {
        results[i] = await run(item);
      } catch (error) {
        failures.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(parallel, items.length) }, worker));
  if (failures.length > 0) throw failures[0];
  return results;
}
