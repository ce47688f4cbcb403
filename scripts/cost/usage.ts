/** The usage of a client's flow, for all that Cloudflare bills. */
import type { Call, Calls } from "../model/worker/call.ts";
import { serviceOf } from "../model/chain.ts";

export interface Usage {
  readonly workerRequests: number;
  readonly cpuMilliseconds: number;
  readonly d1RowsRead: number;
  readonly d1RowsWritten: number;
  readonly r2ClassA: number;
  readonly r2ClassB: number;
  readonly objectRequests: number;
  readonly objectGigabyteSeconds: number;
  readonly objectRowsRead: number;
  readonly objectRowsWritten: number;
  readonly queueOperations: number;
  readonly cacheCalls: number;
}

export type Item = keyof Usage;

/** Usage that is not counted, but assumed. */
export interface Assumptions {
  readonly cpuMillisecondsPerRequest: Assumed;
  readonly cpuMillisecondsPerGigabyteHashed: Assumed;
  readonly objectMillisecondsPerCall: Assumed;
  readonly alarmsPerSession: Assumed;
  readonly queueOperationsPerMessage: Assumed;
}

interface Assumed {
  readonly value: number;
}

const R2_CLASS_A = ["put", "createMultipartUpload", "uploadPart", "complete", "list"];
const R2_CLASS_B = ["get", "head"];
/** The memory of a running Durable Object, in GB. */
const OBJECT_MEMORY = 0.128;

export interface Counted {
  /** Requests that the client sent. */
  readonly requests: number;
  /** Bytes that JavaScript hashed. */
  readonly bytesHashed: number;
  readonly calls: Calls;
}

export function usageOf({ requests, bytesHashed, calls }: Counted, assumed: Assumptions): Usage {
  const { ended } = calls;
  const named = (names: readonly string[]) =>
    ended.filter((call) => serviceOf(call) === "r2" && names.includes(call.name)).length;
  const of = (service: string) => ended.filter((call) => serviceOf(call) === service);
  const objectCalls = of("object").length;
  const sessions = ended.filter(({ wait }) => wait === "objectNew").length;
  const messages = of("queue").length;
  // The consumer is called once for each batch; at worst a batch is one message.
  const workerRequests = requests + messages;
  const gigabytes = bytesHashed / 1e9;
  const objectRequests = objectCalls + sessions * assumed.alarmsPerSession.value;
  const objectSeconds = (objectRequests * assumed.objectMillisecondsPerCall.value) / 1000;
  return {
    workerRequests,
    cpuMilliseconds:
      workerRequests * assumed.cpuMillisecondsPerRequest.value +
      gigabytes * assumed.cpuMillisecondsPerGigabyteHashed.value,
    d1RowsRead: sum(of("d1"), "rowsRead"),
    d1RowsWritten: sum(of("d1"), "rowsWritten"),
    r2ClassA: named(R2_CLASS_A),
    r2ClassB: named(R2_CLASS_B),
    objectRequests,
    objectGigabyteSeconds: objectSeconds * OBJECT_MEMORY,
    objectRowsRead: calls.objectRowsRead,
    objectRowsWritten: calls.objectRowsWritten,
    queueOperations: messages * assumed.queueOperationsPerMessage.value,
    cacheCalls: of("cache").length,
  };
}

function sum(calls: readonly Call[], rows: "rowsRead" | "rowsWritten"): number {
  return calls.reduce((total, call) => total + call[rows], 0);
}
