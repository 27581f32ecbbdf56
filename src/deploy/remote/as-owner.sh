# shellcheck shell=sh
# HOME and the names are the owner's too: a service that is started here inherits them.
root=$1 script=$2
shift 2
refuse() { echo "$1" >&2; exit 1; }
# Only owner and group are read of it.
# shellcheck disable=SC2012
owner_of() { ls -ldn"$1" "$2" | { read -r _ _ user group _; echo "$user $group"; }; }
[ "$(id -u)" = 0 ] || exec sh -c "$script" tsugi "$@"
parent=${root%/*}
case $(ls -ldL "${parent:-/}" 2>/dev/null) in
????????w[xt-]*) case $(ls -ldL "$parent") in
  ?????????[tT]*) ;;
  *) refuse "every user may replace $root: others may write $parent (chmod o-w $parent)" ;;
  esac ;;
esac
[ -d "$root" ] || exec sh -c "$script" tsugi "$@"
owner=$(owner_of L "$root")
user=${owner% *} group=${owner#* }
if [ -h "$root" ]; then
  link=$(owner_of '' "$root")
  case ${link% *} in 0|"$user") ;; *) refuse "$root is a link of user ${link% *}, who is not its owner" ;; esac
fi
[ "$user" != 0 ] || exec sh -c "$script" tsugi "$@"
unset HOME
name=$(id -un "$user" 2>/dev/null) || name=
if [ -n "$name" ]; then
  home=$(getent passwd "$user" 2>/dev/null | cut -d: -f6)
  [ -z "$home" ] || { HOME=$home; export HOME; }
  USER=$name LOGNAME=$name groups=--init-groups
  export USER LOGNAME
else
  groups=--clear-groups
fi
if setpriv --reuid "$user" --regid "$group" $groups true 2>/dev/null; then
  exec setpriv --reuid "$user" --regid "$group" $groups sh -c "$script" tsugi "$@"
fi
[ -n "$name" ] || refuse "$root belongs to user $user: root needs setpriv to act for them"
exec su -s /bin/sh -c "$script" -- "$name" tsugi "$@"
