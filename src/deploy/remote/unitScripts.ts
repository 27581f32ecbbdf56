/** The systemd unit of a host, from stdin; as root, or through sudo where it asks for no password. */
const AS_ROOT = `
set -eu
if [ "$(id -u)" = 0 ]; then as=; else as="sudo -n"; fi
`;

const WRITE = `${AS_ROOT}
path=$1
new=$(cat)
[ "$(cat "$path" 2>/dev/null || :)" != "$new" ] || exit 0
printf '%s\\n' "$new" | $as tee "$path.new" >/dev/null
$as mv "$path.new" "$path"
$as systemctl daemon-reload
`;

const ENABLE = `${AS_ROOT}
$as systemctl enable --now "$1"
`;

export const writeUnit = (path: string) => ["sh", "-c", WRITE.trim(), "tsugi", path];
export const enableUnit = (name: string) => ["sh", "-c", ENABLE.trim(), "tsugi", `${name}.service`];
