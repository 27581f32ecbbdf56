# Root runs nothing here that somebody else may write: before anything below the root is read, it
# becomes the owner of the root; and what is run then may be changed by nobody but that owner and
# root. Put into both bin/<app> (Node, BEAM) by the build, because a file of its own would be read as
# root. Needs $self, TSUGI_ROOT, TSUGI_NAME, and the arguments.
exits=4
refuse() { # code, message, hint
  case " $* " in *' --json '*) as_json=1 ;; *) as_json='' ;; esac
  code=$1 message=$2 hint=$3
  [ -z "$as_json" ] || printf '{"error":{"code":"%s","message":"%s","hint":"%s","exitCode":%s}}\n' \
    "$code" "$(printf %s "$message" | sed 's/[\\"]/\\&/g')" "$(printf %s "$hint" | sed 's/[\\"]/\\&/g')" "$exits"
  printf 'error %s\n  %s\n  → %s\n' "$code" "$message" "$hint" >&2
  exit "$exits"
}

no_release() { # problem, hint, arguments
  exits=1 problem=$1 todo=$2
  shift 2
  refuse TSUGI_NO_PERMANENT "$TSUGI_ROOT has no release that a start could boot: $problem." "$todo" "$@"
}

user_of() { LC_ALL=C ls -ldn "$1" | { read -r _ _ user group _ && echo "$user $group"; }; }

owner=$(user_of "$TSUGI_ROOT/.")
group=${owner#* } owner=${owner%% *}
if [ "$(id -u)" = 0 ] && [ "$owner" != 0 ]; then
  name=$(id -un "$owner" 2>/dev/null) || name=''
  # Those of root would be no use to them: Node and Erlang look into HOME.
  unset HOME USER LOGNAME
  if [ -n "$name" ]; then
    HOME=$(getent passwd "$owner" 2>/dev/null | cut -d: -f6) || HOME=''
    USER=$name LOGNAME=$name groups=--init-groups
    export HOME USER LOGNAME
  else
    groups=--clear-groups
  fi
  if setpriv --reuid "$owner" --regid "$group" "$groups" true 2>/dev/null; then
    exec setpriv --reuid "$owner" --regid "$group" "$groups" /bin/sh "$self" "$@"
  fi
  if [ -n "$name" ] && su -s /bin/sh "$name" -c true 2>/dev/null; then
    exec su -s /bin/sh -c 'exec /bin/sh "$0" "$@"' -- "$name" "$self" "$@"
  fi
  refuse TSUGI_ROOT_OF_ANOTHER "$TSUGI_ROOT belongs to user $owner, and root can't act for them without setpriv or su." \
    "sudo -u ${name:-"'#$owner'"} $self $*" "$@"
fi

# A group in which nobody is but that user and ourselves; root's own, too.
is_private() { # group, user
  [ "$1" != 0 ] || return 0
  awk -F: -v group="$1" -v user="$2" -v me="$me" '
    FILENAME ~ /passwd$/ { if ($3 == user || $3 == me) ours[$1] = 1; else if ($4 == group && $3 != 0) shared = 1; next }
    $3 == group { known = 1; count = split($4, members, ","); for (n = 1; n <= count; n++) if (!(members[n] in ours)) shared = 1 }
    END { exit shared || (!known && group != user && group != me) }' /etc/passwd /etc/group 2>/dev/null
}

# @returns the first of these that somebody else may change. What one has written oneself gives nobody more
# rights: in a container the application's folders are its user's, in a root that is not.
open_to_others() {
  me=$(id -u)
  LC_ALL=C ls -ldnL "$@" 2>/dev/null | while read -r mode _ of_user of_group _ _ _ _ path; do
    case $of_user in 0 | "$owner" | "$me")
      case $mode in
      ????????w*) ;;
      ?????w*) ! is_private "$of_group" "$of_user" || continue ;;
      *) continue ;;
      esac ;;
    esac
    echo "$path"
    break
  done
}

refuse_open() { # path, arguments
  opened=$1
  shift
  [ -z "$opened" ] || refuse TSUGI_ROOT_EXPOSED "Others may change $opened: what they put there would run with your rights." \
    "chown -R ${owner}:${group} $TSUGI_ROOT && chmod -R go-w $TSUGI_ROOT" "$@"
}
