import { define } from "./define.ts";

/** What only a host of Elixir or Erlang releases says. */
export const BEAM_ERRORS = define({
  TSUGI_BEAM_ROOT_PATH: {
    exitCode: 1,
    message:
      "The path of the install root has a character that Erlang's and Elixir's own scripts can't live with: {root}",
    hint: "Move it to one of letters, digits and . _ - + @ , = % ~ #",
  },
  TSUGI_APPUP_INCOMPLETE: {
    exitCode: 4,
    message: "The appup of {app} does not mention what changed: {modules}.",
    hint: "Add them to it and build again, or accept it as it is: {bin} upgrade --force <vsn>",
  },
  TSUGI_APPUP_INVALID: {
    exitCode: 4,
    message: "The appup of {app} can't be used: {problem}.",
    hint: "Correct it and build again; without one tsugi computes it.",
  },
  TSUGI_RELUP_IMPOSSIBLE: {
    exitCode: 4,
    message: "No relup can be made: {problem}",
    hint: "Correct the appup that it names and build again, or go over by: {bin} upgrade --allow-restart <vsn>",
  },
  TSUGI_CODE_WITHOUT_VERSION: {
    exitCode: 4,
    message: "{app} is {version} in both releases, but its code differs (module {module}).",
    hint: "Give {app} a new version and build again: nothing could tell the two apart on this host.",
  },
  TSUGI_CONFIG_FAILED: {
    exitCode: 4,
    message: "The configuration of {version} could not be evaluated: {problem}",
    hint: "Variables go into etc/env on this host. Nothing was changed.",
  },
  TSUGI_OLD_CODE: {
    exitCode: 4,
    message: "A process still runs code of {module} from before the last upgrade.",
    hint: "See which: {bin} status. It has to end or to call its module by name once, then try again.",
  },
  TSUGI_OLD_CODE_RUNS: {
    exitCode: 5,
    message: "After the install something still ran old code ({drainMs} ms waited): {process}.",
    hint: "Handed back. A loop that never calls its module by name (__MODULE__.loop) can't be upgraded; change it, or give the upgrade more time: timeouts.drainMs",
  },
  TSUGI_WRONG_CODE: {
    exitCode: 5,
    message: "After the install of {version} {count} modules did not run its code, {module} first.",
    hint: "Handed back. An appup that does not mention a changed module leaves the old one loaded.",
  },
  TSUGI_CODE_CHANGE_CRASHED: {
    exitCode: 5,
    message:
      "{version} crashed while it took over ({problem}); the node restarted into {previous}.",
    hint: "State in memory is lost. Correct code_change and build again; the log has the rest: {bin} logs",
  },
  TSUGI_HANDLER_REFUSED: {
    exitCode: 4,
    message: "OTP's release_handler refused to {step}: {problem}",
    hint: "The old version serves as before. See what is here: {bin} releases",
  },
  TSUGI_RESTART_NEEDED: {
    exitCode: 4,
    message: "{version} can't be swapped in: {reasons}.",
    hint: "State in memory would be lost. If that is fine: {bin} upgrade --allow-restart {version}",
  },
  TSUGI_RESTART_FAILED: {
    exitCode: 5,
    message: "{version} did not boot; {previous} serves again.",
    hint: "The log has the reason: {bin} logs",
  },
  TSUGI_NODE_UNREACHABLE: {
    exitCode: 1,
    message: "The node (pid {pid}) can't be reached: {problem}.",
    hint: "See its log: {bin} logs · stop it all the same: {bin} stop",
  },
});
