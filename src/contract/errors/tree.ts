import { define, failed, refused, wrongUsage } from "./define.ts";

/** What a host says of its tree, its settings and its releases. */
export const TREE_ERRORS = define({
  TSUGI_RELEASE_NOT_FOUND: refused(
    "Release {version} is not here: {looked}.",
    "Put its tarball at {dropBox}, or name it: {bin} upgrade <file>",
  ),
  TSUGI_UNPACK_REFUSED: refused(
    "{source} was not unpacked: {problem}.",
    "Nothing was changed on this host. Build the release again (tsugi release), or copy it again.",
  ),
  TSUGI_UNPACK_FAILED: refused(
    "{source} was not unpacked: {problem}.",
    "Nothing was changed on this host. {remedy}",
  ),
  TSUGI_DELTA_STALE: refused(
    "The delta for {version} was made for another host, or for this one as it was: {problem}.",
    "Nothing was changed. Make it anew from {bin} inventory --json, or bring the whole tarball.",
  ),
  TSUGI_RELEASE_CONFLICT: refused(
    "Release {version} is on this host already with other bytes: found {found}, offered {offered}.",
    "Give the new build a new version. If {version} is merely unpacked: {bin} unpack --force {version}",
  ),
  TSUGI_FOLDER_CONFLICT: refused(
    "{folder} is on this host already with other bytes ({file}).",
    "It was changed after it was unpacked, or two builds share a version. Give the build a new version; nothing was changed.",
  ),
  TSUGI_DISK_FULL: refused(
    "Not enough space at {root}: {neededMb} MB needed, {freeMb} MB free.",
    "Make room: {room}",
  ),
  TSUGI_SIGNATURE_REFUSED: refused(
    "{version} is not signed by a key that is trusted: {problem}.",
    "Sign it with a key of {keys} (tsugi release --sign <key>), or add its public key there: tsugi keys show <key>",
  ),
  TSUGI_TRUSTED_KEYS_INVALID: refused(
    "{file}{line} is no list of trusted keys: {problem}.",
    "Until it is corrected no release is taken. One line a key: tsugi keys show <key> prints it · chmod 644 {file}",
  ),
  TSUGI_RELEASE_DAMAGED: failed(
    "Release {version} on this host is not what its manifest says: {problem}.",
    "Extract its tarball again, or start another one: {bin} releases",
  ),
  TSUGI_STATUS_REFUSED: refused(
    "Release {version} is {status}: it can't be {wanted}.",
    "See what is here: {bin} releases",
  ),
  TSUGI_NOTHING_TO_ROLL_BACK_TO: refused(
    "There is nothing to roll back to from {version}: no other release was permanent here, or it was rolled back from.",
    "See what is here: {bin} releases · go to one by its name: {bin} downgrade <version>",
  ),
  TSUGI_BUSY: failed(
    "Another process (pid {pid}) is writing to {root}.",
    "Wait for it, then try again: {bin} releases",
  ),
  TSUGI_START_FAILED: failed(
    "{name} {version} did not start: {problem}",
    "Look at the log: {bin} logs",
  ),
  TSUGI_NO_PERMANENT: failed(
    "{root} has no release that a start could boot: {problem}.",
    "Extract a release there: tar xzf {name}.tar.gz -C {root}",
  ),
  TSUGI_NEVER_INSTALLED: refused(
    "{version} was never permanent on this host: that would be no downgrade.",
    "Upgrade to it: {bin} upgrade {version}",
  ),
  TSUGI_ROOT_IS_EPHEMERAL: refused(
    "{root} lies in a container's own file system and not on a volume: the new version would be gone with the container.",
    "Deploy a new image, or mount a volume at {root}. To try it all the same: --ephemeral",
  ),
  TSUGI_UNIT_REFUSED: refused(
    "No unit of systemd can name {root}: {problem}.",
    "Nothing was written. Stop what runs there and give the folder another name, then: {bin} systemd",
  ),
  TSUGI_FILE_REFUSED: failed(
    "The file system refused: {problem}",
    "Look at the space, the owner and the mode of {path}; the root has to belong to who runs it.",
  ),
  TSUGI_RPC_THREW: failed(
    "The expression threw: {problem}",
    "Its value has to be an expression of the running application: {bin} help rpc",
  ),
  TSUGI_NO_LOG: failed(
    "There is no log at {path}.",
    "It appears with the first start; under `foreground` the log goes to stdout only.",
  ),
  TSUGI_SETTINGS_INVALID: refused(
    "{file}{line} is not valid: {problem}.",
    "Correct the file and try again.",
  ),
  TSUGI_ENV_EXPOSED: refused(
    "{file} can be read by others (mode {mode}, expected 600): it may hold secrets.",
    "chmod 600 {file}",
  ),
  TSUGI_ENVIRONMENT_TOO_LARGE: refused(
    "The environment is more than the system gives a process: {bytes} bytes, the longest {longest}.",
    "Without --keep-env the shell's variables are left out; what is long in etc/env belongs into a file, and its path there.",
  ),
  TSUGI_ROOT_EXPOSED: refused(
    "Others may change {path}: what they put there would run with your rights.",
    "{fix}",
  ),
  TSUGI_HOST_UNWELL: refused(
    "Found at {root}: {count} to be put right.",
    "Do what stands below each, then look again: {bin} doctor",
  ),
  TSUGI_ROOT_OF_ANOTHER: refused(
    "{root} belongs to user {owner}, and root can't act for them here.",
    "sudo -u '#{owner}' {bin} …",
  ),
  TSUGI_NOT_IN_STORE: refused(
    "{store} has no {name} {version}{why}.",
    "See what it has: tsugi list --store {store} · put it there: tsugi push",
  ),
  TSUGI_OCI_REFERENCE: wrongUsage(
    "{text} names no release in a registry.",
    "Expected oci://<registry>/<repository>, in lower case and without a login, which is docker login's; where a release is meant, with :<version> or @sha256:<digest>",
  ),
  TSUGI_REGISTRY_DENIED: failed(
    "{store}: the registry does not let us ({status}).",
    "Log in: docker login {host}, or podman login {host} · else: may this account do that there?",
  ),
  TSUGI_STORE_FAILED: failed(
    "The store {store} can't be used: {problem}.",
    "Look whether it is there, who may write to it, and whether its disk is full",
  ),
  TSUGI_FOLLOW_UNREADABLE: failed(
    "What {file} says can't be followed: {problem}.",
    "Expected a version, the path of a tarball, or oci://<registry>/<repository>:<tag> in its first line",
  ),
  TSUGI_STORE_DAMAGED: failed(
    "{file} is damaged: {problem}.",
    "An index.json: the next tsugi push makes it anew from what lies there, without tags of your own. Anything else: move it aside (in a registry: delete it there), then push a release that has it once more: tsugi push <tarball>",
  ),
});
