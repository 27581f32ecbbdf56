/**
 * What runs on a host before there is a `bin/<app>`, or beside it: short programs for its sh, which
 * need nothing but POSIX tools, tar and gzip. They come as one argument, their parameters as further
 * ones, data over stdin.
 *
 * They hold against a connection that goes away half-way: what is not whole is not in place, and what
 * has to be put back is put back by the host itself.
 */
import type { Layout } from "../../release/layout.ts";
import { asOwner } from "./asOwner.ts";
import { program } from "./program.ts";

const SEND = program("send.sh");
const INSTALL = program("install.sh");
const STAGE_ENV = program("stage-env.sh");
const WITH_ENV = program("with-env.sh");
const RESTORE_ENV = program("restore-env.sh");
const FINISH = program("finish.sh");

export const send = ({ root, release }: Layout, version: string, bytes: number): string[] =>
  asOwner(root, SEND, release(version).tarball, String(bytes));

export const install = (
  { root, firstInstall, bin }: Layout,
  bytes: number,
  sha256: string,
): string[] => asOwner(root, INSTALL, root, firstInstall, bin, String(bytes), sha256);

export const stageEnv = (layout: Layout, bytes: number): string[] => {
  const { root, etcEnv, etcEnvNext, etcEnvBefore } = layout;
  return asOwner(root, STAGE_ENV, etcEnv, etcEnvNext, etcEnvBefore, String(bytes));
};

/** `trial`: the old environment comes back whatever happens. */
export function withEnv(layout: Layout, mode: "trial" | "keep", argv: string[]): string[] {
  const { root, permanent, startErlData, etcEnv, etcEnvNext, etcEnvBefore, deployBusy } = layout;
  const paths = [permanent, startErlData, etcEnv, etcEnvNext, etcEnvBefore, deployBusy];
  return asOwner(root, WITH_ENV, mode, ...paths, ...argv);
}

export const restoreEnv = ({ root, etcEnv, etcEnvBefore }: Layout, argv: string[]): string[] =>
  asOwner(root, RESTORE_ENV, etcEnv, etcEnvBefore, ...argv);

export const finish = ({ root, deploysLog, etcEnvNext, etcEnvBefore }: Layout): string[] =>
  asOwner(root, FINISH, deploysLog, etcEnvNext, etcEnvBefore);
