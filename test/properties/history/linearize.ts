import type { Operation } from "./history.ts";

/** A sequential object: its states, and the effect of an operation on each of them. */
export interface Sequential<State> {
  readonly initial: State;
  /**
   * Returns the states that the operation may leave with exactly this answer; none if that answer is impossible.
   * @param answer "unknown" without an answer: then it may have done anything that it could do
   */
  step(state: State, operation: Operation, answer: "known" | "unknown"): readonly State[];
  /** Returns whether it changes nothing, whatever the state. */
  isRead(operation: Operation): boolean;
  key(state: State): string;
}

interface Configuration<State> {
  readonly state: State;
  /** The concurrent operations that have taken effect already. */
  readonly done: ReadonlySet<number>;
}

/**
 * Looks for an order of the operations that explains all answers, with each taking effect at one moment between its
 * call and its answer (just-in-time linearization: Lowe, "Testing for linearizability", 2017).
 * @returns the first operation whose answer no order explains, or null
 */
export function linearize<State>(
  operations: readonly Operation[],
  { isUnknown, isBarrier }: Classes,
  sequential: Sequential<State>,
): Operation | null {
  const search = new Search(sequential, isUnknown);
  for (const { operation, isCall } of eventsOf(operations)) {
    if (isBarrier(operation)) {
      if (isCall) search.forgetUnknown();
      continue;
    }
    if (isCall) search.call(operation);
    else if (!isUnknown(operation) && !search.answer(operation)) return operation;
  }
  return null;
}

interface Classes {
  /** Whether it may have taken effect at any time after its call, or never. */
  readonly isUnknown: (operation: Operation) => boolean;
  /** Whether operations without an answer take no effect after it. */
  readonly isBarrier: (operation: Operation) => boolean;
}

function eventsOf(operations: readonly Operation[]) {
  return operations
    .flatMap((operation) => [
      { place: operation.called, operation, isCall: true },
      { place: operation.answered, operation, isCall: false },
    ])
    .toSorted((a, b) => a.place - b.place);
}

class Search<State> {
  readonly #sequential: Sequential<State>;
  readonly #isUnknown: (operation: Operation) => boolean;
  readonly #activeWriters = new Map<number, Operation>();
  #configurations: Configuration<State>[];

  constructor(sequential: Sequential<State>, isUnknown: (operation: Operation) => boolean) {
    this.#sequential = sequential;
    this.#isUnknown = isUnknown;
    this.#configurations = [{ state: sequential.initial, done: new Set() }];
  }

  call(operation: Operation): void {
    this.#activeWriters.set(operation.id, operation);
    this.#keep(this.#configurations);
  }

  /** @returns false when nothing explains the answer */
  answer(operation: Operation): boolean {
    const found: Configuration<State>[] = [];
    const seen = new Set<string>();
    const open = [...this.#configurations];
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      if (next.done.has(operation.id)) {
        found.push(next);
        continue;
      }
      for (const further of this.#successors(next)) {
        const key = this.#key(further);
        if (!seen.has(key)) open.push(further);
        seen.add(key);
      }
    }
    this.#activeWriters.delete(operation.id);
    this.#keep(found.map(({ state, done }) => ({ state, done: without(done, operation.id) })));
    return found.length > 0;
  }

  forgetUnknown(): void {
    // Everything that could have happened has happened by now.
    const all: Configuration<State>[] = [];
    const open = [...this.#configurations];
    const seen = new Set(open.map((configuration) => this.#key(configuration)));
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      all.push(next);
      for (const further of this.#successors(next)) {
        const key = this.#key(further);
        if (!seen.has(key)) open.push(further);
        seen.add(key);
      }
    }
    const unknown = [...this.#activeWriters.values()].filter(this.#isUnknown).map(({ id }) => id);
    for (const id of unknown) this.#activeWriters.delete(id);
    this.#keep(
      all.map(({ state, done }) => ({
        state,
        done: new Set([...done].filter((id) => !unknown.includes(id))),
      })),
    );
  }

  #successors({ state, done }: Configuration<State>): Configuration<State>[] {
    return [...this.#activeWriters.values()].flatMap((operation) => {
      if (done.has(operation.id)) return [];
      const answer = this.#isUnknown(operation) ? "unknown" : "known";
      const all = new Set([...done, operation.id]);
      const next = this.#sequential.step(state, operation, answer);
      return next.map((after) => this.#withReads({ state: after, done: all }));
    });
  }

  /** Ends all reads that may be over: they constrain no other operation. */
  #withReads({ state, done }: Configuration<State>): Configuration<State> {
    const reads = [...this.#activeWriters.values()].filter(
      (operation) =>
        !done.has(operation.id) &&
        this.#sequential.isRead(operation) &&
        this.#sequential.step(state, operation, "known").length > 0,
    );
    return reads.length === 0
      ? { state, done }
      : { state, done: new Set([...done, ...reads.map(({ id }) => id)]) };
  }

  #keep(configurations: readonly Configuration<State>[]): void {
    const each = new Map<string, Configuration<State>>();
    for (const configuration of configurations) {
      const ahead = this.#withReads(configuration);
      each.set(this.#key(ahead), ahead);
    }
    this.#configurations = [...each.values()];
  }

  #key({ state, done }: Configuration<State>): string {
    return `${this.#sequential.key(state)} ${[...done].toSorted((a, b) => a - b).join(",")}`;
  }
}

function without(set: ReadonlySet<number>, id: number): Set<number> {
  const smaller = new Set(set);
  smaller.delete(id);
  return smaller;
}
