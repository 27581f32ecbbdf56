/** Holds the bytes of one file against the rules and the known values. */
import { createHash } from "node:crypto";
import { dirname, join } from "node:path/posix";
import type { KnownSecret } from "./known.ts";
import { NAMED_RULES } from "./named.ts";
import { CREDENTIAL_FILES, isPrivateDer, RULES, type SecretRule } from "./rules.ts";

export interface Finding {
  /** Relative to the project: the file as it is packed, or a source that a source map carries. */
  file: string;
  line: number;
  what: string;
  /** Tells whether two findings are of one secret, and says nothing about it. */
  fingerprint: string;
  /** A value of this project's, and not only of the form that secrets have. */
  isKnown?: boolean;
}

/** A kept result of another number is not used. */
export const RULES_VERSION = 3;

const OPENING = new RegExp(
  [...new Set(RULES.flatMap(({ starts }) => starts))].map(escaped).join("|"),
  "g",
);
const BY_START = new Map<string, SecretRule[]>();
for (const rule of RULES) {
  for (const start of rule.starts) {
    BY_START.set(start, [...(BY_START.get(start) ?? []), rule]);
  }
}

export interface FileToScan {
  path: string;
  bytes: Uint8Array;
  /** Of a package: examples in it are many, and its author has published them. */
  isPackage: boolean;
}

export function scanFile(file: FileToScan, known: readonly Needle[]): Finding[] {
  const findings: Finding[] = [];
  for (const { pattern, what } of CREDENTIAL_FILES) {
    if (pattern.test(file.path)) {
      findings.push({ file: file.path, line: 1, what, fingerprint: `file ${file.path}` });
    }
  }
  // One byte a character: positions in the text are positions in the file, whatever its encoding.
  const bytes = Buffer.from(file.bytes.buffer, file.bytes.byteOffset, file.bytes.byteLength);
  const text = bytes.toString("latin1");
  findings.push(...knownIn(file.path, bytes, text, known), ...formsIn(file, text));
  const wide = wideText(bytes);
  if (wide !== undefined) findings.push(...formsIn(file, wide));
  if (!file.isPackage && isPrivateDer(bytes)) {
    const fingerprint = fingerprintOf(text);
    findings.push({ file: file.path, line: 1, what: "a private key (DER)", fingerprint });
  }
  return file.path.endsWith(".map")
    ? findings.flatMap((one) => inSources(one, file, known))
    : findings;
}

/** UTF-16, as some editors of Windows write it. */
function wideText(bytes: Buffer): string | undefined {
  const [first, second] = bytes;
  if (first === 0xff && second === 0xfe) return bytes.toString("utf16le");
  if (first !== 0xfe || second !== 0xff) return undefined;
  return Buffer.from(bytes.subarray(0, bytes.length & ~1))
    .swap16()
    .toString("utf16le");
}

/** What to look for: a known value, as it is and as it may have been written. */
export interface Needle {
  name: string;
  bytes: Buffer;
  fingerprint: string;
}

export function needlesOf(known: readonly KnownSecret[]): Needle[] {
  const needles = new Map<string, Needle>();
  for (const { name, value } of known) {
    const json = JSON.stringify(value).slice(1, -1);
    const base64 = Buffer.from(value).toString("base64").replace(/=+$/, "");
    for (const written of [value, json, base64]) {
      if (needles.has(written)) continue;
      const bytes = Buffer.from(written);
      needles.set(written, { name, bytes, fingerprint: fingerprintOf(value) });
    }
  }
  return [...needles.values()];
}

function knownIn(file: string, bytes: Buffer, text: string, known: readonly Needle[]): Finding[] {
  const found: Finding[] = [];
  for (const { name, bytes: needle, fingerprint } of known) {
    const at = bytes.indexOf(needle);
    if (at < 0) continue;
    found.push({
      file,
      line: lineAt(text, at),
      what: `the value of ${name}`,
      fingerprint,
      isKnown: true,
    });
  }
  return found;
}

function formsIn({ path: file, isPackage }: FileToScan, text: string): Finding[] {
  const rules = new Set<SecretRule>();
  for (const [start] of text.matchAll(OPENING)) {
    for (const rule of BY_START.get(start)!) rules.add(rule);
  }
  const found: Finding[] = [];
  // Last: whose token it is says more than its name.
  for (const { pattern, what, isOwnOnly, isNone, files, starts } of [...rules, ...NAMED_RULES]) {
    if (isPackage && isOwnOnly) continue;
    if (files !== undefined && !files.test(file)) continue;
    for (const match of text.matchAll(pattern)) {
      const secret = match[1] ?? match[0];
      if (isNone?.(secret) || isPlaceholder(secret)) continue;
      const fingerprint = fingerprintOf(secret);
      if (starts.length === 0 && found.some((one) => one.fingerprint === fingerprint)) continue;
      found.push({ file, line: lineAt(text, match.index), what, fingerprint });
    }
  }
  return found;
}

/** `xxxxxxxx…`, `0000…`, `your_token_here`: of too few characters to be anything. */
const isPlaceholder = (secret: string): boolean =>
  new Set(secret.slice(-16)).size < 5 || /x{6}|\*{4}|\.{4}|<|your[-_]/i.test(secret);

/** A source map holds the sources: their own file and line say more than line 1 of the map. */
function inSources(finding: Finding, map: FileToScan, known: readonly Needle[]): Finding[] {
  try {
    const { sources, sourcesContent } = JSON.parse(Buffer.from(map.bytes).toString("utf8")) as {
      sources: string[];
      sourcesContent?: (string | null)[];
    };
    const found = sources.flatMap((source, index) => {
      const path = join(dirname(map.path), source);
      const bytes = Buffer.from(sourcesContent?.[index] ?? "");
      return scanFile({ path, bytes, isPackage: map.isPackage }, known);
    });
    const same = found.filter(({ fingerprint }) => fingerprint === finding.fingerprint);
    return same.length > 0 ? same : [finding];
  } catch {
    return [finding];
  }
}

function lineAt(text: string, at: number): number {
  let line = 1;
  for (let next = text.indexOf("\n"); next >= 0 && next < at; next = text.indexOf("\n", next + 1)) {
    line += 1;
  }
  return line;
}

const fingerprintOf = (secret: string): string =>
  createHash("sha256")
    .update(secret.replaceAll(/\s|\\n|\\r/g, ""))
    .digest("hex");

function escaped(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
