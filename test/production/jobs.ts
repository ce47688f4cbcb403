/** Holds each run of a background job to the limits of an invocation: the cron and the queue give it one. */
import { GarbageCollector } from "../../src/gc/job.ts";
import { Retention } from "../../src/retention/job.ts";
import { JobRunner } from "../../src/jobs/runner.ts";
import { invoke } from "./invocation.ts";

type Run = (...parameters: unknown[]) => unknown;

export function makeJobsStrict(): void {
  makeStrict(GarbageCollector.prototype, "run");
  makeStrict(Retention.prototype, "run");
  makeStrict(JobRunner.prototype, "turn");
}

function makeStrict<T extends object>(prototype: T, name: keyof T & string): void {
  const real = prototype[name] as Run;
  const value = function (this: T, ...parameters: unknown[]): unknown {
    return invoke(() => Reflect.apply(real, this, parameters));
  };
  Object.defineProperty(prototype, name, { value, configurable: true, writable: true });
}
