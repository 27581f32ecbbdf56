/** What became of each host so far: written while a deploy goes on, read for its account. */

import { defined } from "../contract/checks.ts";
import { isoNow, stopwatch } from "../platform/clock.ts";
import { DEPLOY_RECORD_FORMAT, type DeployRecord } from "./audit.ts";
import { whoAmI } from "./lock.ts";
import { failure, type HostOutcome } from "./outcome.ts";
import type { Artefact, HostPlan } from "./rollout.ts";

export class Ledger {
  readonly #environment: string;
  readonly #artefact: Artefact;
  readonly #outcomes = new Map<string, HostOutcome>();
  readonly #at = isoNow();
  readonly ms = stopwatch();

  constructor(environment: string, artefact: Artefact, plans: HostPlan[]) {
    this.#environment = environment;
    this.#artefact = artefact;
    for (const { host, action, from } of plans) {
      const outcome = { host: host.name, action, from, result: "not reached" as const };
      this.#outcomes.set(host.name, { ...outcome, sentBytes: 0, ms: 0 });
    }
  }

  get releaseId(): string {
    return this.#artefact.releaseId;
  }

  get outcomes(): HostOutcome[] {
    return [...this.#outcomes.values()];
  }

  get hasFailed(): boolean {
    return this.outcomes.some(({ error }) => error !== undefined);
  }

  of(host: string): HostOutcome {
    return this.#outcomes.get(host)!;
  }

  set(host: string, change: Partial<HostOutcome>): void {
    this.#outcomes.set(host, { ...this.of(host), ...change });
  }

  fail(host: string, error: unknown): void {
    this.set(host, failure(error));
  }

  /** For the host's own log. */
  record(host: string): DeployRecord {
    const { action, from, result, report, error, wave, ms: hostMs } = this.of(host);
    const { manifest, releaseId } = this.#artefact;
    return {
      format: DEPLOY_RECORD_FORMAT,
      at: this.#at,
      by: whoAmI(),
      environment: this.#environment,
      action,
      from,
      to: manifest.version,
      releaseId,
      result,
      ms: Math.round(this.ms()),
      ...(wave === undefined ? {} : { wave, hostMs: Math.round(hostMs) }),
      ...defined({ error: error && { code: error.code, message: error.message }, report }),
    };
  }
}
