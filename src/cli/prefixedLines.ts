/** Whole lines, each with a prefix: of several sources none tears another's line. */
export function prefixedLines(prefix: string, stream: NodeJS.WritableStream) {
  let rest = "";
  return {
    push: (text: string) => {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      for (const line of lines) stream.write(`${prefix}  ${line}\n`);
    },
    end: () => {
      if (rest !== "") stream.write(`${prefix}  ${rest}\n`);
      rest = "";
    },
  };
}
