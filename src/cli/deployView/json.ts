/** One event a line, the result last. */

import type { DeployEvent, DeployResult } from "../../deploy/index.ts";
import type { DeployLineBody, PlanLine } from "../documents.ts";
import { fail, printJsonLine } from "../output.ts";
import type { DeployView } from "./view.ts";

export class JsonView implements DeployView {
  show(event: DeployEvent): void {
    this.#print(event.event === "plan" ? summaryOf(event) : event);
  }

  rest(): void {}

  async ask(): Promise<boolean> {
    return true;
  }

  async confirm(): Promise<boolean> {
    return true;
  }

  end(result: DeployResult): void {
    this.#print({ event: "result", ...result });
    if (result.error !== undefined) process.exitCode = result.error.exitCode;
  }

  failed(error: unknown): void {
    fail(error);
  }

  #print(value: DeployLineBody): void {
    printJsonLine(value);
  }
}

function summaryOf({ plan }: Extract<DeployEvent, { event: "plan" }>): PlanLine {
  const hosts = plan.hosts.map(({ host, action, from, isRunning, send, unpack, relup }) => {
    const { strategy, reasons } = relup ?? { strategy: null, reasons: [] };
    return { host: host.name, action, from, isRunning, send, unpack, strategy, reasons };
  });
  return { event: "plan", hosts, refusals: plan.refusals, waves: plan.waves };
}
