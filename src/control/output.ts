/** Results go to stdout, everything else to stderr; with --json stdout is one JSON document. */

export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Progress and notes. */
export function note(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** The result of a command, for a program or for a person. */
export function report<Document>(
  json: boolean | undefined,
  value: NoInfer<Document>,
  text: string,
): void {
  if (json) print(JSON.stringify(value, null, 2));
  else if (text !== "") print(text);
}

/** Columns as wide as their widest cell; the last one is not padded. */
export function table(rows: string[][]): string {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? 0, cell.length);
    });
  }
  const line = (row: string[]) =>
    row.map((cell, column) => cell.padEnd(column === row.length - 1 ? 0 : widths[column]!));
  return rows.map((row) => line(row).join("  ").trimEnd()).join("\n");
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
