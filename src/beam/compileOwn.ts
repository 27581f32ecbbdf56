/**
 * tsugi's own Erlang code, compiled by the OTP that the release will carry, so that it fits. Kept in
 * the build machine's cache by its sources and by that OTP.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cachePath, fillFolder, touch } from "../pack/cache.ts";
import { ownPackage } from "../pack/ownPackage.ts";
import { canonicalJson, sha256 } from "../release/manifest.ts";
import { beamSource, runTool } from "./tools.ts";

/** A folder with `ebin` (what ships), and `build` (what runs on the build machine only). */
export async function compileOwn(work: string): Promise<string> {
  const { version } = ownPackage();
  const shipped = sourcesIn(beamSource("host", "erl"));
  const ours = sourcesIn(beamSource("build"));
  const application = readFileSync(beamSource("host", "erl", "tsugi.app.src"), "utf8");
  const texts = [...shipped, ...ours].map((file) => readFileSync(file, "utf8"));
  const key = sha256(canonicalJson([await compilerId(work), version, application, ...texts]));
  const folder = cachePath("beam", key);
  const isWhole = () => existsSync(folder);
  if (isWhole()) {
    await touch(folder);
    return folder;
  }
  await fillFolder(folder, isWhole, async (temporary) => {
    const parts = ["ebin", "build"].map((part) => join(temporary, part));
    const [ebin, build] = parts as [string, string];
    for (const target of parts) mkdirSync(target);
    await runTool("erlc", ["+deterministic", "-o", ebin, ...shipped], work);
    await runTool("erlc", ["-o", build, ...ours], work);
    const modules = shipped.map((file) => `'${moduleOf(file)}'`).join(", ");
    const text = application
      .replace('"VSN"', JSON.stringify(version))
      .replace("{modules, []}", `{modules, [${modules}]}`);
    writeFileSync(join(ebin, "tsugi.app"), text);
  });
  return folder;
}

const moduleOf = (file: string) => file.slice(file.lastIndexOf("/") + 1, -".erl".length);

const sourcesIn = (folder: string) =>
  readdirSync(folder)
    .filter((file) => file.endsWith(".erl"))
    .sort()
    .map((file) => join(folder, file));

function compilerId(cwd: string): Promise<string> {
  const ask = `application:load(compiler), {ok, V} = application:get_key(compiler, vsn),
    io:format("~s ~s", [erlang:system_info(version), V]), halt().`;
  return runTool("erl", ["-noshell", "-eval", ask], cwd);
}
