/** The plot of the README: a panel for each case, a bar for each subject, its whisker from the least to the most. */
import { figure, medianOf, type Result, type Series } from "./measure.ts";
import { BARE, type Missing, SLIPWAY, SUBJECTS } from "./subjects.ts";

const COLUMNS = 2;
const PANEL = { width: 460, title: 30, bar: 18, gap: 18 };
const LABEL = 150;
/** The part of a panel's width for the figure behind a bar. */
const FIGURE = 70;
const HEAD = 66;
const MARGIN = 16;
const LINE = 14;
const COLORS: Readonly<Record<string, string>> = { [SLIPWAY]: "#d9610b", [BARE]: "#9a9a9a" };
const PEER_COLOR = "#3f6f9f";

export function plot(
  results: readonly Result[],
  missing: readonly Missing[],
  caption: string,
): string {
  const panels = results.filter(({ plotted }) => plotted);
  const remarks = remarksOf(panels, missing);
  const height = PANEL.title + SUBJECTS.length * PANEL.bar + PANEL.gap;
  const rows = Math.ceil(panels.length / COLUMNS);
  const width = 2 * MARGIN + COLUMNS * PANEL.width;
  const total = HEAD + rows * height + MARGIN + (remarks.length + 1) * LINE;
  const drawn = panels.map((panel, i) => {
    const x = MARGIN + (i % COLUMNS) * PANEL.width;
    const y = HEAD + Math.floor(i / COLUMNS) * height;
    return `<g transform="translate(${x} ${y})">${panelOf(panel, missing)}</g>`;
  });
  const foot = remarks.map((remark, i) =>
    text(MARGIN, total - MARGIN - LINE * (remarks.length - 1 - i), remark, "small"),
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${total}" viewBox="0 0 ${width} ${total}" role="img">`,
    `<title>Slipway beside other registries and a bare Worker</title>`,
    `<style>text{font:12px system-ui,sans-serif;fill:#222}.title{font-weight:600}.large{font-size:16px;font-weight:600}.small{font-size:11px;fill:#666}.end{text-anchor:end}</style>`,
    `<rect width="100%" height="100%" fill="#fff"/>`,
    text(MARGIN, 26, "Slipway beside other registries and a bare Worker: more is better", "large"),
    text(MARGIN, 46, caption, "small"),
    ...drawn,
    ...foot,
    "</svg>\n",
  ].join("\n");
}

function remarksOf(panels: readonly Result[], missing: readonly Missing[]): readonly string[] {
  const notes = panels.flatMap(({ series }) =>
    series.flatMap(({ name, note }) => (note === null ? [] : [`* ${name}: ${note}`])),
  );
  return [...missing.map(({ subject, reason }) => `missing: ${subject}: ${reason}`), ...notes];
}

function panelOf({ title, unit, series }: Result, missing: readonly Missing[]): string {
  const shown = series.filter(({ name }) => SUBJECTS.includes(name));
  const most = Math.max(...shown.flatMap(({ samples }) => samples.map(({ value }) => value)));
  const scale = (PANEL.width - LABEL - FIGURE - MARGIN) / most;
  const bars = SUBJECTS.map((subject, i) => {
    const y = PANEL.title + i * PANEL.bar;
    const found = shown.find(({ name }) => name === subject);
    const label = text(LABEL - 8, y + 12, subject, "end");
    const why = missing.some((one) => one.subject === subject) ? "missing" : "–";
    if (found === undefined) return label + text(LABEL, y + 12, why, "small");
    return label + bar(found, y, scale);
  });
  return [text(0, 16, `${title}, ${unit}`, "title"), ...bars].join("\n");
}

function bar(series: Series, y: number, scale: number): string {
  const values = series.samples.map(({ value }) => value);
  const width = medianOf(series) * scale;
  const [least, most] = [LABEL + Math.min(...values) * scale, LABEL + Math.max(...values) * scale];
  const color = COLORS[series.name] ?? PEER_COLOR;
  const shown = figure(medianOf(series)) + (series.note === null ? "" : "*");
  return [
    `<rect x="${LABEL}" y="${y + 2}" width="${width.toFixed(1)}" height="${PANEL.bar - 5}" fill="${color}"/>`,
    `<path d="M${least.toFixed(1)} ${y + 8.5}H${most.toFixed(1)}" stroke="#222" stroke-width="1"/>`,
    text(Math.max(most, LABEL + width) + 6, y + 12, shown, ""),
  ].join("");
}

function text(x: number, y: number, content: string, kind: string): string {
  const escaped = content.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  return `<text x="${x.toFixed(1)}" y="${y}" class="${kind}">${escaped}</text>`;
}
