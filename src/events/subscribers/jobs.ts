import type { Action } from "../catalogue.ts";
import type { Subscriber } from "../subscriber.ts";

/** The job that has work after an event. */
const DUE: Partial<Record<Action, string>> = {
  "blob.delete": "gc",
  "exception.create": "scan",
  "exception.delete": "scan",
  "export.begin": "export",
  "image.rescan": "scan",
  "import.begin": "import",
  "manifest.purge": "gc",
  "manifest.push": "scan",
  "repository.purge": "gc",
  "retention.set": "retention",
  "signer.remove": "scan",
  "signer.set": "scan",
  "tag.purge": "gc",
};

/**
 * Has a job begin soon after the change that it has work with, rather than at the next tick of the cron.
 * @param enqueue has a job run, by a message in the queue: many events of one batch make one run
 */
export function jobsSubscriber(enqueue: (job: string) => Promise<unknown>): Subscriber {
  return {
    name: "jobs",
    actions: Object.keys(DUE) as Action[],
    async receive({ action }) {
      const job = DUE[action];
      if (job !== undefined) await enqueue(job);
    },
  };
}
