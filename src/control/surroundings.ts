/**
 * The environment that a system begins with, before `etc/env` is laid over it.
 *
 *   foreground, keep   that of whoever starts it: a container engine and a unit have said what it is
 *   daemon             what systemd would give it. A shell has tokens, sockets of agents and SUDO_USER in
 *                      it, other ones for each who types; the same command has to start the same system
 */

import { userInfo } from "node:os";
import { orUndefined } from "../contract/checks.ts";

export type Mode = "daemon" | "foreground";

/** systemd's own. */
const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/** Words of ours, of the language, and of a unit: its sockets, and the folders that are made for it. */
const PASSED =
  /^(TSUGI_.*|LANG|LANGUAGE|LC_[A-Z]+|LISTEN_FDS|LISTEN_FDNAMES|NOTIFY_SOCKET|(CREDENTIALS|RUNTIME|STATE|CACHE|LOGS|CONFIGURATION)_DIRECTORY)$/;

export function surroundings(
  mode: Mode | "keep",
  given: NodeJS.ProcessEnv,
  sockets: number,
): NodeJS.ProcessEnv {
  const { TSUGI_ROOT: _root, TSUGI_NAME: _name, LISTEN_PID: _pid, ...more } = given;
  // bin/<app> has laid it by.
  const { TSUGI_NODE_OPTIONS: options, ...rest } = more;
  if (sockets === 0) delete rest.LISTEN_FDS;
  if (mode !== "daemon") return options === undefined ? rest : { ...rest, NODE_OPTIONS: options };
  const passed = Object.entries(rest).filter(([name]) => PASSED.test(name));
  return { PATH, ...user(), ...Object.fromEntries(passed) };
}

/** None for somebody who is in no passwd file. */
function user(): NodeJS.ProcessEnv {
  const info = orUndefined(() => userInfo());
  if (info === undefined) return {};
  const { username, homedir, shell } = info;
  return { USER: username, LOGNAME: username, HOME: homedir, ...(shell && { SHELL: shell }) };
}
