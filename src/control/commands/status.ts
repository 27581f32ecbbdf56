import { errorToJson } from "../../contract/errors.ts";
import type { NotRunning } from "../../protocol/documents.ts";
import type { SlotStatus, StatusReport } from "../../protocol/report.ts";
import { ask } from "../client.ts";
import type { Context } from "../context.ts";
import { describeEnd, lastEndOf } from "../lastEnd.ts";
import { bytesText, count, note, report, table } from "../output.ts";
import { findSupervisor, notRunning } from "../running.ts";
import { runningVersion } from "../runningRelease.ts";

const TIMEOUT_MS = 10_000;

export default async function statusCommand(context: Context, { json }: { json?: boolean }) {
  const { layout } = context;
  const running = await findSupervisor(layout);
  if (running === undefined) {
    const version = (await runningVersion(context)) ?? null;
    const error = notRunning(layout);
    const lastEnd = await lastEndOf(layout);
    if (lastEnd !== undefined && !json) note(describeEnd(lastEnd));
    const value: NotRunning = {
      ...{ name: layout.name, version, status: "stopped" as const },
      ...(lastEnd === undefined ? {} : { lastEnd }),
      error: errorToJson(error),
    };
    throw Object.assign(error, { value });
  }
  const request = { verb: "status" } as const;
  const value = (await ask(layout, request, { timeoutMs: TIMEOUT_MS })) as StatusReport;
  report<StatusReport>(json, value, describe(value, running.pid));
}

function describe(status: StatusReport, pid: number): string {
  const { name, version, releaseId, since } = status;
  const lines = [
    `${name} ${version} (${releaseId.slice(0, 12)}), ${status.status} since ${since}, pid ${pid}`,
  ];
  const rows = [["process", "slot", "pid", "generation", "node", "restarts", "memory", "health"]];
  for (const process of status.processes) {
    for (const [index, slot] of process.slots.entries()) {
      const { pid, generation, node, restarts, rssBytes, healthy } = slot;
      const isDown = slot.crash?.nextAt !== undefined;
      const numbers = [isDown ? "-" : pid, generation, node, restarts].map(String);
      const memory = isDown ? "-" : bytesText(rssBytes);
      const health = healthy ? "ok" : "unhealthy";
      rows.push([process.name, String(index), ...numbers, memory, isDown ? "down" : health]);
    }
  }
  lines.push(table(rows));
  for (const { name, slots } of status.processes) {
    for (const [index, slot] of slots.entries())
      lines.push(...crashLines(`${name}.${index}`, slot));
  }
  if (status.upgrade)
    lines.push(`Upgrade to ${status.upgrade.to} under way: ${status.upgrade.step}`);
  if (status.retiring) {
    const { version: before, since: from } = status.retiring;
    lines.push(`${before} still answers what it had begun, since ${from}; nothing new`);
  }
  if (status.etcChanged) lines.push(`etc/ has changed since: ${name} reload applies it`);
  if (status.leftovers.length > 0)
    lines.push(`Still running of old: ${status.leftovers.join(", ")}`);
  if (status.pending && status.pending.length > 0)
    lines.push(`Swapped out, memory not collected yet: ${status.pending.join(", ")}`);
  if (status.logDropped > 0) lines.push(`${count(status.logDropped, "log line")} lost`);
  if (status.logProblem) lines.push(`The log can't be written: ${status.logProblem}`);
  return lines.join("\n");
}

function crashLines(slot: string, { crash, restarts }: SlotStatus): string[] {
  if (crash === undefined) return [];
  const { at, why, keepsCrashing, nextAt, lastWords } = crash;
  if (!keepsCrashing && nextAt === undefined) return [`${slot} crashed at ${at}: ${why}`];
  const next = nextAt === undefined ? [] : [`  next start ${nextAt}`];
  const words = lastWords.map((line) => `    ${line}`);
  return [
    `${slot} ${keepsCrashing ? "keeps crashing" : "crashed"}: ${why}`,
    `  at ${at}, ${count(restarts, "restart")} so far`,
    ...next,
    ...(words.length === 0 ? [] : ["  its last words:", ...words]),
  ];
}
