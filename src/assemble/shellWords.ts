/** Lines of shell, as far as package scripts use it: words, and commands that are joined. Nothing is expanded. */

export interface JoinedCommand {
  text: string;
  /** What comes after it; "" at the end. */
  joint: "&&" | "||" | ";" | "|" | "&" | "";
}

/** Words as a shell splits them, single and double quotes included. */
export function splitWords(text: string): string[] {
  const words: string[] = [];
  for (const match of text.matchAll(/(?:[^\s"']+|"(?:[^"\\]|\\.)*"|'[^']*')+/g)) {
    words.push(match[0].replace(/"((?:[^"\\]|\\.)*)"|'([^']*)'/g, (_, a, b) => a ?? b));
  }
  return words;
}

/** `a && b; c` → a, b, c; not inside of quotes, and `2>&1` is none. */
export function splitCommands(line: string): JoinedCommand[] {
  const found: JoinedCommand[] = [];
  let text = "";
  const end = (joint: JoinedCommand["joint"]) => {
    if (text.trim() !== "") found.push({ text: text.trim(), joint });
    text = "";
  };
  for (const [token] of line.matchAll(
    /"(?:[^"\\]|\\.)*"|'[^']*'|&&|\|\||\d?>&\d|&>|[;|&\n]|[^"';|&\n\d>]+|[\s\S]/g,
  )) {
    if (token === "\n") end(";");
    else if (["&&", "||", ";", "|", "&"].includes(token)) end(token as JoinedCommand["joint"]);
    else text += token;
  }
  end("");
  return found;
}
