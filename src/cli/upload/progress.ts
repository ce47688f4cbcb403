/** What long work shows of itself on standard error: a line for each layer on a terminal, plain lines or JSON elsewhere. */
import { bytes } from "../output.ts";
import { writeBy } from "../report.ts";
import { plain, plainJson } from "../terminal.ts";
import { truncated } from "../text-width.ts";

/** One thing that is under way, such as a layer. It ends with `done` or `failed`. */
export interface Step {
  /** How many bytes are through. */
  at(bytes: number): void;
  /** How many bytes an earlier run brought. */
  resumed(bytes: number): void;
  /** @param text how it ended, such as "pushed" */
  done(text: string): void;
  failed(text: string): void;
}

export interface Progress {
  /** @param totalBytes null where nobody knows */
  begin(name: string, totalBytes: number | null): Step;
  /** Ends what is drawn over; afterwards others can write to the terminal. */
  end(): void;
}

type Ending = "done" | "failed";

interface Line {
  readonly name: string;
  readonly totalBytes: number | null;
  readonly beganAt: number;
  bytes: number;
  /** The first bytes that were told: a layer that is resumed begins in its middle. */
  firstBytes: number | null;
}

interface View {
  changed(line: Line): void;
  resumed(line: Line): void;
  ended(line: Line, ending: Ending, text: string): void;
  end(): void;
}

/** @param isJson prints one JSON object a line: `{"progress":{"name","bytes","total","state"}}` */
export async function makeProgress(
  isJson: boolean,
  stream: NodeJS.WriteStream = process.stderr,
): Promise<Progress> {
  const view = isJson
    ? new JsonView(stream)
    : stream.isTTY
      ? await TerminalView.make(stream)
      : new PlainView(stream);
  return {
    begin(name, totalBytes) {
      const line: Line = { name, totalBytes, beganAt: Date.now(), bytes: 0, firstBytes: null };
      view.changed(line);
      return {
        at(count) {
          line.bytes = count;
          line.firstBytes ??= count;
          view.changed(line);
        },
        resumed(count) {
          line.bytes = line.firstBytes = count;
          view.resumed(line);
        },
        done: (text) => view.ended(line, "done", text),
        failed: (text) => view.ended(line, "failed", text),
      };
    },
    end: () => view.end(),
  };
}

/** A log is read later, by people: a line where something ends, and now and then one where it takes long. */
const LOG_EVERY_MS = 15_000;

class PlainView implements View {
  readonly #stream: NodeJS.WritableStream;
  readonly #shownAt = new WeakMap<Line, number>();

  constructor(stream: NodeJS.WritableStream) {
    this.#stream = stream;
  }

  changed(line: Line): void {
    const now = Date.now();
    if (now - (this.#shownAt.get(line) ?? line.beganAt) < LOG_EVERY_MS) return;
    this.#shownAt.set(line, now);
    this.#write(`${line.name}: ${amountOf(line)}`);
  }

  resumed(line: Line): void {
    this.#write(`${line.name}: resumed at ${amountOf(line)}`);
  }

  ended(line: Line, ending: Ending, text: string): void {
    this.#write(`${line.name}: ${text}${sizeOf(line, ending)}`);
  }

  end(): void {
    // Each line is whole.
  }

  #write(text: string): void {
    this.#stream.write(`${plain(text)}\n`);
  }
}

/** Programs read it as it happens. */
const JSON_EVERY_MS = 1000;

class JsonView implements View {
  readonly #stream: NodeJS.WritableStream;
  readonly #shownAt = new WeakMap<Line, number>();

  constructor(stream: NodeJS.WritableStream) {
    this.#stream = stream;
  }

  changed(line: Line): void {
    const now = Date.now();
    const shownAt = this.#shownAt.get(line);
    if (shownAt !== undefined && now - shownAt < JSON_EVERY_MS) return;
    this.#shownAt.set(line, now);
    this.#write(line, "under way");
  }

  resumed(line: Line): void {
    this.#shownAt.set(line, Date.now());
    this.#write(line, "resumed");
  }

  ended(line: Line, ending: Ending, text: string): void {
    this.#write(line, ending, text);
  }

  end(): void {
    // Each line is whole.
  }

  #write({ name, bytes: count, totalBytes: total }: Line, state: string, text?: string): void {
    const progress = { name, bytes: count, total, state, ...(text === undefined ? {} : { text }) };
    this.#stream.write(`${plainJson(JSON.stringify({ progress }))}\n`);
  }
}

/** Drawing more often would only flicker. */
const DRAW_EVERY_MS = 100;
/** Two rows stay free, for the shell's and for what else is printed. */
const FREE_ROWS = 2;
const BAR_WIDTH = 20;

interface Draw {
  (text: string): void;
  done(): void;
  persist(text: string): void;
}

class TerminalView implements View {
  readonly #stream: NodeJS.WriteStream;
  readonly #draw: Draw;
  readonly #lines = new Set<Line>();
  #timer: NodeJS.Timeout | null = null;

  private constructor(stream: NodeJS.WriteStream, draw: Draw) {
    this.#stream = stream;
    this.#draw = draw;
  }

  static async make(stream: NodeJS.WriteStream): Promise<TerminalView> {
    // Only commands that show progress need it, and only on a terminal.
    const { createLogUpdate } = await import("log-update");
    // The cursor stays: a command that is killed could not bring it back.
    const view = new TerminalView(stream, createLogUpdate(stream, { showCursor: true }));
    writeBy((text) => view.#persist(text));
    return view;
  }

  changed(line: Line): void {
    this.#lines.add(line);
    this.#timer ??= setTimeout(() => this.#redraw(), DRAW_EVERY_MS);
  }

  resumed(line: Line): void {
    this.#lines.add(line);
    this.#persist(this.#fitted(`${plain(line.name)}  resumed at ${amountOf(line)}`));
  }

  ended(line: Line, ending: Ending, text: string): void {
    this.#lines.delete(line);
    this.#persist(this.#fitted(`${plain(line.name)}  ${plain(text)}${sizeOf(line, ending)}`));
  }

  end(): void {
    this.#lines.clear();
    this.#redraw();
    this.#draw.done();
    writeBy(null);
  }

  /** Writes what stays, above what is drawn over. */
  #persist(text: string): void {
    this.#draw.persist(text);
    this.#redraw();
  }

  #redraw(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const room = Math.max(1, (this.#stream.rows || 24) - FREE_ROWS);
    const shown = [...this.#lines].slice(0, room).map((line) => this.#fitted(drawn(line)));
    const left = this.#lines.size - shown.length;
    if (left > 0) shown[room - 1] = `and ${left + 1} more`;
    this.#draw(shown.join("\n"));
  }

  #fitted(text: string): string {
    return truncated(text, (this.#stream.columns || 80) - 1);
  }
}

function drawn(line: Line): string {
  const { name, totalBytes, bytes: count, beganAt } = line;
  const share = totalBytes ? Math.min(1, count / totalBytes) : 0;
  const filled = Math.floor(share * BAR_WIDTH);
  const bar = `[${"=".repeat(filled)}${" ".repeat(BAR_WIDTH - filled)}]`;
  const seconds = (Date.now() - beganAt) / 1000;
  const came = count - (line.firstBytes ?? 0);
  const speed = seconds > 1 && came > 0 ? `  ${bytes(came / seconds)}/s` : "";
  return `${plain(name)}  ${bar}  ${amountOf(line)}${speed}`;
}

function amountOf({ bytes: count, totalBytes }: Line): string {
  return totalBytes === null ? bytes(count) : `${bytes(count)} of ${bytes(totalBytes)}`;
}

/** The size of what is through, or how far it came. */
function sizeOf({ totalBytes, bytes: count }: Line, ending: Ending): string {
  if (ending === "failed") return count === 0 ? "" : ` (after ${bytes(count)})`;
  return totalBytes === null && count === 0 ? "" : ` (${bytes(totalBytes ?? count)})`;
}
