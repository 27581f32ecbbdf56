import { define } from "./define.ts";

/** What a running system says: its supervisor, its workers, its upgrades. */
export const RUNNING_ERRORS = define({
  TSUGI_NOT_RUNNING: {
    exitCode: 3,
    message: "{name} is not running (looked in {root}).",
    hint: "Start it: {bin} start",
  },
  TSUGI_ALREADY_RUNNING: {
    exitCode: 1,
    message: "{name} {version} runs already, pid {pid}.",
    hint: "See it: {bin} status · new version: {bin} upgrade <vsn> · new settings: {bin} reload",
  },
  TSUGI_NOT_READY: {
    exitCode: 1,
    message: "{what} was not ready within {timeoutMs} ms: {why}",
    hint: "Look at the log: {bin} logs · more time: timeouts.readyMs in tsugi.config.ts or etc/config.json",
  },
  TSUGI_GAVE_UP: {
    exitCode: 1,
    message:
      "{process} crashed {count} times within {withinMs} ms; the supervisor gave up. The last time {why}.",
    hint: "The log has the reason: {bin} logs",
  },
  TSUGI_CONTROL_UNREACHABLE: {
    exitCode: 1,
    message: "The supervisor (pid {pid}) does not answer on its control socket: {problem}",
    hint: "Its end in order is: kill {pid}. Only if that does nothing: kill -9 {pid}, then {bin} start",
  },
  TSUGI_CONTROL_BROKEN: {
    exitCode: 1,
    message: "The supervisor (pid {pid}) broke off: {problem}",
    hint: "It runs: the same again, or see why: {bin} status · {bin} logs. How many files it has open: ls /proc/{pid}/fd | wc -l",
  },
  TSUGI_SUPERVISOR_DIED: {
    exitCode: 3,
    message:
      "The supervisor (pid {pid}) has died without a stop: it was killed, or the machine went down.",
    hint: "Nothing runs. Start it: {bin} start · its last words: {bin} logs · killed for its memory? dmesg",
  },
  TSUGI_WORKER_DIED: {
    exitCode: 4,
    message: "The worker {process}.{slot} (pid {pid}) is gone: {why}.",
    hint: "The log has its last words: {bin} logs",
  },
  TSUGI_SUCCESSOR_DIED: {
    exitCode: 4,
    message: "The new supervisor did not come up: {why}",
    hint: "The old one serves as before. The log may have the reason: {bin} logs",
  },
  TSUGI_TAKE_OVER_FAILED: {
    exitCode: 1,
    message: "{version} is permanent, but its supervisor has failed while it took over: {why}",
    hint: "The old supervisor has started {version} anew and goes on: the state in memory is lost. The log may have the reason: {bin} logs",
  },
  TSUGI_STARTING: {
    exitCode: 3,
    message: "{name} is starting.",
    hint: "Wait until it is ready: {bin} ping",
  },
  TSUGI_STOPPING: {
    exitCode: 3,
    message: "{name} is being stopped.",
    hint: "When it has ended: {bin} start",
  },
  TSUGI_START_STOPPED: {
    exitCode: 3,
    message: "{name} {version} was told to stop before it was ready.",
    hint: "To start it again: {bin} start",
  },
  TSUGI_WORKER_SILENT: {
    exitCode: 4,
    message:
      "The worker {process}.{slot} (pid {pid}) did not answer {request} within {timeoutMs} ms.",
    hint: "Something blocks its event loop; the log may say what: {bin} logs",
  },
  TSUGI_SERVING_SILENT: {
    exitCode: 4,
    message:
      "The worker {process}.{slot} (pid {pid}) of {version}, which is to be replaced, has answered nothing for {silentMs} ms: its event loop stands still, and nothing of it can be carried.",
    hint: "Nothing was changed, and it does not serve. {version} again, without its state in memory: {bin} restart · {next} instead: {bin} stop, then {bin} start --version {next}",
  },
  TSUGI_NO_SUCH_WORKER: {
    exitCode: 2,
    message: "There is no worker {process}.{slot}.",
    hint: "See what runs: {bin} status",
  },
  TSUGI_HOOK_FAILED: {
    exitCode: 4,
    message: "{hook} ({moment}) failed: {problem}",
    hint: "before: the old version serves; correct it and try again. after: the new one serves and stays. See: {bin} status",
  },
  TSUGI_LOAD_FAILED: {
    exitCode: 4,
    message: "{name} {version} did not load: {problem}",
    hint: "The old version serves as before. The log has the rest: {bin} logs",
  },
  TSUGI_FREEZE_TIMEOUT: {
    exitCode: 4,
    message: "Not frozen within {timeoutMs} ms; held by {holders}",
    hint: "Thawed: the old version serves as before. Let it end, exempt it (hot.exempt(res)), or raise timeouts.freezeMs.",
  },
  TSUGI_ANNOUNCE_FAILED: {
    exitCode: 4,
    message: "The open connections can't go on in the new version: {problem}",
    hint: "Thawed: the old version serves as before, with all its connections. Mend what it throws on a connection that is carried (hot.carried).",
  },
  TSUGI_ANNOUNCE_CUT_OFF: {
    exitCode: 4,
    message: "The old version has gone before it had told the new one of all its connections.",
    hint: "The log has its last words: {bin} logs",
  },
  TSUGI_STATE_PATH_MISSING: {
    exitCode: 4,
    message:
      'State "{state}" is at version {from}; {version} wants {to}, and nothing says how to get there.',
    hint: 'Add the missing step to hot.state("{state}", { upgrade / downgrade }) and build again.',
  },
  TSUGI_UPGRADE_FORBIDDEN: {
    exitCode: 4,
    message: "From {from} to {to} is forbidden by the appup of {by}: {reason}",
    hint: "The running version serves as before. Another way, through a version in between: {bin} releases",
  },
  TSUGI_STATE_FAILED: {
    exitCode: 4,
    message: 'State "{state}" could not be carried: {problem}',
    hint: "The old version serves as before, its state untouched.",
  },
  TSUGI_FREEZE_FAILED: {
    exitCode: 4,
    message: "A hot.freeze hook failed: {problem}",
    hint: "Thawed: the old version serves as before. The log has the rest: {bin} logs",
  },
  TSUGI_UNHEALTHY: {
    exitCode: 5,
    message: "{version} was unhealthy in probation: {problem}",
    hint: "Handed back: {previous} serves again. The log has the rest: {bin} logs",
  },
  TSUGI_MEMORY_SHORT: {
    exitCode: 4,
    message: "Carrying the state takes about {bytesMb} MB; {availableMb} MB are left.",
    hint: "Give the machine or the cgroup more memory, or make the state smaller.",
  },
  TSUGI_OLD_CODE_LEFT: {
    exitCode: 1,
    message:
      "{version} serves and is permanent, but {previous} has left something that can still run: {what}.",
    hint: "End it in hot.dispose, then deploy again. {bin} status shows it until it is gone; {bin} restart ends it.",
  },
  TSUGI_NOT_COMMITTED: {
    exitCode: 5,
    message: "{version} was installed and given up before its commit.",
    hint: "Handed back: {previous} serves again.",
  },
  TSUGI_NOTHING_TO_COMMIT: {
    exitCode: 1,
    message: "No release is installed and waiting for its commit.",
    hint: "See what runs and what there is: {bin} status, {bin} releases",
  },
  TSUGI_RELEASE_IN_USE: {
    exitCode: 4,
    message: "{version} is running.",
    hint: "Upgrade to another version first.",
  },
  TSUGI_WORKERS_LOSE_STATE: {
    exitCode: 4,
    message: "{process} has state in {from} slots; the new release has only {to}.",
    hint: "Keep the number of workers, or move the state out first.",
  },
  TSUGI_NAME_DIFFERS: {
    exitCode: 4,
    message: "This is a release of {to}; here runs {from}.",
    hint: "Give it an install root of its own.",
  },
  TSUGI_UPGRADE_UNDER_WAY: {
    exitCode: 4,
    message: "An upgrade to {version} is under way.",
    hint: "Attach to it: {bin} upgrade {version}",
  },
});
