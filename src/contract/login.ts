/**
 * What stands between `://` and `@` of an address: a password, or a token in the place of a user. Not the
 * user of `ssh://`, which is no secret, nor a port in front of a digest (`oci://host:5000/wall@sha256:…`).
 */
const LOGIN =
  /(?<=:\/\/)(?:[^\s/@:[]*:(?!\d{1,5}\b(?![^\s/]*@))(?:[^\s/]*|\S*)@|(?<!ssh:\/\/)[^\s/@]+@)/gi;

/** `instead`: what stands there then. */
export const withoutLogin = (text: string, instead = ""): string => text.replace(LOGIN, instead);
