# shellcheck shell=sh
# Prints `<fact> <value>` lines, then documents between `@<name>` and `@end <exit code>`.
# What a host can't tell is simply not printed.
# At its end it becomes what is left over of its arguments: own-facts.sh, as the owner of the root.
root=$1 unit=$2
shift 2
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
exec "$@"
