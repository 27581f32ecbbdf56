/** Hosts side by side on a terminal, each with its step and bytes; what is done stays above. */
import type { DeployEvent, DeployResult } from "../../deploy/index.ts";
import { formatBytes } from "../output.ts";
import { fitting, type Row } from "./fitting.ts";
import { PlainView } from "./plain.ts";
import { doing, done, msText } from "./words.ts";

const REDRAW_MS = 100;
const FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏";

const WAITS: Row = { text: "", since: undefined, failed: false };

export class LiveView extends PlainView {
  readonly #hosts: string[];
  readonly #rows = new Map<string, Row>();
  readonly #screen: typeof import("log-update").default;
  #timer: NodeJS.Timeout | undefined;
  #frame = 0;

  static async create(hosts: string[]): Promise<LiveView> {
    const { default: screen } = await import("log-update");
    return new LiveView(hosts, screen);
  }

  private constructor(hosts: string[], screen: typeof import("log-update").default) {
    super(hosts);
    this.#hosts = hosts;
    this.#screen = screen;
  }

  override show(event: DeployEvent): void {
    if (event.event === "bytes") {
      const percent = Math.floor((100 * event.sent) / event.total);
      const text = `${doing("send")} ${formatBytes(event.sent)} of ${formatBytes(event.total)}, ${percent} %`;
      this.#show(event.host, { text });
    } else super.show(event);
  }

  protected override line(host: string, text: string): void {
    this.#show(host, { text: text.trim() });
  }

  protected override step(event: Extract<DeployEvent, { event: "step" }>): void {
    const { host, step, state } = event;
    if (state === "begin") this.#show(host, { text: doing(step), since: performance.now() });
    else if (state === "failed") {
      this.#show(host, { text: event.error.message, since: undefined, failed: true });
    } else {
      const more = event.text ? `, ${event.text}` : "";
      const text = `${done(step)} (${msText(event.ms)}${more})`;
      this.#show(host, { text, since: undefined });
    }
  }

  override rest(): void {
    this.#stop();
  }

  override async ask(question: string): Promise<boolean> {
    this.#stop();
    return super.ask(question);
  }

  override end(result: DeployResult): void {
    this.#stop();
    super.end(result);
  }

  override failed(error: unknown): void {
    this.#stop();
    super.failed(error);
  }

  protected override print(text: string): void {
    if (this.#timer === undefined) {
      super.print(text);
      return;
    }
    this.#screen.clear();
    super.print(text);
    this.#draw();
  }

  #show(host: string, change: Partial<Row>): void {
    const row = this.#rows.get(host) ?? WAITS;
    this.#rows.set(host, { ...row, ...change });
    this.#timer ??= setInterval(() => this.#draw(), REDRAW_MS);
  }

  #draw(): void {
    this.#frame += 1;
    const width = Math.max(...this.#hosts.map((host) => host.length));
    const rowOf = (host: string) => this.#rows.get(host) ?? WAITS;
    const { shown, rest } = fitting(this.#hosts, rowOf, (process.stdout.rows || 24) - 1);
    const lines = shown.map((host) => {
      const row = rowOf(host);
      const turning = FRAMES[this.#frame % FRAMES.length]!;
      const sign = row.failed ? "✖" : row.since === undefined ? "·" : turning;
      const time = row.since === undefined ? "" : ` ${msText(performance.now() - row.since)}`;
      return `  ${sign} ${host.padEnd(width)}  ${row.text}${time}`.slice(0, columns());
    });
    this.#screen([...lines, ...rest].join("\n"));
  }

  /** What was drawn last is gone: the account has it all. */
  #stop(): void {
    if (this.#timer === undefined) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#screen.clear();
    this.#screen.done();
    this.#rows.clear();
  }
}

const columns = (): number => Math.max(20, (process.stdout.columns || 80) - 1);
