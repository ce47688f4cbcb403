/** One request, as one line of JSON. No header, query or body is logged: those hold secrets. */
export interface LogEntry {
  readonly requestId: string;
  readonly method: string;
  /** The route's path pattern, or null when none matched. */
  readonly route: string | null;
  readonly repository: string | null;
  readonly actor: string | null;
  readonly status: number;
  /** Content-Length of the request and of the answer; null where it is not known in advance. */
  readonly bytesIn: number | null;
  readonly bytesOut: number | null;
  /** Milliseconds until the answer's headers. */
  readonly duration: number;
  /** The most bytes that bodies have held at once in this isolate. */
  readonly peakBuffers: number;
  readonly error?: string;
}

export function log(entry: LogEntry): void {
  const line = JSON.stringify({ time: new Date().toISOString(), ...entry });
  if (entry.status >= 500) console.error(line);
  else console.log(line);
}

export function contentLength(headers: Headers): number | null {
  const header = headers.get("content-length");
  return header === null ? null : Number(header);
}
