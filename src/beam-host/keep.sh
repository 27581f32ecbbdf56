#!/bin/sh
# The keeper: starts the VM, starts it again when it dies, gives up when that happens too often
# (OTP's intensity and period), and stays out of the way otherwise. `foreground` and `daemon`.
#
#   run/boot      which version to boot: what the control program or a restart asks for, and what is
#                 permanent when the VM has died
#   run/keeper    pid of this process       run/pid   pid of the VM, or of one that has died
#   run/stopping  a stop is asked for: do not start again
#   run/standby   which version to boot beside the one that runs, up to where it would take a port (on USR1);
#                 it goes on (run/standby.go) when that one has ended and run/again says that this was meant
set -u
mode=$1
cd "$TSUGI_ROOT/var" || exit 1
run=$TSUGI_ROOT/run
log=$TSUGI_ROOT/log/$TSUGI_NAME.log
# Whom nobody finds, nobody can stop: where the disk has no room for that, nothing is started.
echo $$ > "$run/keeper" || { : > "$run/gave-up"; exit 1; }
max=5 within=60 max_bytes=10485760 keep_logs=5 stop_seconds=30
[ ! -f "$run/keeper.settings" ] || . "$run/keeper.settings"

# In place of what stands there, which is in a file of ours and never longer. Where the disk is full, a
# new file, or one that was truncated, would stay empty: nobody would find the VM, or know what to boot.
overwrite() { printf '%-64s\n' "$2" 1<> "$1"; }

rotate() {
  number=$keep_logs
  while [ "$number" -gt 1 ]; do
    before=$((number - 1))
    [ ! -f "$log.$before" ] || mv -f "$log.$before" "$log.$number"
    number=$before
  done
  [ ! -f "$log" ] || mv -f "$log" "$log.1"
}

# Reads the VM's output to its end, and writes it as it comes (dd does not wait for a full block). A
# full disk costs lines, never the application: the reader goes on reading whatever becomes of them.
pump() {
  trap '' INT TERM HUP
  while :; do
    before=$(wc -c < "$log" 2>/dev/null || echo 0)
    [ "$before" -lt "$max_bytes" ] || { rotate; before=0; }
    if dd bs=8k count=128 >> "$log" 2>/dev/null; then
      after=$(wc -c < "$log" 2>/dev/null || echo 0)
      [ "$after" -ne "$before" ] || break
    else
      echo x >> "$run/log.dropped" 2>/dev/null
      dd bs=64k count=8 > /dev/null 2>&1
    fi
  done
}

# Each release brings its own tsugi, and the one that this process was started by may be gone by now.
use_tsugi() {
  tsugi=
  read -r tsugi _rest < "$TSUGI_ROOT/releases/$vsn/tsugi"
  [ -z "$tsugi" ] || TSUGI_LIB=$TSUGI_ROOT/lib/$tsugi
}

# What is permanent by now: an upgrade may have gone by since the start, or a trial boot have failed.
permanent() {
  vsn= # OTP ends that file without a line break: `read` says false and has read it all the same
  read -r _erts vsn < "$TSUGI_ROOT/releases/start_erl.data" || :
}

vm() {
  read -r vsn < "$1"
  use_tsugi
  . "$TSUGI_LIB/priv/environment.sh"
  tsugi_environment
  exec 0</dev/null
  trap - INT TERM HUP USR1
  TSUGI_KEEPER=$keeper
  TSUGI_KEEPER_TAKES=standby
  TSUGI_MODE=$mode
  export TSUGI_KEEPER TSUGI_KEEPER_TAKES TSUGI_MODE
  if [ "$1" = "$run/standby" ]; then TSUGI_STANDBY=$1; export TSUGI_STANDBY; else unset TSUGI_STANDBY; fi
  if [ -f "$TSUGI_ROOT/releases/$vsn/elixir" ]; then
    exec /bin/sh "$TSUGI_ROOT/releases/$vsn/elixir" --no-halt --erl "-mode $RELEASE_MODE +fnu" \
      --erl-config "$RELEASE_SYS_CONFIG" --boot "$TSUGI_ROOT/releases/$vsn/$RELEASE_BOOT_SCRIPT" \
      --boot-var RELEASE_LIB "$TSUGI_ROOT/lib" --vm-args "$run/node.args" \
      --vm-args "$RELEASE_VM_ARGS"
  fi
  ROOTDIR=$TSUGI_ROOT BINDIR=$TSUGI_ERTS/bin EMU=beam PROGNAME=erl
  export ROOTDIR BINDIR EMU PROGNAME
  # OTP takes the first of two node names.
  set -- -args_file "$run/node.args"
  [ ! -f "$RELEASE_VM_ARGS" ] || set -- "$@" -args_file "$RELEASE_VM_ARGS"
  exec "$BINDIR/erlexec" -noshell -noinput +fnu -mode "$RELEASE_MODE" -config "$RELEASE_SYS_CONFIG" \
    -boot "$TSUGI_ROOT/releases/$vsn/$RELEASE_BOOT_SCRIPT" -boot_var RELEASE_LIB "$TSUGI_ROOT/lib" \
    "$@"
}

# The VM of the version that this file names; $started is its pid. In vm() the pipe is open at both ends.
launches=0
launch() {
  started=
  if [ "$mode" = foreground ]; then
    vm "$1" &
  else
    launches=$((launches + 1))
    fifo=$run/output.$$.$launches
    rm -f "$fifo"
    mkfifo -m 600 "$fifo" || return 1
    pump < "$fifo" &
    { rm -f "$fifo"; vm "$1"; } > "$fifo" 2>&1 &
  fi
  started=$!
}

child=
standby=
on_standby() {
  forget_standby "$run/standby.ready" "$run/standby.go"
  [ -n "$child" ] && launch "$run/standby" || return 0
  standby=$started
  echo "$standby" > "$run/standby.pid"
}

# One that finds neither file any more ends by itself.
forget_standby() {
  standby=
  rm -f "$run/standby.pid" "$@"
}

on_term() {
  : > "$run/stopping"
  [ -z "${NOTIFY_SOCKET:-}" ] || systemd-notify STOPPING=1 2>/dev/null
  [ -z "$child" ] || kill -TERM "$child" 2>/dev/null
}
trap on_term TERM INT
trap on_standby USR1
trap '' HUP

finish() {
  permanent
  use_tsugi
  forget_standby "$run/standby" "$run/standby.ready" "$run/standby.go"
  rm -f "$run/keeper" "$run/pid" "$run/stopping" "$run/node"
  /bin/sh "$TSUGI_LIB/priv/epmd.sh" "$TSUGI_ROOT"
  exit "$1"
}

keeper=$$
failures=
while :; do
  if [ -n "$standby" ] && mv "$run/standby" "$run/standby.go" 2>/dev/null; then
    child=$standby
    standby=
  else
    launch "$run/boot" || exit 1
    child=$started
  fi
  overwrite "$run/pid" "$child"
  while :; do
    wait "$child"
    code=$?
    kill -0 "$child" 2>/dev/null || break # a trap ends `wait` too
  done
  child=
  if [ -f "$run/stopping" ]; then finish 0; fi
  if [ -f "$run/again" ]; then rm -f "$run/again"; continue; fi
  forget_standby "$run/standby"
  if [ "$code" = 0 ]; then finish 0; fi
  now=$(date +%s)
  recent=
  count=0
  for at in $failures $now; do
    [ $((now - at)) -ge "$within" ] || { recent="$recent $at"; count=$((count + 1)); }
  done
  failures=$recent
  echo "$code" >> "$run/restarts"
  if [ -f "$run/first" ] || [ "$count" -gt "$max" ]; then
    echo "tsugi: $TSUGI_NAME ended with $code ($count times within $within s); gave up" >> "$log"
    echo "$code" > "$run/gave-up"
    finish 1
  fi
  echo "tsugi: $TSUGI_NAME ended with $code; starting it again" >> "$log"
  permanent
  [ -z "$vsn" ] || overwrite "$run/boot" "$vsn"
  [ "$count" -le 1 ] || sleep "$((count - 1))"
  [ ! -f "$run/stopping" ] || finish 0
done
