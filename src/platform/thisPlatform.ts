/** The platform a release is for, in the words of the manifest: `linux-x64`, `linux-x64-musl` … */
export function thisPlatform(): string {
  const plain = `${process.platform}-${process.arch}`;
  return process.platform === "linux" && isMusl() ? `${plain}-musl` : plain;
}

function isMusl(): boolean {
  Object.assign(process.report, { excludeNetwork: true });
  const report = process.report.getReport() as { header?: { glibcVersionRuntime?: string } };
  return report.header?.glibcVersionRuntime === undefined;
}
