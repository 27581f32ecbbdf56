/**
 * What runs on a host before there is a `bin/<app>`, or beside it: short programs for its sh, which
 * need nothing but POSIX tools, tar and gzip. They come as one argument, their parameters as further
 * ones, data over stdin.
 *
 * They hold against a connection that goes away half-way: what is not whole is not in place, and what
 * has to be put back is put back by the host itself.
 */
import type { Layout } from "../../release/layout.ts";
import { asOwner } from "./asOwner.ts";

/** A tarball into the drop box; under its name only when it is whole. */
const SEND = `
set -eu
box=$1 bytes=$2
part=$box.part
mkdir -p "\${box%/*}"
trap 'rm -f "$part"' EXIT
trap 'exit 1' HUP INT TERM PIPE
cat >"$part"
found=$(wc -c <"$part")
[ "$found" -eq "$bytes" ] || { echo "$found of $bytes bytes arrived" >&2; exit 1; }
mv "$part" "$box"
`;

/**
 * The first release of a root. It stays in a folder of its own until it is whole; bin/ comes last.
 * When that folder is there already, an install was cut off: what is beside it is of that one. One
 * that fails leaves nothing.
 */
const INSTALL = `
set -eu
root=$1 stage=$2 bin=$3 bytes=$4
umask 022
[ ! -x "$bin" ] || exit 0
mkdir -p "$root"
for part in "$root"/bin "$root"/releases "$root"/lib "$root"/runtime "$root"/erts-*; do
  [ -e "$part" ] || continue
  [ -d "$stage" ] || { echo "$part is there and is not of a tsugi release" >&2; exit 1; }
  rm -rf "$part"
done
rm -rf "$stage"
moving=no
trap '[ "$moving" = yes ] || rm -rf "$stage"' EXIT
trap 'exit 1' HUP INT TERM PIPE
mkdir "$stage"
cat >"$stage/release.tar.gz"
found=$(wc -c <"$stage/release.tar.gz")
[ "$found" -eq "$bytes" ] || { echo "$found of $bytes bytes arrived" >&2; exit 1; }
gzip -dc <"$stage/release.tar.gz" | tar xof - -C "$stage"
rm "$stage/release.tar.gz"
moving=yes
for part in "$stage"/*; do [ "$part" = "$stage/bin" ] || mv "$part" "$root/"; done
mv "$stage/bin" "$root/bin"
rmdir "$stage"
`;

/**
 * The new etc/env beside the old one, which stays in force. Says whether it is another one. What a
 * deploy that broke off has left is gone: there may be secrets in it.
 */
const STAGE_ENV = `
set -eu
env=$1 next=$2 before=$3 bytes=$4
mkdir -p "\${env%/*}"
rm -f "$next" "$before"
umask 077
set -C
cat >"$next"
found=$(wc -c <"$next")
[ "$found" -eq "$bytes" ] || { rm -f "$next"; echo "$found of $bytes bytes arrived" >&2; exit 1; }
if [ -f "$env" ] && [ "$(cat "$env"; echo .)" = "$(cat "$next"; echo .)" ]; then
  rm -f "$next"
  echo same
else
  echo changed
fi
`;

/**
 * Runs a command with the staged etc/env in place, and puts the old one back: always after a trial,
 * otherwise when the command has failed and the same release is permanent as before. It goes on when
 * the connection breaks: whoever deploys next waits for it (`busy`).
 */
const WITH_ENV = `
set -u
mode=$1 permanent=$2 erlang=$3 env=$4 next=$5 before=$6 busy=$7
shift 7
boot() { cat "$permanent" "$erlang" 2>/dev/null || :; }
give_up() {
  rm -f "$before" "$env.new" "$busy"
  echo "nothing could be written below \${env%/*}: is there room on the disk?" >&2
  exit 1
}
trap '' HUP PIPE
mkdir -p "\${busy%/*}" && { echo $$ >"$busy"; } 2>/dev/null || give_up
was=$(boot)
swapped=no
if [ -f "$next" ]; then
  rm -f "$before"
  [ ! -f "$env" ] || cp -p "$env" "$before" || give_up
  cp -p "$next" "$env.new" && mv "$env.new" "$env" || give_up
  swapped=yes
fi
"$@"
code=$?
if [ "$swapped" = yes ]; then
  if [ "$mode" = trial ] || { [ "$code" != 0 ] && [ "$(boot)" = "$was" ]; }; then
    if [ -f "$before" ]; then mv "$before" "$env"; else rm -f "$env"; fi
  else
    rm -f "$next"
  fi
fi
rm -f "$busy"
exit "$code"
`;

/** After a rollback the environment is that of before as well. */
const RESTORE_ENV = `
set -eu
env=$1 before=$2
[ ! -f "$before" ] || mv "$before" "$env"
`;

/** The account of a deploy, from stdin; what was kept in case of a rollback is not needed any more. */
const FINISH = `
set -eu
log=$1 next=$2 before=$3
rm -f "$next" "$before"
mkdir -p "\${log%/*}"
cat >>"$log"
`;

export const send = ({ root, release }: Layout, version: string, bytes: number): string[] =>
  asOwner(root, SEND, release(version).tarball, String(bytes));

export const install = ({ root, firstInstall, bin }: Layout, bytes: number): string[] =>
  asOwner(root, INSTALL, root, firstInstall, bin, String(bytes));

export const stageEnv = (layout: Layout, bytes: number): string[] => {
  const { root, etcEnv, etcEnvNext, etcEnvBefore } = layout;
  return asOwner(root, STAGE_ENV, etcEnv, etcEnvNext, etcEnvBefore, String(bytes));
};

/** `trial`: the old environment comes back whatever happens. */
export function withEnv(layout: Layout, mode: "trial" | "keep", argv: string[]): string[] {
  const { root, permanent, startErlData, etcEnv, etcEnvNext, etcEnvBefore, deployBusy } = layout;
  const paths = [permanent, startErlData, etcEnv, etcEnvNext, etcEnvBefore, deployBusy];
  return asOwner(root, WITH_ENV, mode, ...paths, ...argv);
}

export const restoreEnv = ({ root, etcEnv, etcEnvBefore }: Layout): string[] =>
  asOwner(root, RESTORE_ENV, etcEnv, etcEnvBefore);

export const finish = ({ root, deploysLog, etcEnvNext, etcEnvBefore }: Layout): string[] =>
  asOwner(root, FINISH, deploysLog, etcEnvNext, etcEnvBefore);
