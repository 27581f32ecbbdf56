/** Lines of what a process printed, by which its error is found. */

export const isFrame = (line: string): boolean => /^\s+at \S/.test(line);

export const isError = (line: string): boolean =>
  /^(Uncaught )?([\w$.]*(Error|Exception)( \[\w+\])?(:|$)|FATAL ERROR:)/.test(line);
