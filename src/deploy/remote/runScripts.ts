/** Commands that somebody else has named, and how they end. */

/** In a folder of the host. */
export const inFolder = (folder: string, argv: string[]): string[] => [
  "sh",
  "-c",
  'cd "$1" && shift && exec "$@"',
  "tsugi",
  folder,
  ...argv,
];

/** A command without an end: it is ended with the connection, which holds its stdin. */
export const followed = (argv: string[]): string[] => [
  "sh",
  "-c",
  '"$@" </dev/null & pid=$!; cat >/dev/null; kill "$pid" 2>/dev/null',
  "tsugi",
  ...argv,
];
