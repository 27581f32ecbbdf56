/**
 * Who deploys as root must not write as root into a folder that is somebody else's: a link that its
 * owner has put where we write (a lock, a log, a temporary name) would lead root anywhere. So there
 * every script runs as the owner of the root, as bin/<app> does: a link gets them no further than
 * they get by themselves.
 */
import { program } from "./program.ts";

const AS_OWNER = program("as-owner.sh");

/** `sh -c <script> tsugi <parameters…>` as the owner of `root`, where that is not who asks. */
export const asOwner = (root: string, script: string, ...parameters: string[]): string[] => [
  "sh",
  "-c",
  AS_OWNER,
  "tsugi",
  root,
  script,
  ...parameters,
];

/**
 * A command in the root, such as bin/<app>: its file is the owner's to change, so root does not run it. It
 * steps down by itself, too, but whoever has changed it has changed that.
 */
export const commandAsOwner = (root: string, argv: string[]): string[] =>
  asOwner(root, 'exec "$@"', ...argv);
