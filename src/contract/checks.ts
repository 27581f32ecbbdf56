/** What a value that came from elsewhere has to be, in the words that an error has for it. */
export const isRecord = (value: unknown): value is Record<string, unknown> =>
  value !== null && typeof value === "object" && !Array.isArray(value);

/** Without the keys whose value is undefined: what is optional is then not there at all. */
export const defined = <T extends object>(
  values: T,
  stays: (value: unknown) => boolean = () => true,
): { [K in keyof T]?: Exclude<T[K], undefined> } =>
  Object.fromEntries(
    Object.entries(values).filter(([, value]) => value !== undefined && stays(value)),
  ) as never;

/** The same, and without those that hold nothing. */
export const filled = <T extends object>(values: T) =>
  defined(values, (value) => typeof value !== "object" || Object.keys(value ?? {}).length > 0);

/** Of what may be missing, or closed to us. */
export function orUndefined<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

/** Undefined for what is no JSON. */
export const jsonIn = <T>(text: string): T | undefined => orUndefined(() => JSON.parse(text) as T);

/** The object that a text is as JSON. */
export function recordIn(text: string | undefined): Record<string, unknown> | undefined {
  const json = jsonIn(text ?? "");
  return isRecord(json) ? json : undefined;
}

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
  "a list": Array.isArray,
  "a text": (value: unknown) => typeof value === "string",
  "a text or null": (value: unknown) => value === null || typeof value === "string",
  "true or false": (value: unknown) => typeof value === "boolean",
  "a number": Number.isFinite,
  "an integer": Number.isSafeInteger,
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

/** A kind of its own, of one document. */
export class Check {
  readonly words: string;
  readonly test: (value: unknown) => boolean;

  constructor(words: string, test: (value: unknown) => boolean) {
    this.words = words;
    this.test = test;
  }
}

/** A `?` behind a key: it may be left out. A list of one: a list whose items are all so. */
export type Expected = Kind | Check | readonly [Expected] | { readonly [key: string]: Expected };

/** Keys that are not named may be anything: they are of a later version. */
export function mismatch(value: unknown, expected: Expected): string | undefined {
  const found = firstMismatch(value, expected);
  if (found === undefined) return undefined;
  const { path, words, value: it } = found;
  const at = path === "" ? "" : `"${path.replace(/^\./, "")}": `;
  return `${at}expected ${words}, found ${JSON.stringify(it) ?? "nothing"}`;
}

interface Mismatch {
  path: string;
  words: string;
  value: unknown;
}

function firstMismatch(value: unknown, expected: Expected): Mismatch | undefined {
  const wrong = (words: string): Mismatch => ({ path: "", words, value });
  if (typeof expected === "string") return CHECKS[expected](value) ? undefined : wrong(expected);
  if (expected instanceof Check) return expected.test(value) ? undefined : wrong(expected.words);
  if (isList(expected)) {
    if (!Array.isArray(value)) return wrong("a list");
    return firstOf(value.entries(), ([at, item]) => below(`[${at}]`, item, expected[0]));
  }
  if (!isRecord(value)) return wrong("an object");
  return firstOf(Object.entries(expected), ([name, wanted]) => {
    const key = name.replace("?", "");
    const isLeftOut = value[key] === undefined && key !== name;
    return isLeftOut ? undefined : below(`.${key}`, value[key], wanted);
  });
}

const isList = (expected: Expected): expected is readonly [Expected] => Array.isArray(expected);

function below(step: string, value: unknown, expected: Expected): Mismatch | undefined {
  const found = firstMismatch(value, expected);
  return found && { ...found, path: `${step}${found.path}` };
}

function firstOf<T>(items: Iterable<T>, find: (item: T) => Mismatch | undefined) {
  for (const item of items) {
    const found = find(item);
    if (found) return found;
  }
  return undefined;
}
