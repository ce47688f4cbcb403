/** Clean-up at the end, however the run ends; the newest first. */
type Undo = () => Promise<void> | void;

const undos: { what: string; undo: Undo }[] = [];

export function atEnd(what: string, undo: Undo): void {
  undos.push({ what, undo });
}

/** Runs every clean-up once; a failure is reported and does not stop the others. */
export async function cleanUp(): Promise<string[]> {
  const failures: string[] = [];
  for (let next = undos.pop(); next !== undefined; next = undos.pop()) {
    try {
      await next.undo();
    } catch (error) {
      failures.push(`${next.what}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return failures;
}
