#!/bin/sh
# Stands for bin/<app> of a host: answers as a real one does (documents.ts), after as long as that host takes.
root=${0%/bin/*}
. "$root/../profile"
read -r version _ <"$root/releases/permanent"
says() { cat "$SAYS/$1"; }
runs() { cp "$SAYS/permanent.$1" "$root/releases/permanent"; }
case $1 in
inventory | status) says "$1.$version" ;;
unpack)
  [ "$2 $3" != "--delta -" ] || cat >/dev/null
  sleep "$UNPACK"
  echo '{}'
  ;;
check)
  sleep "$CHECK"
  echo '{}'
  ;;
upgrade)
  echo "$2" >>"$root/tried"
  sleep "$UPGRADE"
  case " $ILL " in *" $2 "*) says "handed-back.$2"; exit 5 ;; esac
  echo "$version" >"$root/before"
  runs "$2"
  says "committed.$2"
  ;;
rollback)
  sleep "$UPGRADE"
  read -r before <"$root/before"
  runs "$before"
  echo "back to $before" >>"$root/tried"
  says "committed.$before"
  ;;
*) exit 2 ;;
esac
