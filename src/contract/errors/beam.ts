import { define, failed, handedBack, refused } from "./define.ts";

/** What only a host of Elixir or Erlang releases says. */
export const BEAM_ERRORS = define({
  TSUGI_BEAM_ROOT_PATH: failed(
    "The path of the install root has a character that Erlang's and Elixir's own scripts can't live with: {root}",
    "Move it to one of letters, digits and . _ - + @ , = % ~ #",
  ),
  TSUGI_APPUP_INCOMPLETE: refused(
    "The appup of {app} does not mention what changed: {modules}.",
    "Add them to it and build again, or accept it as it is: {bin} upgrade --force <vsn>",
  ),
  TSUGI_APPUP_INVALID: refused(
    "The appup of {app} can't be used: {problem}.",
    "Correct it and build again; without one tsugi computes it.",
  ),
  TSUGI_RELUP_IMPOSSIBLE: refused(
    "No relup can be made: {problem}",
    "Correct the appup that it names and build again, or go over by: {bin} upgrade --allow-restart <vsn>",
  ),
  TSUGI_CODE_WITHOUT_VERSION: refused(
    "{app} is {version} in both releases, but its code differs (module {module}).",
    "Give {app} a new version and build again: nothing could tell the two apart on this host.",
  ),
  TSUGI_CONFIG_FAILED: refused(
    "The configuration of {version} could not be evaluated: {problem}",
    "Variables go into etc/env on this host. Nothing was changed.",
  ),
  TSUGI_OLD_CODE: refused(
    "A process still runs code of {module} from before the last upgrade.",
    "See which: {bin} status. It has to end or to call its module by name once, then try again.",
  ),
  TSUGI_OLD_CODE_RUNS: handedBack(
    "After the install something still ran old code ({drainMs} ms waited): {process}.",
    "Handed back. A loop that never calls its module by name (__MODULE__.loop) can't be upgraded; change it, or give the upgrade more time: timeouts.drainMs",
  ),
  TSUGI_WRONG_CODE: handedBack(
    "After the install of {version} {count} modules did not run its code, {module} first.",
    "Handed back. An appup that does not mention a changed module leaves the old one loaded.",
  ),
  TSUGI_CODE_CHANGE_CRASHED: handedBack(
    "{version} crashed while it took over ({problem}); the node restarted into {previous}.",
    "State in memory is lost. Correct code_change and build again; the log has the rest: {bin} logs",
  ),
  TSUGI_HANDLER_REFUSED: refused(
    "OTP's release_handler refused to {step}: {problem}",
    "The old version serves as before. See what is here: {bin} releases",
  ),
  TSUGI_RESTART_NEEDED: refused(
    "{version} can't be swapped in: {reasons}.",
    "State in memory would be lost. If that is fine: {bin} upgrade --allow-restart {version}",
  ),
  TSUGI_RESTART_FAILED: handedBack(
    "{version} did not boot; {previous} serves again.",
    "The log has the reason: {bin} logs",
  ),
  TSUGI_NODE_UNREACHABLE: failed(
    "The node (pid {pid}) can't be reached: {problem}.",
    "See its log: {bin} logs · stop it all the same: {bin} stop",
  ),
});
