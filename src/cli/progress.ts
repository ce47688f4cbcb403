import { plain } from "./terminal.ts";
import { truncated } from "./text-width.ts";

/** One line that is written over, where somebody looks at it; "" takes it away. */
export function progress(text: string): void {
  const { isTTY, columns } = process.stderr;
  // A line that wraps would not be written over.
  if (isTTY) process.stderr.write(`\r\x1B[2K${truncated(plain(text), (columns || 80) - 1)}`);
}
