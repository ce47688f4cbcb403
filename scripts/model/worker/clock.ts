/** Makes calls slow, and records them. */
import { AsyncLocalStorage } from "node:async_hooks";
import type { Call, Calls, Wait, Waits } from "./call.ts";

const NONE: Waits = {
  d1Primary: 0,
  d1Replica: 0,
  r2Read: 0,
  r2Write: 0,
  objectNew: 0,
  object: 0,
  queue: 0,
  cacheRead: 0,
  cacheWrite: 0,
};

interface Rows {
  readonly read: number;
  readonly written: number;
}

export class Clock {
  /** The request that the running code works for. */
  readonly request = new AsyncLocalStorage<string | null>();
  waits: Waits = NONE;
  #ended: Call[] = [];
  #busy = 0;
  #objectRows: Rows = { read: 0, written: 0 };

  /** @param rowsOf what D1 says of a result */
  async call<T>(
    wait: Wait,
    name: string,
    run: () => Promise<T>,
    rowsOf: (result: T) => Rows = () => ({ read: 0, written: 0 }),
  ): Promise<T> {
    const request = this.request.getStore() ?? null;
    const start = Date.now();
    let rows: Rows = { read: 0, written: 0 };
    this.#busy++;
    try {
      const time = this.waits[wait];
      if (time > 0) await scheduler.wait(time);
      const result = await run();
      rows = rowsOf(result);
      return result;
    } finally {
      this.#busy--;
      const end = Date.now();
      const { read: rowsRead, written: rowsWritten } = rows;
      this.#ended.push({ request, wait, name, start, end, rowsRead, rowsWritten });
    }
  }

  countObjectRows({ read, written }: Rows): void {
    const before = this.#objectRows;
    this.#objectRows = { read: before.read + read, written: before.written + written };
  }

  calls(): Calls {
    const { read: objectRowsRead, written: objectRowsWritten } = this.#objectRows;
    return { ended: this.#ended, busy: this.#busy, objectRowsRead, objectRowsWritten };
  }

  forget(): void {
    this.#ended = [];
    this.#objectRows = { read: 0, written: 0 };
  }
}
