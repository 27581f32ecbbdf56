import { resolve } from "node:path";
import { createKeyFiles, defaultKeyFile, type NewKey, readPublicKeys } from "../../pack/keys.ts";
import type { KeysShown } from "../documents.ts";
import { printResult } from "../output.ts";

const place = (file: string | undefined) =>
  file === undefined ? defaultKeyFile() : file === "-" ? file : resolve(file);

export function newKeyCommand(file: string | undefined, { comment }: { comment?: string }): void {
  const key = createKeyFiles(place(file), comment);
  printResult<NewKey>(key, [
    `Key ${key.id}`,
    `  private: ${key.file} (0600; keep a copy)`,
    `  public:  ${key.publicFile}`,
    "For hosts that shall take only what it signed; into <root>/etc/trusted_keys:",
    `  ${key.line}`,
    `Sign with it: tsugi release --sign ${key.file}`,
  ]);
}

export function showKeysCommand(file: string | undefined): void {
  const keys = readPublicKeys(place(file));
  // The line alone: `tsugi keys show ci.key >> etc/trusted_keys`.
  printResult<KeysShown>(
    { keys },
    keys.map(({ line }) => line),
  );
}
