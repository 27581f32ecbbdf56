# shellcheck shell=sh
# What lies in the root, and what its bin/<app> says: asked as the owner, whose files all that is.
root=$1 name=$2 bin=$3 stage=$4 releases=$5 lock=$6 upgrades=$7 deploys=$8 busy=$9
shift 9
[ ! -d "$stage" ] || echo "cutOff yes"
for part in "$root"/bin "$root"/releases "$root"/lib "$root"/runtime "$root"/erts-*; do
  [ ! -e "$part" ] || echo "has ${part##*/}"
done
for box in "$releases"/*/"$name.tar.gz"; do
  [ ! -f "$box" ] || { version=${box%/*}; echo "box ${version##*/} $(wc -c <"$box" | tr -d ' ')"; }
done
document() { echo "@$1"; shift; "$@" 2>/dev/null; code=$?; echo; echo "@end $code"; }
[ ! -f "$lock" ] || document lock cat "$lock"
[ ! -f "$upgrades" ] || document upgrades tail -n 5 "$upgrades"
[ ! -f "$deploys" ] || document deploys tail -n 20 "$deploys"
if [ -f "$busy" ] && pid=$(cat "$busy") && kill -0 "$pid" 2>/dev/null; then
  # After a reboot the number may be somebody else's; the path is among its own arguments.
  if [ ! -d /proc/self ] || grep -qF "$busy" "/proc/$pid/cmdline" 2>/dev/null; then echo "busy yes"; fi
fi
document boot cat "$@"
# Where it runs another one than a boot would take, its manifest is asked for by itself.
if { read -r version _ <"$1"; } 2>/dev/null && [ -f "$releases/$version/release.json" ]; then
  echo "manifestOf $version"
  document manifest cat "$releases/$version/release.json"
fi
[ -x "$bin" ] || exit 0
echo "installed yes"
# At once: each is a start of Node.
document status "$bin" status --json | { document inventory "$bin" inventory --json </dev/null; cat; }
