/**
 * The only place where arguments become shell text: ssh takes a line for the remote login shell, so
 * every remote command passes through here (any shell that reads '…' as POSIX has it).
 */

const PLAIN = /^[A-Za-z0-9_@%+:,./-]+$/;
/** In the first place they would not be a command's name. */
const RESERVED =
  /^(if|then|else|elif|fi|do|done|case|esac|while|until|for|in|function|select|time)$/;

export function quoteCommand(argv: readonly string[]): string {
  return argv.map((word, index) => quoteWord(word, index === 0)).join(" ");
}

function quoteWord(word: string, isFirst: boolean): string {
  if (word.includes("\0")) throw new RangeError("an argument can't hold a NUL byte");
  const isPlain = PLAIN.test(word) && !(isFirst && RESERVED.test(word));
  return isPlain ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
