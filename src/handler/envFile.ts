/**
 * `etc/env`: the host's own environment, one `KEY=value` a line.
 *
 *   # a comment                     PORT=4000            export PORT=4000   (`export` is tolerated)
 *   PLAIN=anything up to the end  # a comment needs a space before its #
 *   SINGLE='taken literally'        DOUBLE="with \n, \t, \", \\ and
 *   real line breaks"
 *
 * Nothing is expanded: `$HOME` is five characters.
 */
import { TsugiError } from "../contract/errors.ts";

const ASSIGNMENT = /^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)[ \t]*=[ \t]*/;
const ESCAPES: Record<string, string> = { n: "\n", r: "\r", t: "\t" };

/** @throws TSUGI_SETTINGS_INVALID with the number of the line */
export function parseEnvFile(text: string, file: string): Record<string, string> {
  const env: Record<string, string> = {};
  const lines = text.replace(/^\uFEFF/, "").split(/\r?\n/);
  for (let index = 0; index < lines.length; index += 1) {
    const line = lines[index]!;
    if (/^\s*(#|$)/.test(line)) continue;
    const problem = (words: string) =>
      new TsugiError("TSUGI_SETTINGS_INVALID", {
        file,
        line: `, line ${index + 1},`,
        problem: words,
      });
    const match = ASSIGNMENT.exec(line);
    if (!match) throw problem("expected KEY=value");
    const raw = line.slice(match[0].length);
    const quote = raw[0];
    if (quote !== '"' && quote !== "'") {
      env[match[1]!] = raw.replace(/(^|\s)#.*$/, "").trimEnd();
      continue;
    }
    const quoted = readQuoted(lines, index, raw, quote);
    if (quoted === undefined) throw problem(`the ${quote} of ${match[1]} is never closed`);
    if (!/^\s*(#.*)?$/.test(quoted.rest)) throw problem(`text after the closing ${quote}`);
    env[match[1]!] = quoted.value;
    index = quoted.lastLine;
  }
  return env;
}

function readQuoted(lines: string[], first: number, start: string, quote: string) {
  let value = "";
  let text = start.slice(1);
  for (let index = first; ; ) {
    for (let at = 0; at < text.length; at += 1) {
      const character = text[at]!;
      if (character === quote) return { value, rest: text.slice(at + 1), lastLine: index };
      if (character === "\\" && quote === '"' && at + 1 < text.length) {
        at += 1;
        value += ESCAPES[text[at]!] ?? text[at]!;
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
