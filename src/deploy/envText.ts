/** The text of `etc/env`, so that the host's parser (handler/envFile.ts) reads the same values. Pure. */
import { TsugiError } from "../contract/errors.ts";
import { parseEnvFile, readEnvFile } from "../handler/envFile.ts";

const FILE = "etc/env";
const HEADER = "# Written by tsugi deploy, which replaces it as a whole each time.\n";
const PLAIN = /^[A-Za-z0-9_@%+:,./-]*$/;

/** How a value can be written; the first that is read as it was counts. */
const WAYS: readonly ((value: string) => string)[] = [
  (value) => (PLAIN.test(value) ? value : `'${value}'`),
  (value) => `"${value.replaceAll("\n", "\\n")}"`,
  (value) => `\`${value}\``,
  (value) => `"${value.replaceAll('"', '\\"').replaceAll("\n", "\\n")}"`,
];

/** @throws TSUGI_SETTINGS_INVALID for what no host would take, with the variable's name */
export function envText(variables: Record<string, string>): string {
  const lines = Object.entries(variables)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}=${written(key, value)}\n`);
  const text = HEADER + lines.join("");
  readEnvFile(Buffer.from(text), FILE);
  return text;
}

function written(key: string, value: string): string {
  const found = WAYS.map((way) => way(value)).find((text) => readBack(text) === value);
  if (found !== undefined) return found;
  const problem = `${key} can't be written as one value: it has all three quotes, or \\n beside a carriage return. Put it into a file and its path here`;
  throw new TsugiError("TSUGI_SETTINGS_INVALID", { file: FILE, line: "", problem });
}

function readBack(text: string): string | undefined {
  try {
    return parseEnvFile(`A=${text}`, FILE).A;
  } catch {
    return undefined;
  }
}
