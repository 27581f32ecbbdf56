# shellcheck shell=sh
# Prints `<fact> <value>` lines, then documents between `@<name>` and `@end <exit code>`.
# What a host can't tell is simply not printed.
root=$1 name=$2 bin=$3 stage=$4 releases=$5 lock=$6 upgrades=$7 deploys=$8 unit=$9
shift 9
busy=$1
shift
echo "tsugi-facts 1"
echo "user $(id -un 2>/dev/null || id -u)"
echo "uid $(id -u)"
echo "system $(uname -s) $(uname -m)"
libc=
for file in /lib/ld-musl-* /lib/ld-linux* /lib64/ld-linux* /lib/*/ld-linux*; do
  [ ! -e "$file" ] || case $file in *musl*) libc=${libc:-musl} ;; *) libc=gnu ;; esac
done
echo "libc $libc"
for tool in tar gzip ln mv wc cat ls; do command -v "$tool" >/dev/null 2>&1 || echo "missing $tool"; done
at=$root
while [ ! -e "$at" ] && [ ! -h "$at" ]; do at=${at%/*}; [ -n "$at" ] || at=/; done
echo "nearest $at"
[ ! -w "$at" ] || echo "writable yes"
# Only mode and owner are read of it.
# shellcheck disable=SC2012
ls -ldLn "$at" | { read -r mode _ owner _; echo "mode $mode"; echo "owner $owner"; }
df -Pk "$at" 2>/dev/null | { read -r _; read -r _ _ _ free _; echo "freeKb $free"; }
if [ -d /run/systemd/system ] && command -v systemctl >/dev/null 2>&1; then echo "systemd yes"; fi
[ ! -f "$unit" ] || echo "unit yes"
if [ "$(id -u)" != 0 ] && command -v sudo >/dev/null 2>&1 && sudo -n true >/dev/null 2>&1; then echo "sudo yes"; fi
[ -d "$root" ] || exit 0
[ ! -d "$stage" ] || echo "cutOff yes"
for part in "$root"/bin "$root"/releases "$root"/lib "$root"/runtime "$root"/erts-*; do
  [ ! -e "$part" ] || echo "has ${part##*/}"
done
for box in "$releases"/*/"$name.tar.gz"; do
  [ ! -f "$box" ] || { version=${box%/*}; echo "box ${version##*/} $(wc -c <"$box" | tr -d ' ')"; }
done
document() { echo "@$1"; shift; "$@" 2>/dev/null; code=$?; echo; echo "@end $code"; }
[ ! -f "$lock" ] || document lock cat "$lock"
[ ! -f "$upgrades" ] || document lastUpgrade tail -n 1 "$upgrades"
[ ! -f "$deploys" ] || document lastDeploy tail -n 1 "$deploys"
if [ -f "$busy" ] && pid=$(cat "$busy") && kill -0 "$pid" 2>/dev/null; then
  # After a reboot the number may be somebody else's; the path is among its own arguments.
  if [ ! -d /proc/self ] || grep -qF "$busy" "/proc/$pid/cmdline" 2>/dev/null; then echo "busy yes"; fi
fi
document boot cat "$@"
[ -x "$bin" ] || exit 0
echo "installed yes"
document inventory "$bin" inventory --json
document status "$bin" status --json
