/**
 * Makes `tsugi/hot` mean the release's own copy, for `import` and `require` and from any file, and
 * tells when Node has resolved the entry.
 */
import module from "node:module";
import { fileURLToPath } from "node:url";
import { MessageChannel } from "node:worker_threads";
import { interceptRequire } from "../node/modules.ts";

/** `onEntry` gets the URL of the entry just before Node loads it. */
export function installResolution(folder: URL, onEntry: (url: string) => void): void {
  const esm = new URL("hot.mjs", folder).href;
  const cjs = new URL("hot.cjs", folder);
  interceptRequire((specifier) => (specifier === "tsugi/hot" ? fileURLToPath(cjs) : undefined));
  if (typeof module.registerHooks === "function") hookInThread(esm, cjs.href, onEntry);
  else hookOffThread(esm, onEntry);
}

/** Node from 22.15: hooks run in this thread, for import and require alike. */
function hookInThread(esm: string, cjs: string, onEntry: (url: string) => void): void {
  let entrySeen = false;
  module.registerHooks({
    resolve(specifier, context, nextResolve) {
      if (specifier === "tsugi/hot") {
        const required = context.conditions.includes("require");
        return required
          ? { url: cjs, format: "commonjs", shortCircuit: true }
          : { url: esm, format: "module", shortCircuit: true };
      }
      const resolved = nextResolve(specifier, context);
      if (!entrySeen && context.parentURL === undefined) {
        entrySeen = true;
        onEntry(resolved.url);
      }
      return resolved;
    },
  });
}

/** Node 20: ES module hooks run in a thread of their own; CommonJS is patched above. */
function hookOffThread(esm: string, onEntry: (url: string) => void): void {
  const { port1, port2 } = new MessageChannel();
  port1.once("message", (url: string) => {
    port1.close();
    onEntry(url);
  });
  port1.unref();
  const source = `
    let port;
    export function initialize(data) { port = data; }
    export async function resolve(specifier, context, nextResolve) {
      if (specifier === "tsugi/hot") {
        return { url: ${JSON.stringify(esm)}, format: "module", shortCircuit: true };
      }
      const resolved = await nextResolve(specifier, context);
      if (context.parentURL === undefined) port.postMessage(resolved.url);
      return resolved;
    }`;
  module.register(`data:text/javascript,${encodeURIComponent(source)}`, {
    data: port2,
    transferList: [port2],
  });
}
