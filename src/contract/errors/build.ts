import { define, failed, wrongUsage } from "./define.ts";

/** What the build machine says while it makes a release. */
export const BUILD_ERRORS = define({
  // --- building a release ------------------------------------------------------------------------
  TSUGI_PROJECT_INVALID: failed(
    "This is no project to release: {problem}.",
    "Run tsugi in a folder with a package.json that has a name, or give it: tsugi release <folder>",
  ),
  TSUGI_CONFIG_INVALID: failed(
    "{where} is not valid: {problem}",
    "What it may hold: tsugi help config",
  ),
  TSUGI_CONFIG_UNREADABLE: failed(
    "{file} could not be loaded: {problem}",
    "What it may hold: tsugi help config · begin with one that works: tsugi init",
  ),
  TSUGI_CACHE_EXPOSED: failed(
    "{path} of the build cache is not yours alone ({why}): what others have put there would be in the release.",
    "Nobody knows what is in it, and all of it can be made again: rm -rf {root} · or have one of your own: TSUGI_CACHE=<folder> tsugi release",
  ),
  TSUGI_VERSION_INVALID: failed(
    "The version is {found} ({where}); expected a semantic version such as 1.2.3.",
    "Correct it, or name another: tsugi release --version 1.2.3 · each commit its own: --version git",
  ),
  TSUGI_VERSION_EXISTS: failed(
    "{version} is built already, with other bytes: {differences} ({folder})",
    'Give it a new version: npm version patch · each commit its own: tsugi release --version git (version: "git" in tsugi.config.ts) · or remove that folder',
  ),
  TSUGI_GIT_FAILED: failed(
    "The version should come from git, but in {folder} git says: {problem}",
    "Commit the project first, or name a version: tsugi release --version 1.2.3",
  ),
  TSUGI_ENTRY_MISSING: failed(
    "The file that starts the app is not there. Looked in {folder} for: {looked}",
    'Name it: entry: "src/server.ts" in tsugi.config.ts (tsugi init writes one)',
  ),
  TSUGI_PRELOAD_MISSING: failed(
    "{path}, which node is told to load first, {problem}. Looked in {folder}",
    'Bring it there, or take it out of the start script · to say yourself what is loaded first: nodeArgs: ["--import", "./first.mjs"] in tsugi.config.ts',
  ),
  TSUGI_BUILD_FAILED: failed(
    "{what} failed:\n{problem}",
    "Nothing was written; an earlier build is as it was. Correct it and run tsugi release again.",
  ),
  TSUGI_PACKAGES_MISSING: failed(
    "These packages are not installed: {packages}",
    "Install what the lock file says: {install}",
  ),
  TSUGI_SHAPE_UNFIT: failed("{shape}: {problem}.", "{todo}"),
  TSUGI_TRY_FAILED: failed(
    "{what}, and no host can help: {why}. Its last words:\n{words}",
    "Nothing was written. {todo} · without the trial: tsugi release --no-try",
  ),
  TSUGI_WORKSPACE: failed(
    "{folder} is the root of a workspace, which has several apps: {apps}.",
    "Release them one by one: npx tsugi release {first}",
  ),
  TSUGI_START_ELSEWHERE: failed(
    "What {folder} starts is another project: {other}.",
    "Release that one: npx tsugi release {other}",
  ),
  TSUGI_ENTRY_STALE: failed(
    "{entry} is of an earlier build: {command} has left it as it was; {evidence}.",
    "See where the build writes: rm -r {output} && {command} · then name it: entry in tsugi.config.ts",
  ),
  TSUGI_FILES_MISSING: failed(
    "files: {glob} matches nothing in {folder}.",
    "Correct it in tsugi.config.ts; paths are relative to the project.",
  ),
  TSUGI_FILE_CHANGED: failed(
    "{file} {how} while it was packed.",
    "Nothing was written. Build again when nothing writes there · a log, or the output of this command, belongs outside of what is packed: tsugi release --list",
  ),
  TSUGI_FILES_LINK: failed(
    "files: {path} is a link {problem}.",
    'Put there what it leads to: cp -RL, or a step of the build · or leave it out: "!{path}" in files',
  ),
  TSUGI_NODE_UNPINNED: failed(
    "Node's version is not pinned: found {found}, expected an exact version (CI=true).",
    "Pin it: echo {version} > .node-version, and commit that · or tsugi release --node {version}",
  ),
  TSUGI_NODE_UNKNOWN: failed(
    "No Node fits {range} ({where}); the newest this tsugi knows is {newest}.",
    "Correct it, or name a version exactly: tsugi release --node {newest}",
  ),
  TSUGI_RUNTIME_UNAVAILABLE: failed(
    "Node {version} for {platform} could not be had from {from}: {problem}",
    'Another source: runtime: { from: "https://<mirror>/dist" } or { from: "/path/to/node" } in tsugi.config.ts · another version: --node <version>',
  ),
  TSUGI_RELEASE_UNREADABLE: failed(
    "{place} is no release that can be read: {problem}.",
    "Give a tarball (<app>.tar.gz), the folder of a build, or its releases/<vsn>.",
  ),
  TSUGI_RELEASE_DIFFERS: failed(
    "{place} is not as its manifest says: {path}: {problem}.",
    "It was changed or cut off after it was built. Copy it again, or build it again: tsugi release",
  ),
  TSUGI_TREE_CONFLICT: failed(
    "{folder} belongs to {others}, and this build would put other bytes there.",
    "Build into another folder (tsugi release --out <folder>), or remove {tree} and build what you need again.",
  ),
  TSUGI_ADDON_UNFIT: failed(
    "These compiled packages would not load in the release:\n  {problems}",
    "Compile or fetch them with the release's Node: {rebuild} · tsugi release --git does that by itself · or let the release carry the Node that they are for: tsugi release --node <version>",
  ),
  TSUGI_SECRET_FOUND: failed(
    "{places}\n  A release carries no secrets.",
    'Keep it on the host (<root>/etc/env), and read it when the app runs · if it is none, say why: secrets: { allow: [{ file: "{file}", reason: "…" }] } in tsugi.config.*',
  ),
  TSUGI_NO_TYPESCRIPT_LOADER: failed(
    "Node {node} doesn't run TypeScript by itself, and {folder} has no tsx.",
    "npm install --save-dev tsx · or use Node 22.18 or later · or name what was built: tsugi run --detach dist/main.js",
  ),
  TSUGI_BEAM_TOOL_MISSING: failed(
    "{tool} is not on this build machine's PATH; this project needs it.",
    "Install Elixir and Erlang/OTP (Debian: apt-get install --no-install-recommends elixir). Hosts need neither.",
  ),
  TSUGI_BEAM_CONFIG_SECRET: failed(
    "The built-in configuration (sys.config) holds what looks like a secret: {places}.",
    'Move it to config/runtime.exs (System.fetch_env!) and its value to <root>/etc/env on the host. If it is none: secrets: { allow: [{ file: "{first}", reason: "…" }] } in tsugi.config.*',
  ),

  // --- keys of signatures ------------------------------------------------------------------------
  TSUGI_KEY_EXISTS: failed(
    "{file} is there already; a key is never overwritten.",
    "See it: tsugi keys show {file} · make another: tsugi keys new <another file>",
  ),
  TSUGI_KEY_INVALID: failed(
    "{file} is no key that can be used: {problem}.",
    "Make a pair: tsugi keys new <file>",
  ),

  // --- clean builds: tsugi release --git ---------------------------------------------------------
  TSUGI_CLONE_FAILED: failed(
    "{from} could not be cloned; git says:\n{problem}",
    "Try it by hand: git clone {from} · what gives git access there (keys, credential helpers) is used here too",
  ),
  TSUGI_REF_UNKNOWN: failed(
    "{from} has no branch, tag or commit {ref}.",
    "See what it has: git ls-remote {from}",
  ),
  TSUGI_LFS_MISSING: failed(
    "{file} is a pointer of Git LFS and not the file itself ({count} such files).",
    "Install git-lfs on this build machine, then: git lfs install",
  ),
  TSUGI_LOCK_FILE_MISSING: failed(
    "{where} has no lock file that git knows: what it installs would be another thing each day.",
    "Commit it: {lockFiles}",
  ),
  TSUGI_PACKAGE_MANAGER_UNKNOWN: failed(
    "The project asks for the package manager {found}; tsugi knows {known}.",
    'Correct it in package.json, such as "packageManager": "pnpm@10.12.1"',
  ),
  TSUGI_PACKAGE_MANAGER_UNAVAILABLE: failed(
    "{spec} could not be had from npm: {problem}",
    'Correct "packageManager" in package.json, or install {name} on this machine: npm install --global {spec}',
  ),
  TSUGI_INSTALL_FAILED: failed(
    "{command} (exit code {code}) says:\n{problem}",
    "Nothing was built. Where package.json and the lock file differ: run {name} install in the project, and commit the lock file",
  ),

  // --- the command line --------------------------------------------------------------------------
  TSUGI_CODE_UNKNOWN: wrongUsage(
    "There is no error {code}.",
    "The nearest: {near} · all of them: docs/reference/errors.md in tsugi's package",
  ),
});
