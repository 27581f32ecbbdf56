/** `0.0.2` is a version; `./0.0.2`, `/tmp/x`, `x.tar.gz` and `store#0.0.2` are paths. */
export const isPath = (text: string): boolean =>
  /[/#]/.test(text) || text === "." || text === ".." || /\.(tar\.gz|tgz|tar)$/.test(text);
