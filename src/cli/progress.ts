import { plain } from "./terminal.ts";

/** One line that is written over, where somebody looks at it; "" takes it away. */
export function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1B[2K${plain(text)}`);
}
