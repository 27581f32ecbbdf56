# shellcheck shell=sh
# Says what it did: "none", or "removed" and whose it was.
set -eu
lock=$1
if [ ! -e "$lock" ] && [ ! -h "$lock" ]; then echo none; exit 0; fi
who=$(cat "$lock" 2>/dev/null || :)
rm -f "$lock"
printf 'removed\n%s\n' "$who"
