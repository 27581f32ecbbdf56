/** A key and a certificate for one test, made by the machine's openssl. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";

export function certificateIn(folder: string, name = "localhost"): { key: string; cert: string } {
  const key = join(folder, "key.pem");
  const cert = join(folder, "cert.pem");
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"];
  const files = ["-keyout", key, "-out", cert, "-subj", `/CN=${name}`, "-days", "2"];
  execFileSync("openssl", ["req", "-x509", ...curve, "-nodes", ...files], { stdio: "ignore" });
  return { key: readFileSync(key, "utf8"), cert: readFileSync(cert, "utf8") };
}
