/**
 * Which generation's own code is calling: by the file of the first such frame on the stack. Only for
 * what is called rarely; nothing of this is on the path of a request.
 */
const SWAPPABLE = /\.swap\.cjs$/;
const DEPTH = 50;

/** The path of a swappable file, or undefined. `direct`: only if it is what calls `below` itself. */
export function callingFile(below: (...parts: never[]) => unknown, direct = false) {
  const { stackTraceLimit, prepareStackTrace } = Error;
  const holder: { stack?: unknown } = {};
  Error.stackTraceLimit = direct ? 1 : DEPTH;
  Error.prepareStackTrace = (_error, sites) => sites.map((site) => site.getFileName());
  try {
    Error.captureStackTrace(holder, below);
    const files = holder.stack as (string | null)[];
    return files.find((file): file is string => file != null && SWAPPABLE.test(file));
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
    if (prepareStackTrace === undefined) delete (Error as Partial<typeof Error>).prepareStackTrace;
    else Error.prepareStackTrace = prepareStackTrace;
  }
}
