/** `spawn E2BIG` does not say what was too much: in words that name variables and show no value. */
import { TsugiError } from "../contract/errors.ts";

const NAMED = 3;

/** @returns what to throw for what `spawn` has thrown */
export function spawnProblem(error: unknown, env: NodeJS.ProcessEnv): unknown {
  if ((error as NodeJS.ErrnoException).code !== "E2BIG") return error;
  const sizes = Object.entries(env)
    .map(([name, value = ""]) => ({ name, bytes: Buffer.byteLength(`${name}=${value}\0`) }))
    .sort((a, b) => b.bytes - a.bytes);
  const bytes = sizes.reduce((sum, one) => sum + one.bytes, 0);
  const longest = sizes.slice(0, NAMED).map((one) => `${one.name} (${one.bytes})`);
  return new TsugiError(
    "TSUGI_ENVIRONMENT_TOO_LARGE",
    { bytes, longest: longest.join(", ") },
    { cause: error },
  );
}
