/**
 * How a row of the table of errors is written. Exit codes: 1 failed · 2 wrong usage · 3 not
 * running · 4 refused or thawed (the old version serves as before) · 5 handed back (it serves again).
 */
export type ExitCode = 1 | 2 | 3 | 4 | 5;

export interface ErrorDefinition {
  exitCode: ExitCode;
  /** What was expected and what was found; `{name}` is replaced from the details. */
  message: string;
  /** The next thing to type or to look at. */
  hint: string;
}

const row =
  <E extends ExitCode>(exitCode: E) =>
  <M extends string, H extends string>(message: M, hint: H) => ({ exitCode, message, hint });

export const failed = row(1);
export const wrongUsage = row(2);
export const notRunning = row(3);
/** Or thawed: the old version serves as before. */
export const refused = row(4);
/** The old version serves again. */
export const handedBack = row(5);

export const define = <const T extends Record<`TSUGI_${string}`, ErrorDefinition>>(
  definitions: T,
): T => definitions;

/** A text may hold braces of its own, as of a config file; a placeholder is one word between two. */
type AfterLastBrace<T extends string> = T extends `${string}{${infer Rest}`
  ? AfterLastBrace<Rest>
  : T;
type OneWord<T extends string> = T extends `${string} ${string}` | "" ? never : T;

/** The names of all `{placeholders}` of a text. */
export type PlaceholdersOf<T extends string> = T extends `${infer Before}}${infer Rest}`
  ?
      | (Before extends `${string}{${string}` ? OneWord<AfterLastBrace<Before>> : never)
      | PlaceholdersOf<Rest>
  : never;
