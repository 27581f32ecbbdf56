/**
 * One upgrade that is under way, and whoever wants to hear of it: the steps so far, then the rest,
 * then the report. It is told when all has ended, or, where slow responses keep the old version for
 * long, before: the new version is permanent and proven by then.
 */
import { withResolvers } from "../../platform/waiting.ts";
import type { ControlEvent } from "../../protocol/control.ts";
import type { UpgradeReport } from "../../protocol/report.ts";
import type { Kind } from "./upgradeRequest.ts";

/** Longer than WebSockets take that are closed in order: only responses are not waited for. */
const TOLD_MS = 5_000;

type Hear = (event: ControlEvent) => void;

export class OngoingUpgrade {
  readonly version: string;
  kind: Kind;
  /** Of a reload: as `etc/` was when it began. */
  readonly etcHash: Promise<string | undefined> | undefined;
  step = "plan";
  /** Nothing is left to be done but the end of the old version. */
  isRetiring = false;
  readonly finished: Promise<UpgradeReport>;
  readonly #soFar = withResolvers<UpgradeReport>();
  readonly #events: ControlEvent[] = [];
  readonly #listeners = new Set<Hear>();

  constructor(
    version: string,
    kind: Kind,
    etcHash: Promise<string | undefined> | undefined,
    perform: (ongoing: OngoingUpgrade) => Promise<UpgradeReport>,
  ) {
    this.version = version;
    this.kind = kind;
    this.etcHash = etcHash;
    this.finished = perform(this);
  }

  /** Those who wait to the very end hear of all of it, the others of what matters. */
  get told(): Promise<UpgradeReport> {
    return Promise.race([this.finished, this.#soFar.promise]);
  }

  emit(event: ControlEvent): void {
    if (event.event === "step" && event.state === "begin") this.step = event.name;
    this.#events.push(event);
    for (const listener of this.#listeners) listener(event);
  }

  /** `soFar`: the report as it is when it is told. */
  retires(soFar: () => UpgradeReport): void {
    this.isRetiring = true;
    const timer = setTimeout(() => this.#soFar.resolve(soFar()), TOLD_MS);
    const stop = () => clearTimeout(timer);
    this.finished.then(stop, stop);
  }

  async attend(hear: Hear, { wait }: { wait: boolean }): Promise<UpgradeReport> {
    for (const event of this.#events) hear(event);
    this.#listeners.add(hear);
    try {
      return await (wait ? this.finished : this.told);
    } finally {
      this.#listeners.delete(hear);
    }
  }
}
