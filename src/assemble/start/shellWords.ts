/** Lines of shell, as far as package scripts use it: words, and commands that are joined. Nothing is expanded. */

export interface JoinedCommand {
  text: string;
  /** What comes after it; "" at the end. */
  joint: "&&" | "||" | ";" | "|" | "&" | "";
}

const UNESCAPED = /"((?:[^"\\]|\\.)*)"|'([^']*)'|\\(.)/gs;

/** Words as a shell splits them, single and double quotes included. */
export function splitWords(text: string): string[] {
  const words: string[] = [];
  for (const match of text.matchAll(/(?:[^\s"'\\]|\\.|"(?:[^"\\]|\\.)*"|'[^']*')+/gs)) {
    words.push(
      match[0].replace(
        UNESCAPED,
        (_, double, single, escaped) => double?.replace(/\\(["\\$`])/g, "$1") ?? single ?? escaped,
      ),
    );
  }
  return words;
}

/** `a && b; c` → a, b, c; not inside of quotes, `2>&1` is none, and `(a && b)` is a and b. */
export function splitCommands(line: string): JoinedCommand[] {
  const found: JoinedCommand[] = [];
  let text = "";
  const end = (joint: JoinedCommand["joint"]) => {
    if (text.trim() !== "") found.push({ text: text.trim(), joint });
    text = "";
  };
  const whole = /^\s*\(([^()]*)\)\s*$/.exec(line)?.[1] ?? line;
  for (const [token] of whole.matchAll(
    /"(?:[^"\\]|\\.)*"|'[^']*'|\\.|&&|\|\||\d?>&\d|&>|[;|&\n]|[^"'\\;|&\n\d>]+|[\s\S]/g,
  )) {
    if (token === "\n") end(";");
    else if (["&&", "||", ";", "|", "&"].includes(token)) end(token as JoinedCommand["joint"]);
    else text += token;
  }
  end("");
  return found;
}
