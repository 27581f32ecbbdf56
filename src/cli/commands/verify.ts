import { verifyRelease } from "../../build/inspect.ts";
import { formatBytes, printResult } from "../output.ts";

export async function verifyCommand(place: string): Promise<void> {
  const verified = await verifyRelease(place);
  const { name, version, files, bytes, releaseId } = verified;
  printResult(verified, [
    `${name} ${version} is whole: ${files} files, ${formatBytes(bytes)}`,
    `  releaseId ${releaseId}`,
  ]);
}
