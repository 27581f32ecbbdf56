#!/bin/sh
# epmd.sh <root>: epmd does not outlive the last node that needs it. Ends the epmd that this very root
# has brought and that runs as the same user, by a binary of the root; epmd itself refuses while a
# node is registered. What /proc says of other processes is compared, and never run.
#
# One `ls` for all processes: a program for each of them takes longer than all the rest of a stop.
root=$1
me=$(id -u)
LC_ALL=C ls -ln /proc/[0-9]*/exe 2>/dev/null | while read -r _ _ user _ _ _ _ _ _ _ exe; do
  [ "$user" = "$me" ] || continue
  below=${exe#"$root"/erts-}
  case $below in
    "$exe" | */*/*/*) continue ;;
    */bin/epmd | */bin/epmd' (deleted)') ;;
    *) continue ;;
  esac
  for epmd in "$root"/erts-*/bin/epmd; do
    "$epmd" -kill >/dev/null 2>&1 && break
  done
  break
done
exit 0
