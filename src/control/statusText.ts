/** What `status` says to a person. */
import { table } from "../protocol/columns.ts";
import type { SlotStatus, Status, Stopping } from "../protocol/report.ts";
import { wrap } from "../protocol/wrap.ts";
import { bytesText, count } from "./output.ts";

export function describeStatus(status: Status, pid: number): string {
  const { name, version, releaseId, since } = status;
  const head = `${name} ${version} (${releaseId.slice(0, 12)}), ${status.status} since ${since}, pid ${pid}`;
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
  return [head, ...table(rows), ...statusRemarks(status)].join("\n");
}

export const isCrashing = ({ processes }: Status): boolean =>
  processes.some(({ slots }) => slots.some(({ crash }) => crash?.keepsCrashing));

/** What somebody should know beside the rows of workers. */
export function statusRemarks(status: Status): string[] {
  const lines: string[] = [];
  for (const { name, slots } of status.processes) {
    for (const [index, slot] of slots.entries()) {
      const where = `${name}.${index}`;
      lines.push(...problemLines(where, slot), ...crashLines(where, slot));
    }
  }
  if (status.stopping) lines.push(stoppingText(status.stopping));
  if (status.upgrade)
    lines.push(`Upgrade to ${status.upgrade.to} under way: ${status.upgrade.step}`);
  if (status.retiring) {
    const { version: before, since: from } = status.retiring;
    lines.push(`${before} still answers what it had begun, since ${from}; nothing new`);
  }
  if (status.etcChanged) lines.push(`etc/ has changed since: bin/${status.name} reload applies it`);
  if (status.leftovers.length > 0)
    lines.push(`Still running of old: ${status.leftovers.join(", ")}`);
  if (status.pending && status.pending.length > 0)
    lines.push(`Swapped out, memory not collected yet: ${status.pending.join(", ")}`);
  if (status.logDropped > 0) lines.push(`${count(status.logDropped, "log line")} lost`);
  if (status.logProblem) lines.push(`The log can't be written: ${status.logProblem}`);
  return lines;
}

const stoppingText = ({ since, until }: Stopping): string =>
  `Stopping since ${since}: ${until === undefined ? "when the upgrade has ended" : `what is under way has until ${until}`}; nothing new`;

function problemLines(slot: string, { problem }: SlotStatus): string[] {
  return problem === undefined ? [] : [wrap(`${slot} is unhealthy: ${problem}`, "  ")];
}

function crashLines(slot: string, { crash, restarts }: SlotStatus): string[] {
  if (crash === undefined) return [];
  const { at, why, keepsCrashing, nextAt, lastWords } = crash;
  if (!keepsCrashing && nextAt === undefined) {
    return [wrap(`${slot} crashed at ${at}: ${why}`, "  ")];
  }
  const next = nextAt === undefined ? [] : [`  next start ${nextAt}`];
  const words = lastWords.map((line) => `    ${line}`);
  return [
    wrap(`${slot} ${keepsCrashing ? "keeps crashing" : "crashed"}: ${why}`, "  "),
    `  at ${at}, ${count(restarts, "restart")} so far`,
    ...next,
    ...(words.length === 0 ? [] : ["  its last words:", ...words]),
  ];
}
