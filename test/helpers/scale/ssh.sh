#!/bin/sh
# Stands for OpenSSH's client and the host behind it: takes as long as that host's login (or another session of
# it), then runs the command here. What a command names lies in that host's folder.
takes=SESSION
while [ "$1" != -- ]; do
  case $1 in ControlMaster=yes) takes=LOGIN ;; esac
  shift
done
. "$TSUGI_SCALE_HOSTS/$2/profile" || exit 255
if [ "$takes" = LOGIN ]; then sleep "$LOGIN"; else sleep "$SESSION"; fi
[ -z "$DEAD" ] || { echo "ssh: connect to host $2 port 22: Connection timed out" >&2; exit 255; }
exec sh -c "$3"
