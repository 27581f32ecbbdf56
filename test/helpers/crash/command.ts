/** The command of a run, with somebody who is called whenever a process waits at a label. */
import { type SpawnOptions, spawn } from "node:child_process";
import type { UpgradeReport } from "../../../src/protocol/report.ts";
import { until } from "../installed.ts";
import type { FaultFolder, Held } from "./faultFolder.ts";

export interface Ended {
  /** Null: by a signal. */
  exit: number | null;
  report?: UpgradeReport;
  output: string;
}

export interface Command {
  bin: string;
  args: string[];
  options: SpawnOptions;
  faults: FaultFolder;
  onSpawn: (pid: number) => void;
  onHeld: (held: Held) => Promise<void>;
  timeoutMs: number;
  /** So long after its end somebody may still come to a label. */
  afterwardsMs: number;
}

export async function runCommand(command: Command): Promise<Ended> {
  const { bin, args, faults } = command;
  const child = spawn(bin, args, { ...command.options, stdio: ["ignore", "pipe", "pipe"] });
  command.onSpawn(child.pid!);
  let [stdout, output] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
    output += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  let exit: number | null | undefined;
  let overAt = Number.POSITIVE_INFINITY;
  child.on("close", (code) => {
    exit = code;
    overAt = performance.now() + command.afterwardsMs;
  });
  const next = () => faults.held ?? performance.now() >= overAt;
  const what = () => `${args.join(" ")} at a label or its end\n${output}`;
  for (;;) {
    const held = await until(what(), next, command.timeoutMs);
    if (typeof held === "boolean") break;
    await command.onHeld(held);
    faults.release();
  }
  return { exit: exit ?? null, output, ...reportIn(stdout) };
}

function reportIn(stdout: string): { report?: UpgradeReport } {
  try {
    const json = JSON.parse(stdout) as UpgradeReport;
    return "result" in json ? { report: json } : {};
  } catch {
    return {};
  }
}
