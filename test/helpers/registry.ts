/** A private registry with one package: who has no token gets 401. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { mustRun } from "./commands.ts";
import { writeFiles } from "./projects.ts";

export class PrivateRegistry {
  readonly url: string;
  readonly token: string;
  readonly #server: Server;

  private constructor(server: Server, token: string) {
    this.#server = server;
    this.token = token;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  }

  /** `folder` is where the package is made; its code is `module.exports = "<said>"`. */
  static async start(folder: string, name: string, said: string): Promise<PrivateRegistry> {
    const token = "tsugi-test-token-c2VjcmV0LXNlY3JldA";
    const version = "1.0.0";
    const packageJson = { name, version, main: "index.js" };
    const index = `module.exports = ${JSON.stringify(said)};\n`;
    writeFiles(join(folder, "made"), { "package.json": packageJson, "index.js": index });
    const { stdout } = await mustRun("npm", ["pack", "--json"], { cwd: join(folder, "made") });
    // npm prints a list, since 12 an object.
    const [{ filename }] = Object.values(JSON.parse(stdout)) as [{ filename: string }];
    const tarball = readFileSync(join(folder, "made", filename));
    const integrity = `sha512-${createHash("sha512").update(tarball).digest("base64")}`;
    const shasum = createHash("sha1").update(tarball).digest("hex");
    const server = createServer((request, response) => {
      if (request.headers.authorization !== `Bearer ${token}`) {
        response.writeHead(401).end();
      } else if (request.url?.endsWith(".tgz")) {
        response.end(tarball);
      } else if (decodeURIComponent(request.url ?? "") === `/${name}`) {
        const at = `http://${request.headers.host}/${name}/-/${filename}`;
        const dist = { tarball: at, integrity, shasum };
        const versions = { [version]: { ...packageJson, dist } };
        const document = { name, "dist-tags": { latest: version }, versions };
        response.setHeader("content-type", "application/json").end(JSON.stringify(document));
      } else response.writeHead(404).end();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new PrivateRegistry(server, token);
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}
