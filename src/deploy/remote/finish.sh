# shellcheck shell=sh
# The account of a deploy, from stdin; what was kept in case of a rollback is not needed any more.
set -eu
log=$1 next=$2 before=$3
rm -f "$next" "$before"
mkdir -p "${log%/*}"
# After a line that was cut off it begins a new one: otherwise both were lost.
if [ -s "$log" ] && [ "$(tail -c 1 "$log" | wc -l)" -eq 0 ]; then echo >>"$log"; fi
cat >>"$log"
