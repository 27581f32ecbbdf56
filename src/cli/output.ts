/**
 * What `tsugi` prints, and its exit code. With `--json`: one document on stdout, or of some commands one a
 * line, and the rest on stderr.
 */
import { CommanderError } from "commander";
import { type ErrorJson, errorToJson, renderError, TsugiError } from "../contract/errors.ts";
import { wrapLines } from "../protocol/wrap.ts";

const WIDTH = 80;

let json = false;
let inLines = false;

/** From the arguments themselves, so that a wrong argument is reported in JSON too. */
export function setJson(wanted: boolean, asLines = false): void {
  json = wanted;
  inLines = asLines;
}

export const wantsJson = (): boolean => json;

export function printLine(text: string): void {
  (json ? process.stderr : process.stdout).write(`${text}\n`);
}

/** The result of a command: its document with `--json`, its lines without. */
export function printResult<Document>(document: NoInfer<Document>, lines: string[]): void {
  if (json) process.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
  else for (const line of lines) process.stdout.write(`${line}\n`);
}

/** `quiet`: what is printed on stdout with --json has been printed already. */
export function fail(error: unknown, { quiet = false } = {}): void {
  const known = error instanceof CommanderError ? usageError(error) : error;
  const debug = process.env.TSUGI_DEBUG === "1";
  if (json && !quiet) printErrorDocument({ error: errorToJson(known) });
  printError(known, debug);
  process.exitCode = errorToJson(known).exitCode;
}

/** Where events go out one a line, an error is the last of them, however early it comes. */
function printErrorDocument(document: { error: ErrorJson }): void {
  if (inLines) printJsonLine({ event: "error", ...document });
  else process.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
}

export function printJsonLine(event: object): void {
  process.stdout.write(`${JSON.stringify({ at: new Date().toISOString(), ...event })}\n`);
}

/** For a person: on stderr, also with `--json`. */
export function printError(error: unknown, debug = false): void {
  process.stderr.write(`${wrapLines(renderError(error, debug), process.stderr.columns)}\n`);
}

function usageError(error: CommanderError): TsugiError {
  const [verb = "-"] = process.argv.slice(2);
  const isKnown =
    !/^(commander\.unknownCommand|tsugi\.topic)$/.test(error.code) && !verb.startsWith("-");
  const problem = error.message.replace(/^error: /, "");
  return new TsugiError("TSUGI_USAGE", {
    problem,
    help: isKnown ? `How it is called: tsugi help ${verb}` : "All commands: tsugi help",
  });
}

export function formatBytes(bytes: number): string {
  const units = ["B", "KB", "MB", "GB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}

/** What is wrong with a host, with its name once. */
export function hostProblem(host: string, { message }: ErrorJson): string {
  return wrapLines(message.includes(host) ? message : `${host}: ${message}`, WIDTH);
}
