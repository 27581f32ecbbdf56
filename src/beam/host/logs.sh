#!/bin/sh
# The last lines of the log; -f goes on with it.
log=$TSUGI_ROOT/log/$TSUGI_NAME.log
if [ ! -f "$log" ]; then
  echo "no log yet: $log" >&2
  exit 1
fi
case ${1:-} in
  -f | --follow) exec tail -n 100 -F "$log" ;;
  '') exec tail -n 100 "$log" ;;
  -n) exec tail -n "${2:-100}" "$log" ;;
  *) echo "usage: $TSUGI_NAME logs [-f] [-n <lines>]" >&2; exit 2 ;;
esac
