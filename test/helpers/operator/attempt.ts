/** One command as a person would type it, with a signal in its midst perhaps, and how it ended. */
import { spawn } from "node:child_process";
import { HOST_COMMANDS } from "../../../src/contract/commands/host.ts";
import type { Host } from "../host.ts";
import type { Typed } from "./typed.ts";

/** Longer than any time-out of a release that this operator has; the machine may be busy. */
const WEDGED_MS = 180_000;

export interface Interruption {
  signal: NodeJS.Signals;
  afterMs: number;
}

export interface Ended {
  typed: Typed;
  interruption: Interruption | undefined;
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
  isWedged: boolean;
}

export const nameOf = ({ verb, args }: Typed): string => [verb, ...args].join(" ");

const documentOf = ({ verb }: Typed): string | undefined =>
  (HOST_COMMANDS[verb] as { document?: string }).document;

export function attempt(host: Host, typed: Typed, interruption?: Interruption): Promise<Ended> {
  const json = documentOf(typed) === undefined ? [] : ["--json"];
  const child = spawn(host.bin, [typed.verb, ...typed.args, ...json], {
    cwd: host.root,
    env: host.env,
  });
  const ended = { typed, interruption, stdout: "", stderr: "", isWedged: false };
  child.stdout.on("data", (chunk) => {
    ended.stdout += chunk;
  });
  child.stderr.on("data", (chunk) => {
    ended.stderr += chunk;
  });
  child.stdin.on("error", () => {}).end(typed.input ?? "");
  const interrupting =
    interruption && setTimeout(() => child.kill(interruption.signal), interruption.afterMs);
  const wedged = setTimeout(() => {
    ended.isWedged = true;
    child.kill("SIGKILL");
  }, WEDGED_MS);
  return new Promise((resolve) => {
    child.once("exit", (code, signal) => {
      clearTimeout(interrupting);
      clearTimeout(wedged);
      // A daemon that it has started may hold its pipes; what it has printed itself is there.
      setTimeout(() => resolve({ ...ended, code, signal }), 100);
    });
  });
}

/** Why its end is a lie, whatever else went on at the time; undefined where it is none. */
export function lieOf(ended: Ended): string | undefined {
  const { typed, interruption, code, signal, stdout, stderr, isWedged } = ended;
  if (isWedged) return "it is wedged";
  if (/TSUGI_INTERNAL|bug in tsugi/.test(stdout + stderr)) return "a bug of its own";
  if (signal !== null) return signal === interruption?.signal ? undefined : `ended by ${signal}`;
  const { exits = [] } = HOST_COMMANDS[typed.verb] as { exits?: readonly number[] };
  const bySignal = interruption ? [129, 130, 137, 143] : [];
  if (![0, ...exits, ...bySignal].includes(code!)) return `exit code ${code} is none of its own`;
  if (documentOf(typed) === undefined || interruption !== undefined) return undefined;
  return lieOfDocument(code!, stdout);
}

function lieOfDocument(code: number, stdout: string): string | undefined {
  let document: { error?: { code?: string } };
  try {
    document = JSON.parse(stdout);
  } catch {
    return `exit code ${code}, and its document is none`;
  }
  const hasFailed = typeof document.error?.code === "string";
  if (hasFailed === (code !== 0)) return undefined;
  return `exit code ${code}, and its document ${hasFailed ? "has an" : "has no"} error`;
}
