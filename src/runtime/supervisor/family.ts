/**
 * What a worker has started itself, seen and ended with it. A worker's processes are known by
 *
 *   their ancestors     as long as the worker lives
 *   their environment   TSUGI_WORKER_ID comes down from the worker, also to what has lost its parent
 *   their session       an orphan in the supervisor's own, whose environment was replaced
 *
 * A process that is to live on says so: TSUGI_LIVES_ON=1 in its environment (and `detached`, so that
 * signals to the session don't reach it). `bin/<app>` typed by an application is nobody's.
 */

import { isAlive, type ProcessIdentity, signalAll } from "../../platform/processes.ts";
import {
  descendantsOf,
  endsWithWorker,
  environmentOf,
  identify,
  type RunningProcess,
  runningProcesses,
  WORKER_ID,
} from "../../platform/processTable.ts";
import { until } from "../../platform/waiting.ts";

/** What SIGKILL does not end in this time waits in the kernel for something. */
const KILLED_MS = 1_000;

export interface FamilyEnd {
  /** Ended by SIGTERM, by SIGKILL, and by neither: "ffmpeg (pid 4711)". */
  ended: string[];
  killed: string[];
  running: string[];
}

interface Member {
  identity: ProcessIdentity;
  label: string;
}

let made = 0;

export class Family {
  /** For the environment of the worker. */
  readonly id: string;
  readonly #members = new Map<number, Member>();
  #worker: ProcessIdentity | undefined;

  constructor() {
    made += 1;
    this.id = `${process.pid}.${made}.${Date.now().toString(36)}`;
  }

  /** Of one that could not be spawned there is no pid, and no family. */
  set worker(pid: number | undefined) {
    this.#worker = pid === undefined ? undefined : identify({ pid });
  }

  /** While the worker lives: the ancestors of what it has started are known. */
  look(): void {
    const all = runningProcesses();
    // Once it has ended, its pid may be anybody's.
    const worker = this.#worker && isAlive(this.#worker) ? this.#worker.pid : undefined;
    const children = worker === undefined ? [] : descendantsOf([worker], all);
    for (const one of children) this.#add(one);
    const known = new Set(children.map(({ pid }) => pid));
    for (const one of all) {
      if (known.has(one.pid) || one.pid === worker || one.pid === process.pid) continue;
      if (this.#isMarked(one)) this.#add(one);
    }
  }

  /** After the worker's end. SIGTERM, then SIGKILL. */
  async end(graceMs: number): Promise<FamilyEnd> {
    this.look();
    this.#lookForOrphans();
    const left = () => [...this.#members.values()].filter(({ identity }) => isAlive(identity));
    const signal = (members: Member[], name: NodeJS.Signals) =>
      signalAll(
        members.map(({ identity }) => identity),
        name,
      );
    const termed = left();
    signal(termed, "SIGTERM");
    const isGone = () => left().length === 0;
    await until(isGone, graceMs);
    this.look();
    const stubborn = left();
    signal(stubborn, "SIGKILL");
    await until(isGone, KILLED_MS);
    const running = left();
    const labels = (members: Member[]) => members.map(({ label }) => label);
    return {
      ended: labels(termed.filter((one) => !stubborn.includes(one))),
      killed: labels(stubborn.filter((one) => !running.includes(one))),
      running: labels(running),
    };
  }

  #add({ pid, name }: RunningProcess): void {
    const known = this.#members.get(pid);
    if (known && isAlive(known.identity)) return;
    if (!endsWithWorker(environmentOf(pid))) return;
    this.#members.set(pid, { identity: identify({ pid }), label: `${name} (pid ${pid})` });
  }

  #isMarked({ pid }: RunningProcess): boolean {
    return environmentOf(pid)?.get(WORKER_ID) === this.id;
  }

  /** In our session, without a mark of its own, and with no parent of ours that is alive. */
  #lookForOrphans(): void {
    const all = runningProcesses();
    const [own] = all.filter(({ pid }) => pid === process.pid);
    if (own === undefined || own.session !== process.pid) return;
    const ours = new Set(descendantsOf([process.pid], all).map(({ pid }) => pid));
    for (const one of all) {
      if (one.session !== own.session || one.pid === process.pid || ours.has(one.pid)) continue;
      if (environmentOf(one.pid)?.has(WORKER_ID) === false) this.#add(one);
    }
  }
}
