# shellcheck shell=sh
# Runs a command with the staged etc/env in place, and puts the old one back: always after a trial,
# otherwise when the command has failed and the same release is permanent as before. It goes on when
# the connection breaks: whoever deploys next waits for it (`busy`).
set -u
mode=$1 permanent=$2 erlang=$3 env=$4 next=$5 before=$6 busy=$7
shift 7
boot() { cat "$permanent" "$erlang" 2>/dev/null || :; }
give_up() {
  rm -f "$before" "$env.new" "$busy"
  echo "nothing could be written below ${env%/*}: is there room on the disk?" >&2
  df -Pk "${env%/*}" | { read -r _; read -r _ _ _ free _; echo "$free KB are free at ${env%/*}"; } >&2
  exit 1
}
trap '' HUP PIPE
mkdir -p "${busy%/*}" || give_up
{ echo $$ >"$busy"; } 2>/dev/null || give_up
was=$(boot)
swapped=no
if [ -f "$next" ]; then
  rm -f "$before"
  [ ! -f "$env" ] || cp -p "$env" "$before" || give_up
  cp -p "$next" "$env.new" || give_up
  mv "$env.new" "$env" || give_up
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
