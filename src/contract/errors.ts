/**
 * The one table of errors: code → exit code, message, hint. Nothing in tsugi prints an error
 * that is not in here, and docs/reference/errors.md is generated from it. The rows stand in
 * `errors/`, one table for each place where they are said.
 *
 * The details of an error are what its texts have placeholders for: one that is not filled does
 * not compile, nor does one that no text shows.
 */

import { ERRORS } from "./errors/all.ts";
import type { ErrorDefinition, ExitCode, PlaceholdersOf } from "./errors/define.ts";
import { withoutLogin } from "./login.ts";
import { REFUSED_BY_MACHINE, remedyOf } from "./systemErrors.ts";

export type { ExitCode } from "./errors/define.ts";
export { ERRORS };

export type ErrorCode = keyof typeof ERRORS;

type Detail = string | number | boolean;
type AnyDetails = Record<string, Detail | undefined>;

type TextsOf<C extends ErrorCode> = (typeof ERRORS)[C]["message" | "hint"];
type NamesOf<C extends ErrorCode> = PlaceholdersOf<TextsOf<C>>;

type AnyName = NamesOf<ErrorCode>;

/** What the thrower of an error has to say; only how the command is called may be left out. */
export type DetailsOf<C extends ErrorCode> = {
  [K in Exclude<NamesOf<C>, "bin">]: Detail;
} & {
  [K in Extract<NamesOf<C>, "bin">]?: Detail | undefined;
} & {
  [K in Exclude<AnyName, NamesOf<C>>]?: never;
};
type Arguments<C extends ErrorCode> =
  Exclude<NamesOf<C>, "bin"> extends never
    ? [details?: DetailsOf<C>, options?: ErrorOptions]
    : [details: DetailsOf<C>, options?: ErrorOptions];

const fill = (text: string, details: AnyDetails): string =>
  text.replace(/\{(\w+)\}/g, (whole, key: string) => String(details[key] ?? UNKNOWN[key] ?? whole));

/** What stands in a hint where the thrower does not know how the command is called, as a worker does not. */
export const UNNAMED_BIN = "bin/<app>";
const UNKNOWN: AnyDetails = { bin: UNNAMED_BIN };

class RegisteredError extends Error {
  override name = "TsugiError";
  readonly code: ErrorCode;
  readonly hint: string;
  readonly exitCode: ExitCode;
  readonly details: AnyDetails;

  constructor(code: ErrorCode, given: AnyDetails = {}, options?: ErrorOptions) {
    // Here, and not where an address is read: it may stand in what anything has said.
    const details = Object.fromEntries(
      Object.entries(given).map(([name, value]) => [
        name,
        typeof value === "string" ? withoutLogin(value, "***@") : value,
      ]),
    );
    const definition: ErrorDefinition = ERRORS[code];
    super(fill(definition.message, details), options);
    this.code = code;
    this.exitCode = definition.exitCode;
    this.hint = fill(definition.hint, details);
    this.details = details;
  }
}

export type TsugiError = RegisteredError;
export const TsugiError: {
  new <C extends ErrorCode>(code: C, ...rest: Arguments<C>): TsugiError;
  readonly prototype: TsugiError;
} = RegisteredError;

export const hasCode = (error: unknown, code: ErrorCode): error is TsugiError =>
  error instanceof TsugiError && error.code === code;

/** A code with its details, before or beside the error that they make. */
export type Reason<C extends ErrorCode> = { [K in C]: { code: K; details: DetailsOf<K> } }[C];

export const errorOf = <C extends ErrorCode>({ code, details }: Reason<C>): TsugiError =>
  new RegisteredError(code, details);

/** @throws TSUGI_FORMAT_UNKNOWN */
export function checkFormat(json: { format?: unknown }, expected: number, what: string): void {
  if (json.format === expected) return;
  const found = JSON.stringify(json.format ?? null);
  throw new TsugiError("TSUGI_FORMAT_UNKNOWN", { what, found, expected });
}

/** An error as it crosses a process boundary or goes into a report. */
export interface ErrorJson {
  code: string;
  message: string;
  hint: string;
  exitCode: ExitCode;
  details?: AnyDetails;
}

export function errorToJson(error: unknown): ErrorJson {
  const known = error instanceof TsugiError ? error : toInternal(error);
  const { code, message, hint, exitCode, details } = known;
  return { code, message, hint, exitCode, details };
}

/** Rebuilds an error that came over a socket; one with an unknown code keeps its own words. */
export function errorFromJson(json: ErrorJson): TsugiError {
  if (Object.hasOwn(ERRORS, json.code)) {
    const error = new RegisteredError(json.code as ErrorCode, json.details);
    // Its words are those of where it came from, the hint for whoever reads it here included.
    Object.assign(error, { message: json.message, hint: json.hint ?? error.hint });
    return error;
  }
  return toInternal(new Error(`${json.code}: ${json.message}`));
}

export const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);

/** A full or a broken disk, one that is read-only, no memory, no descriptors, no processes. */
export function refusedByMachine(error: unknown, at?: string): TsugiError | undefined {
  const { code = "", path } = (error ?? {}) as { code?: string; path?: string };
  if (!REFUSED_BY_MACHINE.includes(code)) return undefined;
  const remedy = remedyOf(code, at ?? path ?? ".") ?? "";
  const details = { problem: messageOf(error), remedy };
  return new TsugiError("TSUGI_MACHINE_REFUSED", details, { cause: error });
}

function toInternal(error: unknown): TsugiError {
  const details = { problem: messageOf(error) };
  const { code = "", path } = (error ?? {}) as { code?: string; path?: string };
  const byMachine = refusedByMachine(error);
  if (byMachine !== undefined) return byMachine;
  if (path !== undefined && (code === "EACCES" || code === "EPERM"))
    return new TsugiError("TSUGI_FILE_REFUSED", { ...details, path }, { cause: error });
  return new TsugiError("TSUGI_INTERNAL", details, { cause: error });
}

/** What a terminal shows of an error: its code, what happened, and the next step. */
export function renderError(error: unknown, verbose = false): string {
  const known = error instanceof TsugiError ? error : toInternal(error);
  const text = renderErrorJson(errorToJson(known));
  return verbose ? `${text}\n${(known.cause as Error)?.stack ?? known.stack}` : text;
}

/** The same of one that came over a socket. Alternatives in a hint get a line each. */
export function renderErrorJson({ code, message, hint }: ErrorJson): string {
  const steps = hint.split(" · ").map((step) => `  → ${step}`);
  return [`error ${code}`, `  ${message}`, ...steps].join("\n");
}
