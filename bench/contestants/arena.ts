/**
 * The contestants, each made when it is first asked for, and measured in turn: what else the machine
 * does falls on all of them. One that fails drops out, with its reason; the others go on.
 */
import { mustRun } from "../../test/helpers/commands.ts";
import { type Bench, untilAnswers } from "../lib/bench.ts";
import { reasonOf } from "../lib/section.ts";
import { type Contestant, NAMES, type Name } from "./contestant.ts";
import { Nginx } from "./nginx.ts";
import { BareNode } from "./node.ts";
import { Otp } from "./otp.ts";
import { Pm2 } from "./pm2.ts";
import { Tsugi } from "./tsugi.ts";

/** One contestant's measurements by quantity, a value a round; or why there are none. */
export type Outcome = { values: Record<string, number[]> } | { absent: string; isFailure: boolean };
export type Outcomes = Partial<Record<Name, Outcome>>;

export class Arena {
  readonly #bench: Bench;
  readonly #made = new Map<Name, Promise<Contestant>>();
  readonly #failures = new Map<Name, string>();
  readonly #running = new Set<Name>();
  #project: Promise<string> | undefined;

  constructor(bench: Bench) {
    this.#bench = bench;
  }

  /** The service's own project, with its packages; not to be changed. */
  project(): Promise<string> {
    this.#project ??= this.#bench.projectWithPackages("feed");
    return this.#project;
  }

  tsugi(): Promise<Tsugi> {
    return this.#get("tsugi") as Promise<Tsugi>;
  }

  /** Of the Node that the services run on; undefined where nothing has been asked of them. */
  async nodeVersion(): Promise<string | undefined> {
    if (!this.#made.has("tsugi")) return undefined;
    const { node } = (await this.tsugi()).host;
    return (await mustRun(node, ["--version"])).stdout.trim().slice(1);
  }

  /** Each of `names` in each round, in turn; those that are not running are started. */
  async measure(
    names: readonly Name[],
    rounds: number,
    measureOne: (contestant: Contestant, round: number) => Promise<Record<string, number>>,
    { start = true } = {},
  ): Promise<Outcomes> {
    const values: Partial<Record<Name, Record<string, number[]>>> = {};
    for (let round = 0; round < rounds; round += 1) {
      for (const name of round % 2 === 0 ? names : [...names].reverse()) {
        if (this.#whyAbsent(name) !== undefined) continue;
        try {
          const contestant = await this.#get(name);
          if (start) await this.#start(contestant);
          values[name] ??= {};
          const measured = await measureOne(contestant, round);
          for (const [quantity, value] of Object.entries(measured)) {
            values[name][quantity] ??= [];
            values[name][quantity].push(value);
          }
        } catch (error) {
          this.#failures.set(name, reasonOf(error));
        }
      }
    }
    return Object.fromEntries(names.map((name) => [name, this.#outcome(name, values[name])]));
  }

  /** Whoever runs is stopped, for measurements from nothing. */
  async stopAll(): Promise<void> {
    for (const name of this.#running) {
      try {
        await (await this.#get(name)).stop();
      } catch (error) {
        this.#failures.set(name, reasonOf(error));
      }
    }
    this.#running.clear();
  }

  #outcome(name: Name, values: Record<string, number[]> | undefined): Outcome {
    const absent = this.#whyAbsent(name);
    return absent === undefined ? { values: values ?? {} } : absent;
  }

  #whyAbsent(name: Name): { absent: string; isFailure: boolean } | undefined {
    if (name === "pm2" && this.#bench.isShort) {
      return { absent: "not in the short form, which fetches nothing", isFailure: false };
    }
    const failure = this.#failures.get(name);
    return failure === undefined ? undefined : { absent: failure, isFailure: true };
  }

  async #start(contestant: Contestant): Promise<void> {
    if (this.#running.has(contestant.name)) return;
    await contestant.start();
    await untilAnswers(contestant.port);
    this.#running.add(contestant.name);
  }

  #get(name: Name): Promise<Contestant> {
    const made = this.#made.get(name) ?? this.#make(name);
    this.#made.set(name, made);
    return made;
  }

  async #make(name: Name): Promise<Contestant> {
    if (name === "otp") return Otp.make(this.#bench);
    const project = await this.project();
    if (name === "tsugi") return Tsugi.make(this.#bench, project);
    const { node } = (await this.tsugi()).host;
    if (name === "node") return BareNode.make(this.#bench, project, node);
    if (name === "pm2") return Pm2.make(this.#bench, project, node);
    return Nginx.make(this.#bench, project, node);
  }
}

export const ALL = NAMES;
export const NODE_ONES = NAMES.filter((name) => name !== "otp");
