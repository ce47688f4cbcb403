/** Formats the measurements as tables. */
import type { Size } from "./images.ts";
import { type Measured, sum } from "./measure.ts";
import type { Collection, Statement } from "./worker.ts";

type Row = readonly string[];

/** Rows that an operation may read more or less in the larger world: operations before it leave a few. */
const SLACK = 10;

/** @returns how many operations read more than they may, or more than in the small world */
export function printOperations(small: Measured, large: Measured): number {
  const [few, many] = [small, large].map(({ world }) => count(world.manifests));
  const rows = large.operations.map((operation, i): Row => {
    const before = small.operations[i];
    const read = sum(operation.statements, "rowsRead");
    const readBefore = sum(before?.statements ?? [], "rowsRead");
    const grows = operation.counts === null && Math.abs(read - readBefore) > SLACK;
    return [
      operation.name,
      String(operation.statements.length),
      count(operation.most),
      count(readBefore),
      count(read),
      count(sum(operation.statements, "rowsWritten")),
      String(before?.milliseconds ?? 0),
      String(operation.milliseconds),
      Math.max(read, readBefore) > operation.most ? TOO_MANY : grows ? GROWS : "",
    ];
  });
  const sizes = [`read of ${few}`, `of ${many}`, "written", `ms of ${few}`, `of ${many}`];
  console.log("\nRows that an operation reads and writes, by D1's own count");
  printTable([["operation", "statements", "at most", ...sizes, ""], ...rows]);
  return rows.filter((row) => row.at(-1) !== "").length;
}

const TOO_MANY = "too many";
const GROWS = "grows";
/** Rows that one run of garbage collection may read. */
const RUN = 750_000;

const COLLECTION_HEAD = [
  "manifests",
  "run",
  "blobs",
  "objects",
  "manifests gone",
  "past tags",
  "read",
  "written",
  "s",
  "of that D1",
  "blobs/s",
  "objects/s",
  "",
];

/** Prints each run of garbage collection: what it did, and how fast. @returns how many read more rows than they may */
export function printCollection(measured: readonly Measured[]): number {
  const rows = measured.flatMap(({ world, runs }) =>
    runs.map((run, i): Row => [count(world.manifests), String(i + 1), ...runRow(run)]),
  );
  console.log("\nRuns of the collection; the objects of the first are really there");
  printTable([COLLECTION_HEAD, ...rows]);
  return rows.filter((row) => row.at(-1) !== "").length;
}

function runRow({ collected, statements, milliseconds }: Collection): Row {
  const { blobs, objects, manifests, pastTags } = collected;
  const seconds = milliseconds / 1000;
  const read = sum(statements, "rowsRead");
  return [
    ...[blobs, objects, manifests, pastTags].map((value) => count(Number(value))),
    count(read),
    count(sum(statements, "rowsWritten")),
    seconds.toFixed(1),
    (timeOf(statements) / 1000).toFixed(1),
    count(Math.round(Number(blobs) / seconds)),
    count(Math.round(Number(objects) / seconds)),
    read > RUN ? TOO_MANY : "",
  ];
}

/** Prints where the time of the larger world's last run went: deleting existing objects is R2's time. */
export function printParts({ runs, world }: Measured): void {
  const { statements, milliseconds } = runs.at(-1) ?? { statements: [], milliseconds: 0 };
  const parts = new Map<string, Statement[]>();
  for (const one of statements) {
    const key = one.sql.slice(0, 60);
    parts.set(key, [...(parts.get(key) ?? []), one]);
  }
  const rows = [...parts].map(([sql, list]): Row => [
    sql,
    String(list.length),
    count(sum(list, "rowsRead")),
    count(sum(list, "rowsWritten")),
    timeOf(list).toFixed(0),
  ]);
  const rest = (milliseconds - timeOf(statements)).toFixed(0);
  console.log(`\nWhere the last run's time went, of ${count(world.manifests)}`);
  const outside = ["outside the database: R2 and the way there", "", "", "", rest];
  printTable([["statement", "times", "rows read", "written", "ms"], ...rows, outside]);
}

/** Prints what an image takes in the database, in bytes, and in which tables with their indexes. */
export function printSizes(images: number, sizes: readonly Size[]): void {
  const each = (total = 0) => count(Math.round(total / images));
  const parts = [...new Set(sizes.flatMap((size) => Object.keys(size.parts)))];
  const rows = sizes.map(({ name, bytes, parts: of }): Row => {
    const events = of["audit"] ?? 0;
    return [name, each(bytes), each(bytes - events), ...parts.map((part) => each(of[part]))];
  });
  console.log(`\nBytes of the database an image, after ${count(images)} pushes with an event each`);
  printTable([["image", "in all", "without events", ...parts], ...rows]);
}

function timeOf(statements: readonly Statement[]): number {
  return statements.reduce((total, one) => total + one.milliseconds, 0);
}

export function count(value: number): string {
  return value.toLocaleString("en");
}

function printTable(rows: readonly Row[]): void {
  const widths = (rows[0] ?? []).map((_, i) =>
    Math.max(...rows.map((row) => (row[i] ?? "").length)),
  );
  const line = (row: Row): string =>
    widths
      .map((width, i) => (row[i] ?? "").padEnd(width))
      .join("  ")
      .trimEnd();
  const [head, ...body] = rows;
  if (head === undefined) return;
  console.log(line(head));
  console.log(widths.map((width) => "-".repeat(width)).join("  "));
  for (const row of body) console.log(line(row));
}
