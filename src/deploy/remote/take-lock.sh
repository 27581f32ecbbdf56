# shellcheck shell=sh
# Takes the lock or prints whose it is (exit 4). With `hold`, keeps it until stdin ends, and says which
# release would be booted now: nobody but its holder changes that from here on.
set -u
root=$1 lock=$2 who=$3 mode=$4 permanent=$5 erlang=$6
own=$lock.$$
mkdir -p "$root" || exit 1
# What a shell says of a full disk is not always that.
refused() {
  rm -f "$own"
  df -Pk "$root" | { read -r _; read -r _ _ _ free _; echo "$free KB are free at $root"; } >&2
  exit 1
}
mkdir -p "${lock%/*}" || refused
chmod 700 "${lock%/*}"
pid=
[ "$mode" != hold ] || pid=$$
printf '%s\n%s\n' "$who" "$pid" >"$own" || refused
# After a reboot the number may be somebody else's; the path is among its own arguments.
gone() {
  [ -n "$1" ] || return 1
  if [ -d /proc/self ]; then ! grep -qF "$lock" "/proc/$1/cmdline" 2>/dev/null
  else ! kill -0 "$1" 2>/dev/null; fi
}
tries=0
until ln "$own" "$lock" 2>/dev/null; do
  # It may lead to where nobody can tell whether anything is: no lock of ours.
  if [ -h "$lock" ]; then rm -f "$own"; echo "$lock is a link" >&2; exit 1; fi
  { read -r _; read -r holder; } 2>/dev/null <"$lock" || { [ -e "$lock" ] && holder=; } || continue
  if gone "$holder"; then
    # Only one at a time looks again and removes: what is there by then may be another one's.
    if mkdir "$lock.break" 2>/dev/null; then
      if { read -r _; read -r holder; } 2>/dev/null <"$lock" && gone "$holder"; then rm -f "$lock"; fi
      rmdir "$lock.break"
    else
      tries=$((tries + 1))
      [ "$tries" -lt 5 ] || rmdir "$lock.break" 2>/dev/null
      sleep 1
    fi
    continue
  fi
  rm -f "$own"
  cat "$lock"
  exit 4
done
rm -f "$own"
[ "$mode" = hold ] || exit 0
# Taken away by hand in the meantime, it may be another one's by now.
is_ours() { { read -r _; read -r holder; } 2>/dev/null <"$lock" && [ "$holder" = $$ ]; }
trap 'if is_ours; then rm -f "$lock"; fi' EXIT
trap 'exit 0' HUP INT TERM PIPE
echo taken
cat "$permanent" "$erlang" 2>/dev/null
# OTP ends start_erl.data without a line break.
echo
echo .
cat >/dev/null
