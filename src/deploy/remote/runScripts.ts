/** Commands that somebody else has named, and how they end. */
import { asOwner } from "./asOwner.ts";

/**
 * In the root. What lies in it is run as its owner; other programs (journalctl) as whoever is connected.
 */
export function inRoot(root: string, argv: string[]): string[] {
  const [command = ""] = argv;
  const isBelow = command.startsWith("/") ? command.startsWith(`${root}/`) : command.includes("/");
  const script = 'cd "$1" && shift && exec "$@"';
  if (isBelow) return asOwner(root, script, root, ...argv);
  return ["sh", "-c", script, "tsugi", root, ...argv];
}

/** A command without an end: it is ended with the connection, which holds its stdin. */
export const followed = (argv: string[]): string[] => [
  "sh",
  "-c",
  '"$@" </dev/null & pid=$!; cat >/dev/null; kill "$pid" 2>/dev/null',
  "tsugi",
  ...argv,
];
