/** Numbers and times as a person reads them. */

export function duration(ms: number): string {
  if (ms === 0) return "none";
  if (ms < 1) return "under 1 ms";
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`;
  return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1_000)} s`;
}

const UNITS = ["B", "kB", "MB", "GB"];

export function bytes(count: number): string {
  const power = count < 1 ? 0 : Math.min(Math.floor(Math.log10(count) / 3), UNITS.length - 1);
  const value = count / 1000 ** power;
  return `${power === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${UNITS[power]}`;
}

export const counted = (count: number, one: string, many = `${one}s`): string =>
  `${count.toLocaleString("en")} ${count === 1 ? one : many}`;

/** `2026-11-28 15:34`, in UTC: hosts and readers may be anywhere. */
export const moment = (iso: string): string => iso.slice(0, 16).replace("T", " ");

/** The only one, or how many different ones. */
export function common(values: readonly string[], many: string): string {
  const different = [...new Set(values)];
  return different.length === 1 ? different[0]! : `${different.length} ${many}`;
}
