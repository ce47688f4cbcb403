/** A load generator, in a process of its own (fork it): so many GETs over so many kept connections, as fast as they are answered. */
import { once } from "node:events";
import { Agent, get, type IncomingMessage } from "node:http";

export interface Load {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly requests: number;
  readonly concurrency: number;
  /** Bytes that each answer must have. */
  readonly size: number;
}

export interface LoadResult {
  readonly seconds: number;
  /** CPU seconds of the generator: near `seconds`, it and not the server was the limit. */
  readonly cpu: number;
  /** What was wrong with the first answer that was not 200 with all its bytes. */
  readonly failure: string | null;
}

process.on("message", (load: Load) => {
  void run(load).then((result) => process.send?.(result));
});

async function run(load: Load): Promise<LoadResult> {
  const agent = new Agent({ keepAlive: true, maxSockets: load.concurrency });
  let left = load.requests;
  let failure: string | null = null;
  const one = async (): Promise<void> => {
    while (left-- > 0 && failure === null) failure ??= await fetchOne(load, agent);
  };
  const cpu = process.cpuUsage();
  const began = performance.now();
  await Promise.all(Array.from({ length: load.concurrency }, one));
  const seconds = (performance.now() - began) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  agent.destroy();
  return { seconds, cpu: (user + system) / 1e6, failure };
}

async function fetchOne({ url, headers, size }: Load, agent: Agent): Promise<string | null> {
  try {
    const [answer] = (await once(get(url, { headers, agent }), "response")) as [IncomingMessage];
    let received = 0;
    answer.on("data", (bytes: Buffer) => (received += bytes.length));
    await once(answer, "end");
    if (answer.statusCode === 200 && received === size) return null;
    return `GET ${url}: ${answer.statusCode}, ${received} of ${size} bytes`;
  } catch (error) {
    return `GET ${url}: ${String(error)}`;
  }
}
