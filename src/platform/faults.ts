/**
 * Faults on purpose: `TSUGI_FAULT=<label>=<kind>` makes the durable write or step with that label
 * fail once. The crash tests use it on the built artefact. Unset, it costs one comparison.
 *
 * Kinds: `kill` (SIGKILL of this process, as a power loss would), `eio`, `enospc`, `torn` (half of
 * the bytes are written, then kill).
 */
import { writeFileSync } from "node:fs";

let armed = parse(process.env.TSUGI_FAULT);

function parse(text: string | undefined): { label: string; kind: string } | undefined {
  const match = /^(.+)=(kill|eio|enospc|torn)$/.exec(text ?? "");
  return match ? { label: match[1]!, kind: match[2]! } : undefined;
}

/** True, once, when exactly this label is to fail: for faults that somebody else has to suffer. */
export function strikes(label: string): boolean {
  if (armed?.label !== label) return false;
  armed = undefined;
  return true;
}

export function fault(
  label: string,
  path?: string,
  data?: string | Uint8Array,
): Promise<void> | undefined {
  if (armed === undefined || armed.label !== label) return undefined;
  const { kind } = armed;
  armed = undefined;
  return strike(kind, path, data);
}

async function strike(kind: string, path?: string, data?: string | Uint8Array): Promise<void> {
  if (kind === "eio" || kind === "enospc") {
    const code = kind.toUpperCase();
    throw Object.assign(new Error(`${code}: injected fault`), { code });
  }
  if (kind === "torn" && path !== undefined && data !== undefined) {
    writeFileSync(path, data.slice(0, data.length >> 1));
  }
  process.kill(process.pid, "SIGKILL");
  // The signal is asynchronous: nothing further may happen before it arrives.
  await new Promise(() => {});
}
