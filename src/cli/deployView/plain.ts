/** Plain lines: for a pipe, a log file, a CI job. Each begins with its host. */

import { once } from "node:events";
import { createInterface } from "node:readline/promises";
import { errorFromJson } from "../../contract/errors.ts";
import {
  ageText,
  type DeployEvent,
  type DeployResult,
  namesText,
  type RolloutPlan,
  type UndoPlan,
} from "../../deploy/index.ts";
import { table } from "../../protocol/columns.ts";
import { wrapLines } from "../../protocol/wrap.ts";
import { fail, formatBytes, printLine } from "../output.ts";
import type { DeployView } from "./view.ts";
import { done, msText, outcomeRow, planRow } from "./words.ts";

/** Steps whose good end nobody needs to read. */
const QUIET = new Set(["facts", "lock", "health", "account"]);

export class PlainView implements DeployView {
  readonly #width: number;
  #sent = new Map<string, number>();

  constructor(hosts: string[]) {
    this.#width = Math.max(...hosts.map((host) => host.length));
  }

  show(event: DeployEvent): void {
    switch (event.event) {
      case "plan":
        for (const line of planLines(event.plan)) this.print(line);
        if (event.plan.waves.length > 1) this.sentence(orderOf(event.plan));
        return;
      case "rollbackPlan":
        for (const line of undoLines(event.plan)) this.print(line);
        return;
      case "wave":
        if (event.count > 1) {
          this.sentence(`Wave ${event.number} of ${event.count}: ${namesText(event.hosts)}`);
        }
        return;
      case "bytes":
        this.#sent.set(event.host, event.sent);
        return;
      case "step":
        this.step(event);
        return;
      case "command":
        this.print(this.#line(event.host, event.command));
        return;
      case "note":
        this.sentence(`  ${event.text}`);
        return;
      case "line":
        this.line(event.host, event.text);
    }
  }

  protected line(_host: string, _text: string): void {}

  protected step(event: Extract<DeployEvent, { event: "step" }>): void {
    const { host, step, state } = event;
    if (state === "begin") return;
    if (state === "failed") {
      this.print(this.#line(host, `${step} failed: ${event.error.message}`));
      return;
    }
    if (QUIET.has(step)) return;
    const sent = step === "send" ? ` ${formatBytes(this.#sent.get(host) ?? 0)}` : "";
    const more = event.text ? `, ${event.text}` : "";
    this.print(this.#line(host, `${done(step)}${sent} (${msText(event.ms)}${more})`));
  }

  async confirm(plan: RolloutPlan, version: string): Promise<boolean> {
    const count = plan.hosts.length;
    const where = count === 1 ? "this host" : `these ${count} hosts`;
    return this.ask(`Deploy ${version} to ${where}?`);
  }

  rest(): void {}

  async ask(question: string): Promise<boolean> {
    // Who reads the account, by `| tee`, say, has no say in it: the question goes to the terminal itself.
    const { stdin, stderr } = process;
    if (!stdin.isTTY || !stderr.isTTY) return true;
    const terminal = createInterface({ input: stdin, output: stderr });
    try {
      // By Ctrl-C, Ctrl-D: a question that is left has no answer. Some Nodes say so, others nothing.
      const left = once(terminal, "close").then(() => "\n");
      const said = terminal.question(`${question} [y/N] `).catch(() => left);
      const answer = await Promise.race([said, left]);
      if (answer === "\n") stderr.write("\n");
      return /^y(es)?$/i.test(answer.trim());
    } finally {
      terminal.close();
    }
  }

  end(result: DeployResult): void {
    if (result.dryRun) {
      this.print(
        result.said ?? "That would be all; no host was changed, these commands were not run",
      );
      return;
    }
    const rows = result.hosts.map((outcome) => outcomeRow(outcome, result.version));
    if (rows.length > 0) {
      for (const line of table([["host", "was", "is", "", "", "", "sent"], ...rows])) {
        this.print(`  ${line}`);
      }
    }
    if (result.error !== undefined) fail(errorFromJson(result.error));
    else
      this.print(
        result.said ?? `${result.name} ${result.version} runs on all hosts (${msText(result.ms)})`,
      );
    if (result.hosts.some(({ report }) => report !== undefined)) {
      this.print(`How that went, as a page: tsugi view ${result.environment}`);
    }
  }

  failed(error: unknown): void {
    fail(error);
  }

  protected print(text: string): void {
    printLine(text);
  }

  /** Broken between words where a terminal would break it anywhere; no table is. */
  protected sentence(text: string): void {
    this.print(wrapLines(text, process.stdout.columns));
  }

  #line(host: string, text: string): string {
    return `  ${host.padEnd(this.#width)}  ${text}`;
  }
}

function undoLines({ deploy, hosts }: UndoPlan): string[] {
  const rows = hosts.map(({ host, runs, to, why }) => [
    host,
    runs ?? "nothing",
    to === null ? "stays" : `back to ${to}`,
    why,
  ]);
  const what =
    deploy === undefined
      ? []
      : [`Undoes the deploy of ${deploy.to} by ${deploy.by}, ${ageText(deploy.at, Date.now())}`];
  if (hosts.length === 0) return what;
  const etc = hosts.some(({ to }) => to !== null) ? ["  etc/env stays as it is"] : [];
  return [
    ...what,
    ...table([["host", "runs", "what", "why"], ...rows]).map((row) => `  ${row}`),
    ...etc,
  ];
}

function planLines({ hosts }: RolloutPlan): string[] {
  if (hosts.length === 0) return [];
  const rows = table([["host", "runs", "what", "release"], ...hosts.map(planRow)]);
  return rows.map((row) => `  ${row}`);
}

const orderOf = ({ waves }: RolloutPlan): string =>
  `  one after the other: ${waves.map(namesText).join(" · ")}`;
