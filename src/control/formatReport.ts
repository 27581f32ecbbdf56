/** The measured report of an upgrade for a terminal of 80 columns. */
import type { UpgradeOptions } from "../protocol/control.ts";
import type { StateReport, StepReport, UpgradeReport } from "../protocol/report.ts";
import { wrap } from "../protocol/wrap.ts";
import { bytesText, msText } from "./output.ts";

type Asked = UpgradeOptions & { direction?: "upgrade" | "downgrade" | "rollback" | "reload" };

export function formatReport(report: UpgradeReport, asked: Asked = {}): string {
  const lines = [headline(report, asked)];
  const hasChanged = changed(report) && !asked.checkOnly;
  const row = (label: string, text: string) => {
    lines.push(
      wrap(
        `  ${label.padEnd(12)} ${text}`.replace(/ +/g, keepSpaces).replace(UNIT, HARD_SPACE),
        " ".repeat(15),
      ),
    );
  };
  if (report.reasons.length > 0)
    row("strategy", `${report.strategy}: ${report.reasons.join("; ")}`);
  if (report.steps.length > 0) {
    row("steps", report.steps.map(stepText).join(" · "));
  }
  for (const step of report.steps) if (step.run) row("appup", appupText(step));
  if (hasChanged) {
    const { pauseMs, quietMs, requests, connections } = report;
    row("pause", pauseMs > 0 ? msText(pauseMs) : "none");
    row("requests", `${requests.waited} waited, ${requests.underWay} under way when it began`);
    const { carried, drained, lost } = connections;
    const quiet = [quietMs.p50, quietMs.p99, quietMs.max].map(msText);
    row(
      "connections",
      `${carried} carried, ${drained} drained, ${lost} lost${
        carried > 0 && quietMs.max > 0
          ? ` (quiet p50 ${quiet[0]}, p99 ${quiet[1]}, at most ${quiet[2]})`
          : ""
      }`,
    );
  }
  if (!hasChanged && report.connections.lost > 0) {
    row("connections", `${report.connections.lost} lost, with the worker that has died`);
  }
  if (hasChanged && report.connections.closed) row("closed", closedText(report));
  for (const { count, why } of hasChanged ? (report.connections.refused ?? []) : []) {
    row("refused", `${count} of the carried were closed, to come back: ${why}`);
  }
  if (hasChanged && report.connections.cut) row("cut", report.connections.cut.join(", "));
  for (const address of hasChanged ? (report.closedListeners ?? []) : []) {
    row("listens", `no more on ${address}, where ${report.from} did`);
  }
  if (hasChanged && (report.overlapMs ?? 0) >= LONG_OVERLAP_MS) {
    row("both ran", `for ${msText(report.overlapMs!)}`);
  }
  for (const state of report.states) {
    row("state", `${state.worker ? `${state.worker} ` : ""}${stateText(state)}`);
  }
  const throughput = throughputText(report);
  if (throughput) row("throughput", throughput);
  if (report.stateAsOf) row("state as of", report.stateAsOf);
  if (hasChanged) {
    const { leftovers } = report;
    if (report.ended) row("ended", report.ended.join(", "));
    const left = leftovers.length > 0 ? leftovers.join(", ") : "nothing";
    row("left of old", report.retiring ? retiringText(report) : left);
  }
  return lines.map((line) => line.replaceAll(HARD_SPACE, " ")).join("\n");
}

/** Columns survive the wrapping of words. */
const HARD_SPACE = "\u00a0";
const keepSpaces = (spaces: string) => (spaces.length > 1 ? HARD_SPACE.repeat(spaces.length) : " ");

/** What ends with the move itself is not worth a line. */
const LONG_OVERLAP_MS = 5_000;

function closedText({ connections: { closed } }: UpgradeReport): string {
  const what = closed === 1 ? "1 WebSocket" : `${closed} WebSockets`;
  return `${what} of a server that is not registered (hot.websockets), or whose save failed (the log says so)`;
}

/** The whole of it is for the record. */
const retiringText = ({ retiring }: UpgradeReport) =>
  `what it still answers, for at most ${msText(retiring!.drainMs)}: see status; log/upgrades.jsonl will have all of it`;

const stepText = ({ name, ms, failed }: StepReport) =>
  unbroken(`${name} ${failed ? `failed after ${msText(ms)}` : msText(ms)}`);

/** When exactly, for whoever looks for it in the log of a database. */
const appupText = ({ name, run, at, ms, exitCode }: StepReport) =>
  `${name}: ${run}, at ${at}, ${msText(ms)}, ${exitCode === null ? "no exit code" : `exit code ${exitCode}`}`;

/** "probation 501 ms" stays on one line. */
const unbroken = (text: string) => text.replaceAll(" ", HARD_SPACE);

/** A number and its unit stay on one line. */
const UNIT = / (?=(?:ms|s|B|KB|MB|GB)\b)/g;

const changed = ({ result, strategy }: UpgradeReport) =>
  result !== "refused" && result !== "checked" && strategy !== "none";

function headline(report: UpgradeReport, asked: Asked): string {
  const { from, to, strategy, result, error } = report;
  const total = msText(report.steps.reduce((sum, step) => sum + step.ms, 0));
  if (strategy === "none") return `Nothing to do: ${to} runs already`;
  const isSilent = error?.code === "TSUGI_SERVING_SILENT";
  // Started again: what died of it held connections, or a state.
  const hasDied = report.connections.lost > 0 || report.stateAsOf !== undefined;
  const serving = isSilent ? "does not answer" : hasDied ? "serves again" : "serves as before";
  if (asked.checkOnly) {
    return error === undefined
      ? `Checked ${from} → ${to}: it would go by ${strategy} (${total})`
      : `Check of ${to} failed: ${from} ${serving}`;
  }
  const done = DONE[asked.direction ?? "upgrade"];
  switch (isSilent ? "refused" : result) {
    case "checked":
    case "committed":
      if (asked.direction === "reload") return `Reloaded ${to} in ${total}`;
      return `${done} ${from} → ${to} by ${strategy} in ${total}`;
    case "refused":
      return `Refused: ${from} ${serving}`;
    case "thawed":
      return `Thawed: ${from} ${serving}${hasDied ? "" : ", its state untouched"}`;
    case "handed-back":
      return asked.direction === "rollback"
        ? `${done}: ${to} is given up, ${from} serves again`
        : `Handed back: ${from} serves again`;
  }
}

const DONE = {
  upgrade: "Upgraded",
  downgrade: "Downgraded",
  rollback: "Rolled back",
  reload: "Reloaded",
};

/** Of a state whose size is felt: below it the fixed costs of a transfer are all that one would see. */
const LARGE_BYTES = 1_000_000;

function throughputText({ states, steps, strategy }: UpgradeReport): string | undefined {
  const bytes = states.reduce((sum, state) => sum + state.bytes, 0);
  const carry = steps.find(({ name, failed }) => name === "carry" && !failed);
  // A swap hands state over by reference.
  if (carry === undefined || strategy === "swap" || bytes < LARGE_BYTES) return undefined;
  const perSecond = bytesText(Math.round((bytes * 1000) / Math.max(carry.ms, 0.1)));
  return `${bytesText(bytes)} carried in ${msText(carry.ms)}, ${perSecond}/s`;
}

function stateText({ name, from, to, bytes, migrateMs, rehearsed }: StateReport): string {
  const last = `v${to ?? "?"}`;
  const path = from === null ? `${last}, initial` : from === to ? last : `v${from} → ${last}`;
  const tried =
    rehearsed === true
      ? "rehearsed"
      : rehearsed === false
        ? "not rehearsed"
        : `not rehearsed: ${rehearsed.replace(/^skipped: /, "")}`;
  const took = from === to ? "taken over" : "migrated";
  return `${name} ${path}, ${bytesText(bytes)}, ${took}${migrateMs === null ? "" : ` in ${msText(migrateMs)}`}, ${tried}`;
}
