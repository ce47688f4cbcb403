/** Tables and lists of details, laid out for a terminal or whole. */
import { styleText } from "node:util";
import { plain } from "./terminal.ts";
import { padded, truncated, widthOf, wrapped } from "./text-width.ts";

type Style = Parameters<typeof styleText>[0];

export interface Column<T> {
  readonly value: (item: T) => string;
  /** The shorter text of a terminal, such as the first digits of a digest. */
  readonly short?: (item: T) => string;
  /** The title of a terminal. */
  readonly shortTitle?: string;
  /** Never cut: a part of it would say nothing, or something else. */
  readonly isFixed?: true;
  /** Left out on a terminal, unless everything is wanted. */
  readonly isDetail?: true;
  readonly style?: (item: T) => Style | null;
}

/** A table's columns: title → what a row has there. */
export type Columns<T> = Readonly<Record<string, ((item: T) => string) | Column<T>>>;

export interface View {
  /** Columns of the terminal; null where all is shown whole, as in a pipe, so that what reads it sees no difference. */
  readonly width: number | null;
  readonly isColoured: boolean;
}

/** Everything, without colours. */
export const WHOLE: View = { width: null, isColoured: false };

/** Text that was created safe to show and laid out; nothing may be changed in it, as it may have colours. */
export class Shown {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

const GAP = 2;
/** Narrower, a column says nothing any more. */
const MIN_WIDTH = 8;

export function table<T>(items: readonly T[], given: Columns<T>, view: View = WHOLE): Shown {
  const columns = Object.entries(given).flatMap(([title, column]) => {
    const whole: Column<T> = typeof column === "function" ? { value: column } : column;
    if (view.width === null) return { title, ...whole };
    return whole.isDetail === true ? [] : { title: whole.shortTitle ?? title, ...whole };
  });
  const rows = items.map((item) =>
    columns.map(({ value, short = value }) => plain((view.width === null ? value : short)(item))),
  );
  const natural = columns.map(({ title }, i) =>
    Math.max(widthOf(title), ...rows.map((row) => widthOf(row[i] ?? ""))),
  );
  const isFlexible = columns.map(({ isFixed }) => isFixed !== true);
  const widths = view.width === null ? natural : fitted(natural, isFlexible, view.width);
  const line = (cells: readonly string[], styles: readonly (Style | null)[]) =>
    cells
      .map((cell, i) => {
        const width = widths[i] ?? 0;
        const text = truncated(cell, width);
        const filled = i === cells.length - 1 ? text : padded(text, width);
        const style = styles[i] ?? null;
        return style === null || !view.isColoured ? filled : styled(style, filled);
      })
      .join(" ".repeat(GAP))
      .trimEnd();
  const title = line(
    columns.map((column) => column.title),
    columns.map(() => "bold"),
  );
  const body = items.map((item, at) =>
    line(
      rows[at] ?? [],
      columns.map(({ style }) => style?.(item) ?? null),
    ),
  );
  return new Shown([title, ...body].join("\n"));
}

/** Takes from the widest of the columns that may be cut, until all fit or none can give more. */
function fitted(
  natural: readonly number[],
  isFlexible: readonly boolean[],
  width: number,
): number[] {
  const widths = [...natural];
  const room = width - GAP * (widths.length - 1);
  let excess = widths.reduce((sum, one) => sum + one, 0) - room;
  while (excess > 0) {
    const widest = Math.max(...widths.filter((_, i) => isFlexible[i]));
    if (widest <= MIN_WIDTH) break;
    widths[widths.findLastIndex((one, i) => one === widest && isFlexible[i] === true)] = widest - 1;
    excess--;
  }
  return widths;
}

/** Lines of `name  value`; what is empty is left out. */
export function details(values: Readonly<Record<string, string>>, view: View = WHOLE): Shown {
  const rows = Object.entries(values).filter(([, value]) => value !== "");
  const names = Math.max(0, ...rows.map(([name]) => widthOf(name)));
  const indent = names + GAP;
  const lines = rows.map(([name, value]) => {
    const safe = plain(value);
    const room = view.width === null ? Infinity : Math.max(MIN_WIDTH, view.width - indent);
    const label = view.isColoured ? styled("bold", padded(name, indent)) : padded(name, indent);
    return label + wrapped(safe, room).join(`\n${" ".repeat(indent)}`);
  });
  return new Shown(lines.join("\n"));
}

/** Colours a text; callers have checked that there is a terminal that wants colours. */
export function styled(style: Style, text: string): string {
  return styleText(style, text, { validateStream: false });
}
