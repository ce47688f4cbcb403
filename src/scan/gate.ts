import type { Digest } from "../oci/digest.ts";
import { RegistryError } from "../oci/errors.ts";
import type { RepositoryName } from "../oci/reference.ts";
import { type AuditStore, auditEvent, type Initiator } from "../db/audit.ts";
import { type Block, decide, type GateEntry, reasonOf, type ScanPolicy } from "./policy.ts";
import { SCANNER } from "./pull-token.ts";
import type { ScanReports } from "./reports.ts";

/** What a pull reads together with the manifest (db/pull-reads.ts). */
interface Gate {
  readonly policy: ScanPolicy;
  readonly unscannable: string | null;
  /** null: the image has not been matched. */
  readonly gate: readonly GateEntry[] | null;
  /** 1 if a signer whom the namespace trusts vouches for it. */
  readonly signed: 0 | 1 | null;
}

interface Asked {
  readonly repository: RepositoryName;
  readonly digest: Digest;
  /** JSON of a `Gate`. */
  readonly gate: string;
  readonly initiator: Initiator;
}

/** Keeps images from being pulled that the policy of their repository refuses. */
export class ScanGate {
  readonly #reports: ScanReports;
  readonly #audit: AuditStore;

  constructor(reports: ScanReports, audit: AuditStore) {
    this.#reports = reports;
    this.#audit = audit;
  }

  /**
   * Decides on a pull by what was read with the manifest; only a refusal asks the database, for its reasons.
   * @returns the work that records a pull by an account that is exempt; null if there is nothing to record
   * @throws DENIED
   */
  async require(asked: Asked): Promise<(() => Promise<void>) | null> {
    const { repository, digest, initiator } = asked;
    // What cannot be scanned would stay refused.
    if (initiator.via === SCANNER) return null;
    const { policy, signed, ...known } = JSON.parse(asked.gate) as Gate;
    const block = decide(policy, { ...known, isSigned: signed === 1 }, Date.now());
    if (block === null) return null;
    if (initiator.actor !== null && policy.exempt.includes(initiator.actor)) {
      const entry = { action: "policy.exempt", repository, digest, detail: block } as const;
      return () => this.#audit.add([auditEvent(initiator, entry, "done")]);
    }
    throw new RegistryError("DENIED", {
      message: `${await this.#reason(asked, policy, block)}; see ${place(asked)}`,
      detail: { digest },
    });
  }

  async #reason({ repository, digest }: Asked, policy: ScanPolicy, block: Block): Promise<string> {
    const { images, findings } = await this.#reports.report(repository, digest);
    const { unscannable = null } = images[0] ?? {};
    return `the scan policy of ${repository} refuses it: ${reasonOf(block, policy, { unscannable, findings }, Date.now())}`;
  }
}

/** Where a person finds the scan's result. */
function place({ repository, digest }: Asked): string {
  return `slipway vulnerabilities ${repository}@${digest}`;
}
