/** Text that comes in pieces, line by line. `end`: what is left is a line, too. */
export function wholeLines(onLine: (line: string) => void) {
  let rest = "";
  return {
    push: (text: string): void => {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      for (const line of lines) onLine(line);
    },
    end: (): void => {
      if (rest !== "") onLine(rest);
      rest = "";
    },
  };
}
