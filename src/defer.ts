/** Keeps the isolate alive for work that the answer need not wait for. */
export type Defer = (work: Promise<unknown>) => void;
