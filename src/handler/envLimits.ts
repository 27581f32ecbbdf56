/**
 * What no process can be given, though it can be written into `etc/env`. Where it were found out by the
 * system (`spawn E2BIG`, a NUL that Node refuses), the words would name the value and not the variable.
 */

export interface Variable {
  name: string;
  value: string;
  line: number;
}

/** tsugi and Node say these themselves, to each process its own. */
const OWN: ReadonlySet<string> = new Set([
  ...["NODE_CHANNEL_FD", "NODE_CHANNEL_SERIALIZATION_MODE", "NODE_UNIQUE_ID", "NODE_APP_INSTANCE"],
  ...["TSUGI_SUPERVISOR", "TSUGI_WORKER", "TSUGI_ROOT", "TSUGI_NAME"],
  ...["TSUGI_APP_DIR", "TSUGI_DATA_DIR", "TSUGI_FROM", "TSUGI_TO", "TSUGI_DIRECTION"],
  ...[
    "LISTEN_FDS",
    "LISTEN_PID",
    "LISTEN_FDNAMES",
    "NOTIFY_SOCKET",
    "WATCHDOG_PID",
    "WATCHDOG_USEC",
  ],
]);

/** Linux: 32 pages for one string (`NAME=value` and a NUL). */
const STRING_MAX_BYTES = 131_072;
/** Linux: a quarter of the stack's limit, usually 2 MiB, for all strings; the rest is for the others. */
const TOTAL_MAX_BYTES = 2_097_152 - 4 * STRING_MAX_BYTES;

export function whyRefused({ name, value }: Variable): string | undefined {
  if (OWN.has(name))
    return `${name} is set by tsugi or Node for each process; it can't be set here`;
  if (value.includes("\0")) return `${name} has a NUL byte, which no variable can have`;
  const bytes = bytesOf({ name, value });
  if (bytes <= STRING_MAX_BYTES) return undefined;
  return `${name} is too long: ${bytes} bytes with its name, of ${STRING_MAX_BYTES}. Put it into a file and its path here`;
}

/** @returns what is wrong with all of them together, and where the largest stands */
export function roomLeft(variables: readonly Variable[]): { problem?: string; line: number } {
  const last = new Map(variables.map((variable) => [variable.name, variable]));
  let total = 0;
  let largest: Variable | undefined;
  for (const variable of last.values()) {
    total += bytesOf(variable) + POINTER_BYTES;
    if (largest === undefined || bytesOf(variable) > bytesOf(largest)) largest = variable;
  }
  if (largest === undefined || total <= TOTAL_MAX_BYTES) return { line: 0 };
  const problem = `all variables together have ${total} bytes, of ${TOTAL_MAX_BYTES}; ${largest.name} is the longest`;
  return { problem, line: largest.line };
}

const POINTER_BYTES = 8;

const bytesOf = ({ name, value }: Pick<Variable, "name" | "value">): number =>
  Buffer.byteLength(name) + Buffer.byteLength(value) + "=\0".length;
