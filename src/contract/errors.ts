/**
 * The one registry of errors: code → exit code, message, hint. Nothing in tsugi prints an error
 * that is not in here, and docs/reference/errors.md is generated from it.
 *
 * Exit codes (DESIGN §5): 1 failed · 2 wrong usage · 3 not running ·
 * 4 refused or thawed (the old version serves as before) · 5 handed back (it serves again).
 */
export type ExitCode = 1 | 2 | 3 | 4 | 5;

type Details = Record<string, string | number | boolean | undefined>;

interface ErrorDefinition {
  exitCode: ExitCode;
  /** What was expected and what was found; `{name}` is replaced from the details. */
  message: string;
  /** The next thing to type or to look at. */
  hint: string;
}

const define = <T extends Record<`TSUGI_${string}`, ErrorDefinition>>(definitions: T): T =>
  definitions;

export const ERRORS = define({
  // --- usage and general -----------------------------------------------------------------------
  TSUGI_USAGE: { exitCode: 2, message: "{problem}", hint: "{help}" },
  TSUGI_INTERNAL: {
    exitCode: 1,
    message: "Unexpected failure: {problem}",
    hint: "This is a bug in tsugi; run again with TSUGI_DEBUG=1 and report the stack trace.",
  },
  TSUGI_FORMAT_UNKNOWN: {
    exitCode: 4,
    message: "{what} has format {found}; this tsugi reads format {expected}.",
    hint: "Use the tsugi that made it, or a newer one.",
  },

  TSUGI_MANIFEST_INVALID: {
    exitCode: 4,
    message: "{where} is not a release manifest: {problem}.",
    hint: "Build the release again (tsugi release), or fetch it again.",
  },

  // --- the running system ----------------------------------------------------------------------
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
    message: "{process} crashed {count} times within {withinMs} ms; the supervisor gave up.",
    hint: "The log has the reason: {bin} logs",
  },
  TSUGI_CONTROL_UNREACHABLE: {
    exitCode: 1,
    message: "The supervisor (pid {pid}) does not answer on its control socket: {problem}",
    hint: "If it hangs: kill -9 {pid}, then {bin} start",
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
  TSUGI_WORKER_SILENT: {
    exitCode: 4,
    message:
      "The worker {process}.{slot} (pid {pid}) did not answer {request} within {timeoutMs} ms.",
    hint: "Something blocks its event loop; the log may say what: {bin} logs",
  },
  TSUGI_NO_SUCH_WORKER: {
    exitCode: 2,
    message: "There is no worker {process}.{slot}.",
    hint: "See what runs: {bin} status",
  },

  // --- upgrades --------------------------------------------------------------------------------
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

  // --- the host: the tree, its settings, its releases -------------------------------------------
  TSUGI_RELEASE_NOT_FOUND: {
    exitCode: 4,
    message: "Release {version} is not here: {looked}.",
    hint: "Put its tarball at {dropBox}, or name it: {bin} upgrade <file>",
  },
  TSUGI_UNPACK_REFUSED: {
    exitCode: 4,
    message: "{source} was not unpacked: {problem}.",
    hint: "Nothing was changed on this host. Build the release again (tsugi release), or copy it again.",
  },
  TSUGI_DELTA_STALE: {
    exitCode: 4,
    message:
      "The delta for {version} was made for another host, or for this one as it was: {problem}.",
    hint: "Nothing was changed. Make it anew from {bin} inventory --json, or bring the whole tarball.",
  },
  TSUGI_RELEASE_CONFLICT: {
    exitCode: 4,
    message:
      "Release {version} is on this host already with other bytes: found {found}, offered {offered}.",
    hint: "Give the new build a new version. If {version} is merely unpacked: {bin} unpack --force {version}",
  },
  TSUGI_FOLDER_CONFLICT: {
    exitCode: 4,
    message: "{folder} is on this host already with other bytes ({file}).",
    hint: "It was changed after it was unpacked, or two builds share a version. Give the build a new version; nothing was changed.",
  },
  TSUGI_DISK_FULL: {
    exitCode: 4,
    message: "Not enough space at {root}: {neededMb} MB needed, {freeMb} MB free.",
    hint: "Make room: {bin} prune --keep 2",
  },
  TSUGI_SIGNATURE_REFUSED: {
    exitCode: 4,
    message: "{version} is not signed by a key that is trusted: {problem}.",
    hint: "Sign it with a key of {keys} (tsugi release --sign <key>), or add its public key there: tsugi keys show <key>",
  },
  TSUGI_TRUSTED_KEYS_INVALID: {
    exitCode: 4,
    message: "{file}{line} is no list of trusted keys: {problem}.",
    hint: "Until it is corrected no release is taken. One line a key: tsugi keys show <key> prints it · chmod 644 {file}",
  },
  TSUGI_RELEASE_DAMAGED: {
    exitCode: 1,
    message: "Release {version} on this host is not what its manifest says: {problem}.",
    hint: "Extract its tarball again, or start another one: {bin} releases",
  },
  TSUGI_STATUS_REFUSED: {
    exitCode: 4,
    message: "Release {version} is {status}: it can't be {wanted}.",
    hint: "See what is here: {bin} releases",
  },
  TSUGI_NOTHING_TO_ROLL_BACK_TO: {
    exitCode: 4,
    message: "{version} is the only release that was ever permanent here: nothing to roll back to.",
    hint: "See what is here: {bin} releases",
  },
  TSUGI_BUSY: {
    exitCode: 1,
    message: "Another process (pid {pid}) is writing to {root}.",
    hint: "Wait for it, then try again: {bin} releases",
  },
  TSUGI_START_FAILED: {
    exitCode: 1,
    message: "{name} {version} did not start: {problem}",
    hint: "Look at the log: {bin} logs",
  },
  TSUGI_NO_PERMANENT: {
    exitCode: 1,
    message: "{root} has no release that a start could boot: {problem}.",
    hint: "Extract a release there: tar xzf {name}.tar.gz -C {root}",
  },
  TSUGI_NEVER_INSTALLED: {
    exitCode: 4,
    message: "{version} was never permanent on this host: that would be no downgrade.",
    hint: "Upgrade to it: {bin} upgrade {version}",
  },
  TSUGI_ROOT_IS_EPHEMERAL: {
    exitCode: 4,
    message:
      "{root} lies in a container's own file system and not on a volume: the new version would be gone with the container.",
    hint: "Deploy a new image, or mount a volume at {root}. To try it all the same: --ephemeral",
  },
  TSUGI_NO_TYPESCRIPT_LOADER: {
    exitCode: 1,
    message: "Node {node} doesn't run TypeScript by itself, and {folder} has no tsx.",
    hint: "npm install --save-dev tsx · or use Node 22.18 or later · or name what was built: tsugi run --detach dist/main.js",
  },
  TSUGI_FILE_REFUSED: {
    exitCode: 1,
    message: "The file system refused: {problem}",
    hint: "Look at the space, the owner and the mode of {path}; the root has to belong to who runs it.",
  },
  TSUGI_RPC_THREW: {
    exitCode: 1,
    message: "The expression threw: {problem}",
    hint: "Its value has to be an expression of the running application: {bin} help rpc",
  },
  TSUGI_NO_LOG: {
    exitCode: 1,
    message: "There is no log at {path}.",
    hint: "It appears with the first start; under `foreground` the log goes to stdout only.",
  },
  TSUGI_SETTINGS_INVALID: {
    exitCode: 1,
    message: "{file}{line} is not valid: {problem}.",
    hint: "Correct the file and try again.",
  },
  TSUGI_ENV_EXPOSED: {
    exitCode: 1,
    message: "{file} can be read by others (mode {mode}, expected 600): it may hold secrets.",
    hint: "chmod 600 {file}",
  },

  // --- building a release ----------------------------------------------------------------------
  TSUGI_PROJECT_INVALID: {
    exitCode: 1,
    message: "This is no project to release: {problem}.",
    hint: "Run tsugi in a folder with a package.json that has a name, or give it: tsugi release <folder>",
  },
  TSUGI_CONFIG_INVALID: {
    exitCode: 1,
    message: "{where} is not valid: {problem}",
    hint: "What it may hold: tsugi help config",
  },
  TSUGI_CONFIG_UNREADABLE: {
    exitCode: 1,
    message: "{file} could not be loaded: {problem}",
    hint: "What it may hold: tsugi help config · begin with one that works: tsugi init",
  },
  TSUGI_VERSION_INVALID: {
    exitCode: 1,
    message: "The version is {found} ({where}); expected a semantic version such as 1.2.3.",
    hint: "Correct it, or name another: tsugi release --version 1.2.3 · each commit its own: --version git",
  },
  TSUGI_VERSION_EXISTS: {
    exitCode: 1,
    message: "{version} is built already, with other bytes: {folder}",
    hint: 'Give it a new version: npm version patch · each commit its own: tsugi release --version git (version: "git" in tsugi.config.ts) · or remove that folder',
  },
  TSUGI_GIT_FAILED: {
    exitCode: 1,
    message: "The version should come from git, but in {folder} git says: {problem}",
    hint: "Commit the project first, or name a version: tsugi release --version 1.2.3",
  },
  TSUGI_ENTRY_MISSING: {
    exitCode: 1,
    message: "The file that starts the app is not there. Looked in {folder} for: {looked}",
    hint: 'Name it: entry: "src/server.ts" in tsugi.config.ts (tsugi init writes one)',
  },
  TSUGI_BUILD_FAILED: {
    exitCode: 1,
    message: "{what} failed:\n{problem}",
    hint: "Nothing was written; an earlier build is as it was. Correct it and run tsugi release again.",
  },
  TSUGI_PACKAGES_MISSING: {
    exitCode: 1,
    message: "These packages are not installed: {packages}",
    hint: "Install what the lock file says: {install}",
  },
  TSUGI_FILES_MISSING: {
    exitCode: 1,
    message: "files: {glob} matches nothing in {folder}.",
    hint: "Correct it in tsugi.config.ts; paths are relative to the project.",
  },
  TSUGI_NODE_UNPINNED: {
    exitCode: 1,
    message: "Node's version is not pinned: found {found}, expected an exact version (CI=true).",
    hint: "Pin it: echo {version} > .node-version, and commit that · or tsugi release --node {version}",
  },
  TSUGI_NODE_UNKNOWN: {
    exitCode: 1,
    message: "No Node fits {range} ({where}); the newest this tsugi knows is {newest}.",
    hint: "Correct it, or name a version exactly: tsugi release --node {newest}",
  },
  TSUGI_RUNTIME_UNAVAILABLE: {
    exitCode: 1,
    message: "Node {version} for {platform} could not be had from {from}: {problem}",
    hint: 'Another source: runtime: { from: "https://<mirror>/dist" } or { from: "/path/to/node" } in tsugi.config.ts · another version: --node <version>',
  },
  TSUGI_RELEASE_UNREADABLE: {
    exitCode: 1,
    message: "{place} is no release that can be read: {problem}.",
    hint: "Give a tarball (<app>.tar.gz), rel/<app>, or rel/<app>/releases/<vsn>.",
  },
  TSUGI_RELEASE_DIFFERS: {
    exitCode: 1,
    message: "{place} is not as its manifest says: {path}: {problem}.",
    hint: "It was changed or cut off after it was built. Copy it again, or build it again: tsugi release",
  },
  TSUGI_TREE_CONFLICT: {
    exitCode: 1,
    message: "{folder} belongs to {others}, and this build would put other bytes there.",
    hint: "Build into another folder (tsugi release --out <folder>), or remove {tree} and build what you need again.",
  },
  TSUGI_ADDON_UNFIT: {
    exitCode: 1,
    message: "These compiled packages would not load in the release:\n  {problems}",
    hint: "Compile or fetch them with the release's Node: {rebuild} · tsugi release --git does that by itself · or let the release carry the Node that they are for: tsugi release --node <version>",
  },
  TSUGI_SECRET_FOUND: {
    exitCode: 1,
    message: "{places}\n  A release carries no secrets.",
    hint: 'Keep it on the host (<root>/etc/env), and read it when the app runs · if it is none, say why: secrets: { allow: [{ file: "{file}", reason: "…" }] } in tsugi.config.*',
  },

  // --- hosts, over ssh: deploy and stores ---------------------------------------------------------
  TSUGI_HOST_UNREACHABLE: {
    exitCode: 1,
    message: "{host} could not be reached: {problem}",
    hint: "Go there by hand once, and answer what it asks (a new host key, for one): {try}",
  },
  TSUGI_ENVIRONMENT_UNKNOWN: {
    exitCode: 2,
    message: "There is no environment {name} in tsugi.config.*; there is: {known}.",
    hint: "Name one of them, or write it: tsugi help config (environments)",
  },
  TSUGI_SECRET_UNREADABLE: {
    exitCode: 1,
    message: "The secret {name} could not be read: {problem}.",
    hint: "Nothing was changed. Where it comes from: environments.<name>.secrets in tsugi.config.*",
  },
  TSUGI_HOST_REFUSED: {
    exitCode: 4,
    message: "{host} can't take it: {problem}.",
    hint: "{next}",
  },
  TSUGI_DEPLOY_RESTART_NEEDED: {
    exitCode: 4,
    message: "{version} can't be swapped in on {host}: {reasons}.",
    hint: "State in memory would be lost. If that is fine: tsugi deploy {environment} --allow-restart",
  },
  TSUGI_HOST_FAILED: {
    exitCode: 1,
    message: "{host}: {what} failed: {problem}",
    hint: "See how it is: tsugi status {environment} · then the same command again",
  },
  TSUGI_DEPLOY_REFUSED: {
    exitCode: 4,
    message: "No host was changed: {problem}",
    hint: "{next}",
  },
  TSUGI_DEPLOY_LOCKED: {
    exitCode: 4,
    message: "{host} is locked by {by}, {age}: {reason}",
    hint: "Wait for it · or take the lock away: tsugi unlock {environment}",
  },
  TSUGI_DEPLOY_STOPPED: {
    exitCode: 1,
    message: "{done} of {count} hosts {verb} {version}; {problem}",
    hint: "Each host has one whole version. The same command again goes on from there · what runs: tsugi status {environment}",
  },
  TSUGI_INTERRUPTED: {
    exitCode: 1,
    message: "Interrupted. Each host has one whole version.",
    hint: "The same command again goes on from there · what runs: tsugi status <environment>",
  },
  TSUGI_DEPLOY_HOOK_FAILED: {
    exitCode: 1,
    message: "The hook {hook} failed: {problem}",
    hint: "Correct it in tsugi.config.* (environments.<name>.hooks), then the same command again",
  },

  // --- keys of signatures ------------------------------------------------------------------------
  TSUGI_KEY_EXISTS: {
    exitCode: 1,
    message: "{file} is there already; a key is never overwritten.",
    hint: "See it: tsugi keys show {file} · make another: tsugi keys new <another file>",
  },
  TSUGI_KEY_INVALID: {
    exitCode: 1,
    message: "{file} is no key that can be used: {problem}.",
    hint: "Make a pair: tsugi keys new <file>",
  },

  // --- clean builds: tsugi release --git ---------------------------------------------------------
  TSUGI_CLONE_FAILED: {
    exitCode: 1,
    message: "{from} could not be cloned; git says:\n{problem}",
    hint: "Try it by hand: git clone {from} · what gives git access there (keys, credential helpers) is used here too",
  },
  TSUGI_REF_UNKNOWN: {
    exitCode: 1,
    message: "{from} has no branch, tag or commit {ref}.",
    hint: "See what it has: git ls-remote {from}",
  },
  TSUGI_LFS_MISSING: {
    exitCode: 1,
    message: "{file} is a pointer of Git LFS and not the file itself ({count} such files).",
    hint: "Install git-lfs on this build machine, then: git lfs install",
  },
  TSUGI_LOCK_FILE_MISSING: {
    exitCode: 1,
    message:
      "{where} has no lock file that git knows: what it installs would be another thing each day.",
    hint: "Commit package-lock.json, pnpm-lock.yaml or yarn.lock",
  },
  TSUGI_PACKAGE_MANAGER_UNKNOWN: {
    exitCode: 1,
    message: "The project asks for the package manager {found}; tsugi knows npm, pnpm and yarn.",
    hint: 'Correct it in package.json, such as "packageManager": "pnpm@10.12.1"',
  },
  TSUGI_PACKAGE_MANAGER_UNAVAILABLE: {
    exitCode: 1,
    message: "{spec} could not be had from npm: {problem}",
    hint: 'Correct "packageManager" in package.json, or install {name} on this machine: npm install --global {spec}',
  },
  TSUGI_INSTALL_FAILED: {
    exitCode: 1,
    message: "{command} (exit code {code}) says:\n{problem}",
    hint: "Nothing was built. Where package.json and the lock file differ: run {name} install in the project, and commit the lock file",
  },

  // --- the store, and plans before a deploy -------------------------------------------------------
  TSUGI_STORE_UNKNOWN: {
    exitCode: 2,
    message: "No store is named.",
    hint: 'Name it once, in tsugi.config.ts: store: "ssh://host/folder" · or each time: --store <folder or ssh://host/folder>, or TSUGI_STORE',
  },
  TSUGI_REFERENCE_INVALID: {
    exitCode: 2,
    message: "{text} names no release.",
    hint: "Expected a folder, a tarball, wall@1.2.0, <store>#wall@1.2.0 or ssh://[user@]host[:port]/folder",
  },
  TSUGI_NOT_IN_STORE: {
    exitCode: 4,
    message: "{store} has no {name} {version}.",
    hint: "See what it has: tsugi list --store {store} · put it there: tsugi push",
  },
  TSUGI_NOTHING_TO_PUSH: {
    exitCode: 1,
    message: "There is no release in {folder}.",
    hint: "Build one: tsugi release · or name its tarball: tsugi push <tarball>",
  },
  TSUGI_STORE_CONFLICT: {
    exitCode: 4,
    message:
      "{store} has {name} {version} as {found}; this one is {offered}. A version is one release.",
    hint: "Give this one another version: tsugi release --version git, or package.json",
  },
  TSUGI_STORE_DAMAGED: {
    exitCode: 1,
    message: "{file} is damaged: {problem}.",
    hint: "Remove that file; if it is the store's own, push a release that has it once more: tsugi push <tarball>",
  },
  TSUGI_STORE_FAILED: {
    exitCode: 1,
    message: "The store {store} can't be used: {problem}.",
    hint: "Look whether it is there, who may write to it, and whether its disk is full",
  },
  TSUGI_PLAN_NEEDS_MORE: {
    exitCode: 4,
    message: "{from} → {to} needs a {strategy}, and at most a {allowed} is allowed: {why}.",
    hint: "See the whole plan: tsugi plan, without --require",
  },

  // --- Elixir and Erlang releases (shipped to the host as priv/errors.json) -----------------------
  TSUGI_BEAM_TOOL_MISSING: {
    exitCode: 1,
    message: "{tool} is not on this build machine's PATH; this project needs it.",
    hint: "Install Elixir and Erlang/OTP (Debian: apt-get install --no-install-recommends elixir). Hosts need neither.",
  },
  TSUGI_BEAM_CONFIG_SECRET: {
    exitCode: 1,
    message: "The built-in configuration (sys.config) holds what looks like a secret: {places}.",
    hint: 'Move it to config/runtime.exs (System.fetch_env!) and its value to <root>/etc/env on the host. If it is none: secrets: { allow: [{ file: "{first}", reason: "…" }] } in tsugi.config.*',
  },
  TSUGI_BEAM_ROOT_PATH: {
    exitCode: 1,
    message: "The path of the install root has a space, a quote or a backslash: {root}",
    hint: "Move it to one without: Elixir's and Erlang's own scripts can't live in such a path",
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
  TSUGI_HOOK_FAILED: {
    exitCode: 4,
    message: "{hook} ({moment}) failed: {problem}",
    hint: "before: the old version serves; correct it and try again. after: the new one serves and stays. See: {bin} status",
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

export type ErrorCode = keyof typeof ERRORS;

const fill = (text: string, details: Details): string =>
  text.replace(/\{(\w+)\}/g, (whole, key: string) => String(details[key] ?? UNKNOWN[key] ?? whole));

/** What stands in a hint where the thrower does not know how the command is called, as a worker does not. */
export const UNNAMED_BIN = "bin/<app>";
const UNKNOWN: Details = { bin: UNNAMED_BIN };

export class TsugiError extends Error {
  override name = "TsugiError";
  readonly code: ErrorCode;
  readonly hint: string;
  readonly exitCode: ExitCode;
  readonly details: Details;

  constructor(code: ErrorCode, details: Details = {}, options?: { cause?: unknown }) {
    const definition: ErrorDefinition = ERRORS[code];
    super(fill(definition.message, details), options);
    this.code = code;
    this.exitCode = definition.exitCode;
    this.hint = fill(definition.hint, details);
    this.details = details;
  }
}

/** An error as it crosses a process boundary or goes into a report. */
export interface ErrorJson {
  code: string;
  message: string;
  hint: string;
  exitCode: ExitCode;
  details?: Details;
}

export function errorToJson(error: unknown): ErrorJson {
  const known = error instanceof TsugiError ? error : toInternal(error);
  const { code, message, hint, exitCode, details } = known;
  return { code, message, hint, exitCode, details };
}

/** Rebuilds an error that came over a socket; one with an unknown code keeps its own words. */
export function errorFromJson(json: ErrorJson): TsugiError {
  if (Object.hasOwn(ERRORS, json.code)) {
    const error = new TsugiError(json.code as ErrorCode, json.details ?? {});
    error.message = json.message;
    return error;
  }
  return toInternal(new Error(`${json.code}: ${json.message}`));
}

export const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);

function toInternal(error: unknown): TsugiError {
  return new TsugiError("TSUGI_INTERNAL", { problem: messageOf(error) }, { cause: error });
}

/** What a terminal shows of an error: its code, what happened, and the next step. */
export function renderError(error: unknown, verbose = false): string {
  const known = error instanceof TsugiError ? error : toInternal(error);
  const text = renderErrorJson(errorToJson(known));
  return verbose ? `${text}\n${(known.cause as Error)?.stack ?? known.stack}` : text;
}

/** The same of one that came over a socket. Alternatives in a hint get a line each. */
export function renderErrorJson({ code, message, hint }: ErrorJson): string {
  const steps = hint.split(" · ").map((step) => `  → ${step}`);
  return [`error ${code}`, `  ${message}`, ...steps].join("\n");
}
