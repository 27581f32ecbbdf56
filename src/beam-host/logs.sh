#!/bin/sh
# The last lines of the log; -f goes on with it, through rotations. The call has been checked.
log=$TSUGI_ROOT/log/$TSUGI_NAME.log
lines=100
follow=
while [ $# -gt 0 ]; do
  case $1 in
    -f | --follow) follow=1 ;;
    -n | --lines) lines=$2; shift ;;
    -n=* | --lines=*) lines=${1#*=} ;;
  esac
  shift
done
[ -z "$follow" ] || exec tail -n "$lines" -F "$log" 2>/dev/null
exec tail -n "$lines" "$log"
