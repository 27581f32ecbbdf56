# shellcheck shell=sh
# The systemd unit of a host, from stdin; as root, or through sudo where it asks for no password.
set -eu
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi; }
path=$1
new=$(cat)
[ "$(cat "$path" 2>/dev/null || :)" != "$new" ] || exit 0
printf '%s\n' "$new" | as_root tee "$path.new" >/dev/null
as_root mv "$path.new" "$path"
as_root systemctl daemon-reload
