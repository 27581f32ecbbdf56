/** Lines that fit a terminal. What somebody is to copy stays in one piece, however long it is. */

/** Wraps words at `width`, continuation lines indented. */
export function wrap(text: string, indent: string, width = 80): string {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = indent + word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return [...lines, line].join("\n");
}

/** A command, up to where the sentence goes on; or `key: { … }` of a configuration. */
const COMMAND =
  /(?:(?<=^|[\s(])(?:\S*bin\/|tsugi )|(?<=^|[:→] |\b(?:or|then) )(?:apt-get|chmod|chown|echo|git|install -|kill|npm|npx|ssh|sudo|systemctl|tar) ).*?(?=[,;:.)](?: |$)| \(|$)/g;
const SETTING = /\w+: [{[].*[}\]]/g;

/** Of a piece of code with its line numbers, as compilers show it: wrapped, it would be garbage. */
const FRAME = /[│╭╰┬╯╮]|^\s*(?:>\s*)?\d*\s*\|/;

/** Each line wrapped below its own beginning; where `width` is not known, all stays as it is. */
export function wrapLines(text: string, width: number | undefined): string {
  if (!width) return text;
  return text
    .split("\n")
    .map((line) => {
      if (FRAME.test(line)) return line;
      const [, margin = "", rest = ""] = /^(\s*(?:→ )?)(.*)$/.exec(line)!;
      const words = rest.replace(COMMAND, glue).replace(SETTING, glue);
      const indent = " ".repeat(margin.length);
      const room = width - margin.length;
      return margin + wrap(words, "", room).replaceAll("\n", `\n${indent}`).replaceAll(GLUE, " ");
    })
    .join("\n");
}

const GLUE = "\u0000";
const glue = (text: string): string => text.replaceAll(" ", GLUE);
