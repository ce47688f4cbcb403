/** Tables of text: for a terminal and in Markdown. */
export type Row = readonly string[];

export function textTable(rows: readonly Row[]): string {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
  const line = (row: Row): string =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd();
  const [head = [], ...others] = rows;
  return [line(head), line(widths.map((width) => "-".repeat(width))), ...others.map(line)].join(
    "\n",
  );
}

export function markdownTable(rows: readonly Row[]): string {
  const [head = [], ...others] = rows;
  const line = (row: Row): string => `| ${row.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...others.map(line)].join("\n");
}
