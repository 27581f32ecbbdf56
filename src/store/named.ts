import { TsugiError } from "../contract/errors.ts";
import type { StoreFiles } from "./files.ts";

/** What the file system refuses becomes an error that names the store. */
export function namingErrors(files: StoreFiles): StoreFiles {
  const { where, isHere } = files;
  const name = (error: unknown): never => {
    const { code, message } = error as NodeJS.ErrnoException;
    const isFileError = !(error instanceof TsugiError) && /^E[A-Z]+$/.test(String(code));
    if (!isFileError) throw error;
    const details = { store: where, problem: message };
    throw new TsugiError("TSUGI_STORE_FAILED", details, { cause: error });
  };
  return {
    where,
    isHere,
    list: (folder) => files.list(folder).catch(name),
    present: (paths) => files.present(paths).catch(name),
    sums: (paths) => files.sums(paths).catch(name),
    read: (paths) => files.read(paths).catch(name),
    nowMs: () => files.nowMs().catch(name),
    put: (added) => files.put(added).catch(name),
    create: (file) => files.create(file).catch(name),
    remove: (paths) => files.remove(paths).catch(name),
    close: () => files.close(),
  };
}
