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

/**
 * A command without an end: it is ended with the connection, which holds its stdin. One that ends by
 * itself has its exit code.
 */
const FOLLOW = `
exec 3<&0
"$@" </dev/null 3<&- &
pid=$!
{ cat <&3; kill "$pid" 2>/dev/null; } >/dev/null 2>&1 &
reader=$!
wait "$pid"
code=$?
kill "$reader" 2>/dev/null
exit "$code"`;

export const followed = (argv: string[]): string[] => ["sh", "-c", FOLLOW, "tsugi", ...argv];
