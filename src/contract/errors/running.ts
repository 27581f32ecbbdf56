import { define, failed, handedBack, notRunning, refused, wrongUsage } from "./define.ts";

/** What a running system says: its supervisor, its workers, its upgrades. */
export const RUNNING_ERRORS = define({
  TSUGI_NOT_RUNNING: notRunning(
    "{name} is not running (looked in {root}).",
    "Start it: {bin} start",
  ),
  TSUGI_ROOT_MOVED: refused(
    "{name} was started in {from}; its root was moved to {root} while it ran, and it would load and write where it was.",
    "It serves as before. From here on, without its state in memory: {bin} restart{back}",
  ),
  TSUGI_ALREADY_RUNNING: failed(
    "{name} {version} runs already, pid {pid}.",
    "See it: {bin} status · new version: {bin} upgrade <vsn> · new settings: {bin} reload",
  ),
  TSUGI_NOT_READY: failed(
    "{what} was not ready within {timeoutMs} ms: {why}",
    "Look at the log: {bin} logs · more time: timeouts.readyMs in tsugi.config.ts or etc/config.json",
  ),
  TSUGI_GAVE_UP: failed(
    "{process} crashed {count} times within {withinMs} ms; the supervisor gave up. The last time {why}.",
    "The log has the reason: {bin} logs",
  ),
  TSUGI_CONTROL_UNREACHABLE: failed(
    "The supervisor (pid {pid}) does not answer on its control socket: {problem}",
    "Its end in order is: kill {pid}. Only if that does nothing: kill -9 {pid}, then {bin} start",
  ),
  TSUGI_CONTROL_BROKEN: failed(
    "The supervisor (pid {pid}) broke off: {problem}",
    "It runs: the same again, or see why: {bin} status · {bin} logs. How many files it has open: ls /proc/{pid}/fd | wc -l",
  ),
  TSUGI_SUPERVISOR_DIED: notRunning(
    "The supervisor (pid {pid}) has died without a stop: it was killed, or the machine went down.",
    "Nothing runs. Start it: {bin} start · its last words: {bin} logs · killed for its memory? dmesg",
  ),
  TSUGI_WORKER_DIED: refused(
    "The worker {process}.{slot} (pid {pid}) is gone: {why}.",
    "The log has its last words: {bin} logs",
  ),
  TSUGI_SUCCESSOR_DIED: refused(
    "The new supervisor did not come up: {why}",
    "The old one serves as before. The log may have the reason: {bin} logs",
  ),
  TSUGI_TAKE_OVER_FAILED: failed(
    "{version} is permanent, but its supervisor has failed while it took over: {why}",
    "The old supervisor has started {version} anew and goes on: the state in memory is lost. The log may have the reason: {bin} logs",
  ),
  TSUGI_STARTING: notRunning("{name} is starting.", "Wait until it is ready: {bin} ping"),
  TSUGI_STOPPING: notRunning("{name} is being stopped.", "When it has ended: {bin} start"),
  TSUGI_START_STOPPED: notRunning(
    "{name} {version} was told to stop before it was ready.",
    "To start it again: {bin} start",
  ),
  TSUGI_WORKER_SILENT: refused(
    "The worker {process}.{slot} (pid {pid}) did not answer {request} within {timeoutMs} ms.",
    "Something blocks its event loop; the log may say what: {bin} logs",
  ),
  TSUGI_SERVING_SILENT: refused(
    "The worker {process}.{slot} (pid {pid}) of {version}, which is to be replaced, has answered nothing for {silentMs} ms: its event loop stands still, and nothing of it can be carried.",
    "Nothing was changed, and it does not serve. {version} again, without its state in memory: {bin} restart · {next} instead: {bin} stop, then {bin} start --version {next}",
  ),
  TSUGI_NO_SUCH_WORKER: wrongUsage(
    "There is no worker {process}.{slot}.",
    "See what runs: {bin} status",
  ),
  TSUGI_HOOK_FAILED: refused(
    "{hook} ({moment}) failed: {problem}",
    "before: the old version serves; correct it and try again. after: the new one serves and stays. See: {bin} status",
  ),
  TSUGI_LOAD_FAILED: refused(
    "{name} {version} did not load: {problem}",
    "The old version serves as before. The log has the rest: {bin} logs",
  ),
  TSUGI_FREEZE_TIMEOUT: refused(
    "Not frozen within {timeoutMs} ms; held by {holders}",
    "Thawed: the old version serves as before. Let it end (what a listener of a WebSocket returns has to settle), exempt a response (hot.exempt(res)), or raise timeouts.freezeMs.",
  ),
  TSUGI_ANNOUNCE_FAILED: refused(
    "The open connections can't go on in the new version: {problem}",
    "Thawed: the old version serves as before, with all its connections. Mend what it throws on a connection that is carried (hot.carried).",
  ),
  TSUGI_ANNOUNCE_CUT_OFF: refused(
    "The old version has gone before it had told the new one of all its connections.",
    "The log has its last words: {bin} logs",
  ),
  TSUGI_STATE_PATH_MISSING: refused(
    'State "{state}" is at version {from}; {version} wants {to}, and nothing says how to get there.',
    'Add the missing step to hot.state("{state}", { upgrade / downgrade }) and build again.',
  ),
  TSUGI_UPGRADE_FORBIDDEN: refused(
    "From {from} to {to} is forbidden by the appup of {by}: {reason}",
    "The running version serves as before. Another way, through a version in between: {bin} releases",
  ),
  TSUGI_STATE_FAILED: refused(
    'State "{state}" could not be carried: {problem}',
    "The old version serves as before, its state untouched.",
  ),
  TSUGI_FREEZE_FAILED: refused(
    "A hot.freeze hook failed: {problem}",
    "Thawed: the old version serves as before. The log has the rest: {bin} logs",
  ),
  TSUGI_UNHEALTHY: handedBack(
    "{version} was unhealthy in probation: {problem}",
    "Handed back: {previous} serves again. The log has the rest: {bin} logs",
  ),
  TSUGI_MEMORY_SHORT: refused(
    "Carrying the state takes about {bytesMb} MB; {availableMb} MB are left.",
    "Give the machine or the cgroup more memory, or make the state smaller.",
  ),
  TSUGI_OLD_CODE_LEFT: failed(
    "{version} serves and is permanent, but {previous} has left something that can still run: {what}.",
    "End it in hot.dispose, then deploy again. {bin} status shows it until it is gone; {bin} restart ends it.",
  ),
  TSUGI_NOT_COMMITTED: handedBack(
    "{version} was installed and given up before its commit.",
    "Handed back: {previous} serves again.",
  ),
  TSUGI_NOTHING_TO_COMMIT: failed(
    "No release is installed and waiting for its commit.",
    "See what runs and what there is: {bin} status, {bin} releases",
  ),
  TSUGI_RELEASE_IN_USE: refused("{version} is running.", "Upgrade to another version first."),
  TSUGI_WORKERS_LOSE_STATE: refused(
    "{process} has state in {from} slots; the new release has only {to}.",
    "Keep the number of workers, or move the state out first.",
  ),
  TSUGI_NAME_DIFFERS: refused(
    "This is a release of {to}; here runs {from}.",
    "Give it an install root of its own.",
  ),
  TSUGI_UPGRADE_UNDER_WAY: refused(
    "An upgrade to {version} is under way.",
    "Attach to it: {bin} upgrade {version}",
  ),
});
