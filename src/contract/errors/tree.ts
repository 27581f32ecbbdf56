import { define } from "./define.ts";

/** What a host says of its tree, its settings and its releases. */
export const TREE_ERRORS = define({
  TSUGI_RELEASE_NOT_FOUND: {
    exitCode: 4,
    message: "Release {version} is not here: {looked}.",
    hint: "Put its tarball at {dropBox}, or name it: {bin} upgrade <file>",
  },
  TSUGI_UNPACK_REFUSED: {
    exitCode: 4,
    message: "{source} was not unpacked: {problem}.",
    hint: "Nothing was changed on this host. Build the release again (tsugi release), or copy it again.",
  },
  TSUGI_DELTA_STALE: {
    exitCode: 4,
    message:
      "The delta for {version} was made for another host, or for this one as it was: {problem}.",
    hint: "Nothing was changed. Make it anew from {bin} inventory --json, or bring the whole tarball.",
  },
  TSUGI_RELEASE_CONFLICT: {
    exitCode: 4,
    message:
      "Release {version} is on this host already with other bytes: found {found}, offered {offered}.",
    hint: "Give the new build a new version. If {version} is merely unpacked: {bin} unpack --force {version}",
  },
  TSUGI_FOLDER_CONFLICT: {
    exitCode: 4,
    message: "{folder} is on this host already with other bytes ({file}).",
    hint: "It was changed after it was unpacked, or two builds share a version. Give the build a new version; nothing was changed.",
  },
  TSUGI_DISK_FULL: {
    exitCode: 4,
    message: "Not enough space at {root}: {neededMb} MB needed, {freeMb} MB free.",
    hint: "Make room: {room}",
  },
  TSUGI_SIGNATURE_REFUSED: {
    exitCode: 4,
    message: "{version} is not signed by a key that is trusted: {problem}.",
    hint: "Sign it with a key of {keys} (tsugi release --sign <key>), or add its public key there: tsugi keys show <key>",
  },
  TSUGI_TRUSTED_KEYS_INVALID: {
    exitCode: 4,
    message: "{file}{line} is no list of trusted keys: {problem}.",
    hint: "Until it is corrected no release is taken. One line a key: tsugi keys show <key> prints it · chmod 644 {file}",
  },
  TSUGI_RELEASE_DAMAGED: {
    exitCode: 1,
    message: "Release {version} on this host is not what its manifest says: {problem}.",
    hint: "Extract its tarball again, or start another one: {bin} releases",
  },
  TSUGI_STATUS_REFUSED: {
    exitCode: 4,
    message: "Release {version} is {status}: it can't be {wanted}.",
    hint: "See what is here: {bin} releases",
  },
  TSUGI_NOTHING_TO_ROLL_BACK_TO: {
    exitCode: 4,
    message:
      "There is nothing to roll back to from {version}: no other release was permanent here, or it was rolled back from.",
    hint: "See what is here: {bin} releases · go to one by its name: {bin} downgrade <version>",
  },
  TSUGI_BUSY: {
    exitCode: 1,
    message: "Another process (pid {pid}) is writing to {root}.",
    hint: "Wait for it, then try again: {bin} releases",
  },
  TSUGI_START_FAILED: {
    exitCode: 1,
    message: "{name} {version} did not start: {problem}",
    hint: "Look at the log: {bin} logs",
  },
  TSUGI_NO_PERMANENT: {
    exitCode: 1,
    message: "{root} has no release that a start could boot: {problem}.",
    hint: "Extract a release there: tar xzf {name}.tar.gz -C {root}",
  },
  TSUGI_NEVER_INSTALLED: {
    exitCode: 4,
    message: "{version} was never permanent on this host: that would be no downgrade.",
    hint: "Upgrade to it: {bin} upgrade {version}",
  },
  TSUGI_ROOT_IS_EPHEMERAL: {
    exitCode: 4,
    message:
      "{root} lies in a container's own file system and not on a volume: the new version would be gone with the container.",
    hint: "Deploy a new image, or mount a volume at {root}. To try it all the same: --ephemeral",
  },
  TSUGI_FILE_REFUSED: {
    exitCode: 1,
    message: "The file system refused: {problem}",
    hint: "Look at the space, the owner and the mode of {path}; the root has to belong to who runs it.",
  },
  TSUGI_RPC_THREW: {
    exitCode: 1,
    message: "The expression threw: {problem}",
    hint: "Its value has to be an expression of the running application: {bin} help rpc",
  },
  TSUGI_NO_LOG: {
    exitCode: 1,
    message: "There is no log at {path}.",
    hint: "It appears with the first start; under `foreground` the log goes to stdout only.",
  },
  TSUGI_SETTINGS_INVALID: {
    exitCode: 1,
    message: "{file}{line} is not valid: {problem}.",
    hint: "Correct the file and try again.",
  },
  TSUGI_ENV_EXPOSED: {
    exitCode: 1,
    message: "{file} can be read by others (mode {mode}, expected 600): it may hold secrets.",
    hint: "chmod 600 {file}",
  },
  TSUGI_ENVIRONMENT_TOO_LARGE: {
    exitCode: 4,
    message:
      "The environment is more than the system gives a process: {bytes} bytes, the longest {longest}.",
    hint: "Without --keep-env the shell's variables are left out; what is long in etc/env belongs into a file, and its path there.",
  },
  TSUGI_ROOT_EXPOSED: {
    exitCode: 4,
    message: "Others may change {path}: what they put there would run with your rights.",
    hint: "{fix}",
  },
  TSUGI_HOST_UNWELL: {
    exitCode: 4,
    message: "Found at {root}: {count} to be put right.",
    hint: "Do what stands below each, then look again: {bin} doctor",
  },
  TSUGI_ROOT_OF_ANOTHER: {
    exitCode: 4,
    message: "{root} belongs to user {owner}, and root can't act for them here.",
    hint: "sudo -u '#{owner}' {bin} …",
  },
  TSUGI_NOT_IN_STORE: {
    exitCode: 4,
    message: "{store} has no {name} {version}.",
    hint: "See what it has: tsugi list --store {store} · put it there: tsugi push",
  },
  TSUGI_OCI_REFERENCE: {
    exitCode: 2,
    message: "{text} names no release in a registry.",
    hint: "Expected oci://<registry>/<repository>, in lower case; where a release is meant, with :<version> or @sha256:<digest>",
  },
  TSUGI_REGISTRY_DENIED: {
    exitCode: 1,
    message: "{store}: the registry does not let us ({status}).",
    hint: "Log in: docker login {host}, or podman login {host} · else: may this account do that there?",
  },
  TSUGI_STORE_FAILED: {
    exitCode: 1,
    message: "The store {store} can't be used: {problem}.",
    hint: "Look whether it is there, who may write to it, and whether its disk is full",
  },
  TSUGI_FOLLOW_UNREADABLE: {
    exitCode: 1,
    message: "What {file} says can't be followed: {problem}.",
    hint: "Expected a version, the path of a tarball, or oci://<registry>/<repository>:<tag> in its first line",
  },
  TSUGI_STORE_DAMAGED: {
    exitCode: 1,
    message: "{file} is damaged: {problem}.",
    hint: "Remove that file; if it is the store's own, push a release that has it once more: tsugi push <tarball>",
  },
});
