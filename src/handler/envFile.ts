/**
 * `etc/env`: the host's own environment, one `KEY=value` a line, as Node's `--env-file` reads it:
 *
 *   # a comment                     PORT=4000            export PORT=4000   (`export` is tolerated)
 *   PLAIN=anything up to the end  # a comment needs a space before its #
 *   SINGLE='taken literally'        BACKTICKS=`with ' and "`
 *   DOUBLE="with \n for a line break, C:\temp as it stands, and
 *   real line breaks"
 *
 * Nothing is expanded: `$HOME` is five characters. Where Node drops something without a word (a line
 * that is none, text behind a closing quote, a value from its # on) here is an error, or the whole
 * value: `p#ss` is `p#ss`, and `"a\"b"` is `a"b`, of which Node would keep `a\`.
 */
import { TsugiError } from "../contract/errors.ts";
import { roomLeft, type Variable, whyRefused } from "./envLimits.ts";

const ASSIGNMENT = /^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_.-]*)[ \t]*=[ \t]*/;
const NO_NAME = /^[^=]*=/;
const END_OF_VALUE = /^\s*(#.*)?$/;

/** As its bytes stand on a host. @throws TSUGI_SETTINGS_INVALID, never with a value */
export function readEnvFile(bytes: Uint8Array, file: string): Record<string, string> {
  const found = variablesOf(decode(bytes, file), file);
  for (const variable of found) {
    const problem = whyRefused(variable);
    if (problem !== undefined) throw invalid(file, variable.line, problem);
  }
  const { problem, line } = roomLeft(found);
  if (problem !== undefined) throw invalid(file, line, problem);
  return asRecord(found);
}

/** The grammar alone. @throws TSUGI_SETTINGS_INVALID with the number of the line */
export function parseEnvFile(text: string, file: string): Record<string, string> {
  return asRecord(variablesOf(text, file));
}

const asRecord = (found: Variable[]): Record<string, string> =>
  Object.fromEntries(found.map(({ name, value }) => [name, value]));

const invalid = (file: string, line: number, problem: string) =>
  new TsugiError("TSUGI_SETTINGS_INVALID", { file, line: `, line ${line},`, problem });

/** A character that nobody meant would be in a password: it is found by the line that it is in. */
function decode(bytes: Uint8Array, file: string): string {
  const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  try {
    return strict.decode(bytes);
  } catch {
    const lines = Buffer.from(bytes).toString("latin1").split("\n");
    const isWrong = (line: string) =>
      Buffer.from(line, "latin1").toString("utf8").includes("\uFFFD");
    const at = lines.findIndex(isWrong);
    const name = ASSIGNMENT.exec(lines[at] ?? "")?.[1];
    throw invalid(file, at + 1, `${name ?? "what stands there"} is not UTF-8`);
  }
}

function variablesOf(text: string, file: string): Variable[] {
  const found: Variable[] = [];
  const lines = text.replace(/^\uFEFF/, "").split(/\r?\n/);
  for (let index = 0; index < lines.length; index += 1) {
    const line = lines[index]!;
    if (/^\s*(#|$)/.test(line)) continue;
    const number = index + 1;
    const match = ASSIGNMENT.exec(line);
    // What stands there may be the middle of a secret whose quotes are missing: it is not shown.
    if (!match) throw invalid(file, number, NO_NAME.test(line) ? NAME_RULE : "expected KEY=value");
    const name = match[1]!;
    const raw = line.slice(match[0].length);
    const quote = raw[0];
    if (quote !== '"' && quote !== "'" && quote !== "`") {
      found.push({ name, value: raw.replace(/(^|\s)#.*$/, "").trimEnd(), line: number });
      continue;
    }
    const quoted = readQuoted(lines, index, raw, quote);
    if (quoted === undefined)
      throw invalid(file, number, `the ${quote} of ${name} is never closed`);
    if (!END_OF_VALUE.test(quoted.rest))
      throw invalid(file, number, `text after the closing ${quote} of ${name}`);
    found.push({ name, value: quoted.value, line: number });
    index = quoted.lastLine;
  }
  return found;
}

const NAME_RULE =
  "expected KEY=value; a name has letters, digits, _ . and -, and begins with a letter or _";

function readQuoted(lines: string[], first: number, start: string, quote: string) {
  let value = "";
  let text = start.slice(1);
  for (let index = first; ; ) {
    for (let at = 0; at < text.length; at += 1) {
      const character = text[at]!;
      const next = character === "\\" && quote === '"' ? text[at + 1] : undefined;
      if (character === quote) return { value, rest: text.slice(at + 1), lastLine: index };
      if (next === "n") {
        value += "\n";
        at += 1;
      } else if (next === '"' && !END_OF_VALUE.test(text.slice(at + 2))) {
        value += '"';
        at += 1;
      } else {
        value += character;
      }
    }
    index += 1;
    const next = lines[index];
    if (next === undefined) return undefined;
    value += "\n";
    text = next;
  }
}
