/** Globs over paths with forward slashes: `*`, `?`, `**`, `{a,b}`, `[abc]`. */
export function compileGlob(glob: string): (path: string) => boolean {
  const pattern = new RegExp(`^${toPattern(glob.replace(/^\.\//, ""))}$`);
  return (path) => pattern.test(path);
}

/** As part of a regular expression that means nothing else. */
export const literally = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

function toPattern(glob: string): string {
  let out = "";
  let depth = 0;
  for (let at = 0; at < glob.length; at++) {
    const char = glob[at]!;
    if (glob.startsWith("**/", at)) {
      out += "(?:.*/)?";
      at += 2;
    } else if (glob.startsWith("**", at)) {
      out += ".*";
      at += 1;
    } else if (char === "*") out += "[^/]*";
    else if (char === "?") out += "[^/]";
    else if (char === "{") {
      out += "(?:";
      depth++;
    } else if (char === "}" && depth > 0) {
      out += ")";
      depth--;
    } else if (char === "," && depth > 0) out += "|";
    else if (char === "[" && glob.includes("]", at)) {
      const end = glob.indexOf("]", at);
      out += `[${glob
        .slice(at + 1, end)
        .replace(/^!/, "^")
        .replaceAll("\\", "\\\\")}]`;
      at = end;
    } else out += char.replace(/[.+^$()|\\{}[\]]/, "\\$&");
  }
  return out;
}
