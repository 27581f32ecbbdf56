/**
 * How a release in a registry is named:
 *
 *   oci://registry.example/team/wall              the repository of one application
 *   oci://registry.example/team/wall:1.4.0        a version, or any tag; without one: latest
 *   oci://registry.example/team/wall@sha256:…     that very manifest
 */

import { defined } from "../contract/checks.ts";
import { TsugiError } from "../contract/errors.ts";

export interface OciReference {
  /** `registry.example`, `localhost:5000`. */
  host: string;
  /** `team/wall` */
  repository: string;
  /** A tag or a digest; undefined: none was named. */
  reference?: string;
}

export const SCHEME = "oci://";
/** The tag of what was pushed last. */
export const LATEST = "latest";

/** As the specification of registries has it. */
export const REPOSITORY = "[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*";
const REFERENCE = new RegExp(
  `^oci://([A-Za-z0-9.-]+(?::\\d{1,5})?|\\[[0-9a-f:]+\\](?::\\d{1,5})?)/(${REPOSITORY})(?::(\\w[\\w.-]{0,127})|@(sha256:[0-9a-f]{64}))?$`,
);

/** @throws TSUGI_OCI_REFERENCE */
export function parseOciReference(text: string): OciReference {
  const [, host, repository, tag, digest] = REFERENCE.exec(text) ?? [];
  if (host === undefined || repository === undefined) {
    throw new TsugiError("TSUGI_OCI_REFERENCE", { text });
  }
  const reference = digest ?? tag;
  return { host, repository, ...defined({ reference }) };
}

/** A tag has no `+`: what Helm writes for it is written here. */
export const tagOf = (version: string): string => version.replaceAll("+", "_");

/**
 * A tag that is a whole version names that one and no other, whoever has moved it; `latest`, `prod`, also `1.2`,
 * are names that go from one to the next; and so is a word behind the version itself, `1.2.0-prod`, that is not
 * one for what comes before it.
 */
export const isOfAnother = (tag: string, version: string): boolean =>
  /^v?\d+(\.\d+){2,}([+_-].*)?$/.test(tag) &&
  ![bare(tag), bare(tag).replace(OWN_WORD, "")].includes(bare(version));

const OWN_WORD = /-(?!alpha|beta|rc|pre|dev|next|canary|nightly|snapshot)[a-z]+$/i;

const bare = (version: string) => tagOf(version).replace(/^v/, "");

export const formatRepository = ({ host, repository }: OciReference): string =>
  `${SCHEME}${host}/${repository}`;

/** As docker and podman have it: what never leaves this machine needs no certificate. */
export const isLoopback = (host: string): boolean =>
  /^(localhost|127(\.\d+){3}|\[::1\])(:\d+)?$/.test(host);
