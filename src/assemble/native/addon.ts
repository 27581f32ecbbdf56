/**
 * What a compiled addon (`.node`) is for, read from its bytes; nothing of it is run.
 *
 *   ELF header                      → linux, and the architecture
 *   names in its string tables      → the C library; Node-API, which fits every Node, or the one ABI
 *                                     (NODE_MODULE_VERSION) of node_register_module_v<abi>
 *   the file's own name             → what prebuildify says: electron, abi115, musl …
 */
export interface AddonFacts {
  /** Undefined: of no format that is known here. */
  os: "linux" | "darwin" | "win32" | "android" | "freebsd" | "openbsd" | "netbsd" | undefined;
  arch: string | undefined;
  libc: "glibc" | "musl" | undefined;
  /** Undefined: it does not say; only loading it does. */
  abi: number | "any" | undefined;
  /** Made for something else than Node. */
  runtime?: "electron" | "node-webkit";
}

const ELF_MACHINES: Record<number, string> = {
  3: "ia32",
  21: "ppc64",
  22: "s390x",
  40: "arm",
  62: "x64",
  183: "arm64",
  243: "riscv64",
  258: "loong64",
};
const MACH_CPUS: Record<number, string> = { 16777223: "x64", 16777228: "arm64" };

export function addonFacts(path: string, bytes: Uint8Array): AddonFacts {
  const data = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const name = path.slice(path.lastIndexOf("/") + 1);
  const runtime = /(?:^|\.)(electron|node-webkit)[.-]/.exec(name)?.[1] as AddonFacts["runtime"];
  const facts = { ...platformOf(data), ...otherElf(path), abi: abiOf(name, data) };
  return runtime === undefined ? facts : { ...facts, runtime };
}

/** ELF too, and hardly told from Linux by their bytes: `prebuilds/freebsd-x64/…`, `x.android-arm64.node`. */
function otherElf(path: string): Pick<AddonFacts, "os"> | undefined {
  const os = /(?:^|[/.-])(android|freebsd|openbsd|netbsd)-/.exec(path)?.[1] as AddonFacts["os"];
  return os === undefined ? undefined : { os };
}

function platformOf(data: Buffer): Pick<AddonFacts, "os" | "arch" | "libc"> {
  if (data.length < 20) return { os: undefined, arch: undefined, libc: undefined };
  const magic = data.readUInt32BE(0);
  if (magic === 0x7f454c46) {
    const machine = data[5] === 2 ? data.readUInt16BE(18) : data.readUInt16LE(18);
    const isMusl = data.includes("libc.musl-") || data.includes("\0libc.so\0");
    const libc = isMusl ? "musl" : data.includes("\0libc.so.6\0") ? "glibc" : undefined;
    return { os: "linux", arch: ELF_MACHINES[machine] ?? `machine ${machine}`, libc };
  }
  // A universal one holds several architectures.
  if (magic === 0xcafebabe) return { os: "darwin", arch: undefined, libc: undefined };
  if (magic === 0xcffaedfe) {
    return { os: "darwin", arch: MACH_CPUS[data.readUInt32LE(4)], libc: undefined };
  }
  const isWindows = data.toString("latin1", 0, 2) === "MZ";
  return { os: isWindows ? "win32" : undefined, arch: undefined, libc: undefined };
}

function abiOf(name: string, data: Buffer): AddonFacts["abi"] {
  if (data.includes("napi_register_module_v1") || data.includes("napi_module_register"))
    return "any";
  const said = /(?:^|\.)(?:abi|node-)(\d{2,3})(?=\.)/.exec(name)?.[1];
  if (said !== undefined) return Number(said);
  const at = data.indexOf("node_register_module_v");
  const symbol = data.toString("latin1", at, at + 32);
  const version = at < 0 ? undefined : /^node_register_module_v(\d+)/.exec(symbol)?.[1];
  return version === undefined ? undefined : Number(version);
}

export interface Target {
  /** `linux-x64`, `linux-x64-musl`. */
  platform: string;
  node: string;
  /** Undefined where its Node can't be asked. */
  abi: number | undefined;
}

/** Why it does not fit; undefined where nothing speaks against it. */
export function misfit(facts: AddonFacts, { platform, node, abi }: Target): string | undefined {
  const [os, arch, musl] = platform.split("-");
  const libc = os !== "linux" ? undefined : musl === "musl" ? "musl" : "glibc";
  if (facts.runtime !== undefined) return `is for ${facts.runtime}`;
  if (facts.os === undefined) return undefined;
  const where = [facts.os, facts.arch].filter((part) => part !== undefined).join("-");
  if (facts.os !== os || (facts.arch !== undefined && facts.arch !== arch)) {
    return `is for ${where}, the release for ${platform}`;
  }
  if (facts.libc !== undefined && libc !== undefined && facts.libc !== libc) {
    return `needs ${facts.libc}, the release is for ${libc}`;
  }
  if (typeof facts.abi === "number" && abi !== undefined && facts.abi !== abi) {
    return abiMisfit(facts.abi, node, abi);
  }
  return undefined;
}

const MAJORS: Record<number, number> = { 108: 18, 115: 20, 120: 21, 127: 22, 131: 23, 137: 24 };

export const majorOf = (abi: number): number | undefined => MAJORS[abi];

export function abiMisfit(found: number, node: string, abi: number): string {
  const major = majorOf(found);
  const whose = major === undefined ? `ABI ${found}` : `Node ${major} (ABI ${found})`;
  return `was compiled for ${whose}, the release carries Node ${node} (ABI ${abi})`;
}
