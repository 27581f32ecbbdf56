/**
 * What clients were told, held against what the service remembers.
 *
 * Every answer to an increment says which life of the state it was (a random word, made when the
 * state begins anew and carried with it), the sum after it, and the process. Within a life each sum
 * is given once: an upgrade that loses something gives a sum again. A life ends when its process is
 * killed, and only then; what that process had acknowledged is honestly gone.
 */
import type { HttpResponse } from "../traffic/http1.ts";
import type { Workload } from "../traffic/index.ts";

export interface Acknowledgement {
  sum: number;
  life: string;
  pid: number;
}

export interface Verdict {
  acknowledged: number;
  lives: number;
  /** Sums that were given twice by processes that nobody has killed. */
  doubled: number;
  /** Lives that began though nothing was killed; sums beyond what is in memory at the end. */
  lost: number;
}

export class Accounts implements Workload {
  acknowledged = 0;
  #unexplainedLives = 0;
  /** Sums by life and by process. */
  readonly #lives = new Map<string, Map<number, number[]>>();
  readonly #killed = new Set<number>();
  #isKilling = false;

  request(id: string) {
    const body = JSON.stringify({ id, padding: "x".repeat(2_000) });
    return { method: "POST", path: "/increment", headers: { "x-request-id": id }, body };
  }

  check(id: string, { status, headers, body }: HttpResponse): string {
    if (status !== 200) throw new Error(`status ${status}`);
    if (headers["x-request-id"] !== id) throw new Error("another request's answer");
    this.#note(JSON.parse(body.toString()) as Acknowledgement);
    return headers["x-version"] ?? "?";
  }

  /** From here to `recovered` connections that end were ended by us. */
  kills(pid: number): void {
    this.#killed.add(pid);
    this.#isKilling = true;
  }

  recovered(): void {
    this.#isKilling = false;
  }

  get killed(): number {
    return this.#killed.size;
  }

  /** A process takes its connections with it. The listening socket is not its own: no refusals. */
  excuses(failure: string, problem: string): boolean {
    if (!this.#isKilling || problem.includes("ECONNREFUSED")) return false;
    return ["reset", "refused", "reconnected"].includes(failure);
  }

  #note({ life, sum, pid }: Acknowledgement): void {
    this.acknowledged += 1;
    let processes = this.#lives.get(life);
    if (processes === undefined) {
      if (this.#lives.size > 0 && !this.#isKilling) this.#unexplainedLives += 1;
      processes = new Map();
      this.#lives.set(life, processes);
    }
    const sums = processes.get(pid);
    if (sums) sums.push(sum);
    else processes.set(pid, [sum]);
  }

  /** `last`: what the service has in memory when the clients have stopped. */
  close(last: Acknowledgement): Verdict {
    let doubled = 0;
    let lost = this.#unexplainedLives;
    for (const [life, processes] of this.#lives) {
      const given = new Set<number>();
      for (const [pid, sums] of processes) {
        if (this.#killed.has(pid)) continue;
        for (const sum of sums) {
          if (given.has(sum)) doubled += 1;
          given.add(sum);
        }
      }
      if (life === last.life) lost += [...given].filter((sum) => sum > last.sum).length;
    }
    return { acknowledged: this.acknowledged, lives: this.#lives.size, doubled, lost };
  }
}
