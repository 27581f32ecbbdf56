/** Results go to stdout, everything else to stderr; with --json stdout is one JSON document. */

export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Progress and notes. */
export function note(text: string): void {
  process.stderr.write(`${text}\n`);
}

const warned = new Set<string>();

/** A restart reads the settings twice. */
export function warnOnce(texts: readonly string[]): void {
  for (const text of texts) {
    if (!warned.has(text)) note(`! ${text}`);
    warned.add(text);
  }
}

/** The result of a command, for a program or for a person. */
export function printResult<Document>(
  json: boolean | undefined,
  value: NoInfer<Document>,
  text: string,
): void {
  if (json) print(JSON.stringify(value, null, 2));
  else if (text !== "") print(text);
}

const UNITS = ["B", "KB", "MB", "GB"];

export function bytesText(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${UNITS[unit]}`;
}

export function msText(ms: number): string {
  if (ms >= 10_000) return `${(ms / 1000).toFixed(1)} s`;
  if (ms >= 1000) return `${(ms / 1000).toFixed(2)} s`;
  return `${ms >= 10 ? Math.round(ms) : Math.round(ms * 10) / 10} ms`;
}

/** "3 requests", "1 request". */
export const count = (number: number, noun: string): string =>
  `${number} ${noun}${number === 1 ? "" : "s"}`;

const AGES = [
  [86_400, "d"],
  [3_600, "h"],
  [60, "m"],
] as const;

/** As `pm2 ls` has it: 3d, 5h, 12m, 40s. */
export function uptimeText(sinceMs: number): string {
  const seconds = Math.max(0, Math.round((Date.now() - sinceMs) / 1000));
  const [size, unit] = AGES.find(([least]) => seconds >= least) ?? [1, "s"];
  return `${Math.floor(seconds / size)}${unit}`;
}
