/**
 * Clients of bench/apps/feed, as a process: `clientsMain.ts <port>`. Over IPC:
 *   "begin" → everybody was answered; what is noticed counts from now on
 *   "end"   → everybody was answered again; what was noticed (`Noticed`)
 */
import {
  type Counts,
  keepAliveClients,
  newConnectionClients,
  plainWorkload,
  Tally,
  webSocketClients,
} from "../../test/helpers/traffic/index.ts";
import { median } from "./statistics.ts";

const PAUSE_MS = 2;
const ANSWERS = 3;
const DEADLINE_MS = 60_000;

/** A tally that also knows when each client was answered last. */
class Listening extends Tally {
  readonly #last = new Map<string, number>();
  readonly #answers = new Map<string, number>();
  #gapsMs: number[] = [];

  override answered(id: string, version: string): void {
    super.answered(id, version);
    const client = id.slice(0, id.lastIndexOf("-"));
    const now = performance.now();
    const last = this.#last.get(client);
    if (last !== undefined) this.#gapsMs.push(now - last);
    this.#last.set(client, now);
    this.#answers.set(client, (this.#answers.get(client) ?? 0) + 1);
  }

  /** Counts from now on. */
  begin(): void {
    this.#gapsMs = [];
    for (const name of Object.keys(this.counts)) this.counts[name as keyof Counts] = 0;
  }

  get quietMs(): number {
    return this.#gapsMs.reduce((most, gap) => Math.max(most, gap), 0) - median(this.#gapsMs);
  }

  /** Resolves when `clients` clients have had some more answers each. */
  async everybody(clients: number): Promise<void> {
    this.#answers.clear();
    const deadline = performance.now() + DEADLINE_MS;
    const isDone = () =>
      this.#answers.size === clients && [...this.#answers.values()].every((one) => one >= ANSWERS);
    while (!isDone()) {
      if (performance.now() > deadline) throw new Error(`${this.kind}: too few answers`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
}

const target = { host: "127.0.0.1", port: Number(process.argv[2]) };
const workload = plainWorkload("/");
const kinds = [
  { tally: new Listening("new connection"), clients: 4 },
  { tally: new Listening("keep-alive"), clients: 8 },
  { tally: new Listening("WebSocket"), clients: 50 },
] as const;
const [anew, kept, webSockets] = kinds;
newConnectionClients(target, workload, anew.tally, { clients: anew.clients, pauseMs: PAUSE_MS });
keepAliveClients(target, workload, kept.tally, { clients: kept.clients, pauseMs: PAUSE_MS });
webSocketClients(target, webSockets.tally, { clients: webSockets.clients, pauseMs: 4 * PAUSE_MS });

const everybody = () => Promise.all(kinds.map(({ tally, clients }) => tally.everybody(clients)));
const sum = (of: (tally: Listening) => number) =>
  kinds.reduce((total, { tally }) => total + of(tally), 0);

process.on("message", async (message) => {
  try {
    await everybody();
    if (message === "begin") for (const { tally } of kinds) tally.begin();
    process.send!({
      sent: sum(({ counts }) => counts.sent),
      counted: anew.tally.counts.answered + kept.tally.counts.answered,
      failed: sum(({ failures }) => failures),
      closed: sum(({ counts }) => counts.reconnected),
      quietMs: Math.max(...kinds.map(({ tally }) => tally.quietMs)),
    });
  } catch (error) {
    process.send!({ error: String(error) });
  }
});
process.on("disconnect", () => process.exit());
process.send!({ sent: 0, counted: 0, failed: 0, closed: 0, quietMs: 0 });
