/** What a value that came from elsewhere is: checks, in the words that an error has for them. */
export const isRecord = (value: unknown): value is Record<string, unknown> =>
  value !== null && typeof value === "object" && !Array.isArray(value);

/** Without the keys whose value is undefined: what is optional is then not there at all. */
export const defined = <T extends object>(
  values: T,
): { [K in keyof T]?: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as never;

const isWhole = (value: unknown, least: number) =>
  Number.isSafeInteger(value) && (value as number) >= least;

const SIZE = /^(\d+(?:\.\d+)?) ?([KMG])i?B?$/i;

export const isSize = (value: unknown) => typeof value === "string" && SIZE.test(value);

/** `"512M"`, `"1.5 GB"`: bytes. */
export function bytesOf(size: string): number {
  const [, number, unit] = SIZE.exec(size)!;
  return Math.round(Number(number) * 1024 ** ("KMG".indexOf(unit!.toUpperCase()) + 1));
}

export const CHECKS = {
  "an object": isRecord,
  "a text": (value: unknown) => typeof value === "string",
  "a text or null": (value: unknown) => value === null || typeof value === "string",
  "true or false": (value: unknown) => typeof value === "boolean",
  "a whole number": (value: unknown) => isWhole(value, 0),
  "a positive whole number": (value: unknown) => isWhole(value, 1),
  "plain, json or raw": (value: unknown) =>
    value === "plain" || value === "json" || value === "raw",
  "a command": (value: unknown) => typeof value === "string" && value.trim() !== "",
  "an http or https URL": (value: unknown) =>
    typeof value === "string" && /^https?:\/\/[^\s/]+\S*$/.test(value),
  "a port": (value: unknown) => isWhole(value, 1) && (value as number) < 65_536,
  'a path that begins with "/"': (value: unknown) =>
    typeof value === "string" && value.startsWith("/"),
  'a size such as "512M"': isSize,
  // Its form only: platform/cron.ts has what the fields mean.
  'times as cron has them, such as "0 4 * * *"': (value: unknown) =>
    typeof value === "string" && /^(@\w+|\S+( +\S+){4,5})$/.test(value),
};

export type Kind = keyof typeof CHECKS;
