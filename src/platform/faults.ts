/**
 * Faults on purpose, for tests of the built artefact. Unset, they cost one comparison.
 *
 * `TSUGI_FAULT=<label>=<kind>` makes the durable write or step with that label fail once, in this
 * process. Kinds: `kill` (SIGKILL of this process, as a power loss would), `eio`, `enospc`, `torn`
 * (half of the bytes are written, then kill).
 *
 * `TSUGI_FAULT=<folder>` is for all processes of a root, and for more than one fault:
 *
 *   passed   a line `<pid> <label>` for every label that is passed
 *   armed    `<label>#<n>=<kind>` strikes when that label is passed for the n-th time; `*=hold` at
 *            every one. The kind `hold` waits, so that somebody else can be hit meanwhile.
 *   held     says who waits and where: `<pid> <label>`; removed, they go on
 */
import {
  appendFileSync,
  existsSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

const given = process.env.TSUGI_FAULT ?? "";
let armed = parse(given);
const folder = given.startsWith("/") ? given : undefined;
const HOLD_POLL_MS = 2;

/** What a process of the same root is to find in its TSUGI_FAULT. */
export const faultOfSuccessor: string | undefined = folder;

function parse(text: string): { label: string; kind: string } | undefined {
  const match = /^(.+)=(kill|eio|enospc|torn)$/.exec(text);
  return match && !text.startsWith("/") ? { label: match[1]!, kind: match[2]! } : undefined;
}

export function fault(
  label: string,
  path?: string,
  data?: string | Uint8Array,
): Promise<void> | undefined {
  if (folder !== undefined) return pass(folder, label, path, data);
  if (armed === undefined || armed.label !== label) return undefined;
  const { kind } = armed;
  armed = undefined;
  return strike(kind, path, data);
}

/** A label where a process may die and nothing can fail: a step of going back must go on. */
export async function instant(label: string): Promise<void> {
  await fault(label)?.catch(() => {});
}

async function pass(
  at: string,
  label: string,
  path?: string,
  data?: string | Uint8Array,
): Promise<void> {
  const [passed, toStrike, held] = ["passed", "armed", "held"].map((name) => join(at, name));
  appendFileSync(passed!, `${process.pid} ${label}\n`);
  const times = readFileSync(passed!, "utf8").match(new RegExp(` ${label}$`, "gm"))?.length;
  const wanted = existsSync(toStrike!) ? readFileSync(toStrike!, "utf8") : "";
  const everywhere = wanted === "*=hold";
  if (!everywhere && !wanted.startsWith(`${label}#${times}=`)) return;
  if (!everywhere) rmSync(toStrike!);
  const kind = wanted.slice(wanted.lastIndexOf("=") + 1);
  if (kind !== "hold") return strike(kind, path, data);
  writeFileSync(`${held}.next`, `${process.pid} ${label}`);
  renameSync(`${held}.next`, held!);
  while (existsSync(held!)) await delay(HOLD_POLL_MS);
}

async function strike(kind: string, path?: string, data?: string | Uint8Array): Promise<void> {
  if (kind === "eio" || kind === "enospc") {
    const code = kind.toUpperCase();
    throw Object.assign(new Error(`${code}: injected fault`), { code });
  }
  if (kind === "torn" && path !== undefined && data !== undefined) {
    appendFileSync(path, data.slice(0, data.length >> 1));
  }
  process.kill(process.pid, "SIGKILL");
  // The signal is asynchronous: nothing further may happen before it arrives.
  await new Promise(() => {});
}
