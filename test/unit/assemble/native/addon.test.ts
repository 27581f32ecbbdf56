/** What a compiled addon is for, as its bytes and its place say. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { addonFacts, misfit } from "../../../../src/assemble/native/addon.ts";

/** An ELF header for x64, and what its string tables would hold. */
const elf = (...names: string[]) => {
  const header = Buffer.alloc(64);
  header.write("\x7fELF\x02\x01\x01", "latin1");
  header.writeUInt16LE(62, 18);
  return Buffer.concat([header, Buffer.from(names.map((name) => `\0${name}\0`).join(""))]);
};
const target = { platform: "linux-x64", node: "24.1.0", abi: 137 };

test("prebuilds of systems that have ELF as well are not taken for Linux", () => {
  for (const path of [
    "prebuilds/freebsd-x64/node.napi.node",
    "x.freebsd-x64.node",
    "prebuilds/android-x64/a.node",
    "binding-openbsd-x64.node",
  ]) {
    const facts = addonFacts(path, elf("libc.so.6", "napi_register_module_v1"));
    assert.match(misfit(facts, target) ?? "", /^is for (freebsd|android|openbsd)-x64/, path);
  }
  const facts = addonFacts("prebuilds/linux-x64/node.napi.node", elf("napi_register_module_v1"));
  assert.equal(misfit(facts, target), undefined);
});

test("one for another Node is told by its ABI, in its bytes or in its name", () => {
  const compiled = addonFacts("build/Release/a.node", elf("node_register_module_v127"));
  assert.match(misfit(compiled, target) ?? "", /was compiled for Node 22/);
  const named = addonFacts("prebuilds/linux-x64/node.abi137.node", elf());
  assert.equal(misfit(named, target), undefined);
});
