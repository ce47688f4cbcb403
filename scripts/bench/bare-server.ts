/** The bare Worker on the same miniflare, with the same settings as `npm start`: a program of its own. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Miniflare } from "miniflare";
import { projectConfig } from "../local.ts";
import { socketsAt } from "../socket.ts";

const { HOST: host = "127.0.0.1", PORT: port, BARE_DATA: data } = process.env;
if (data === undefined) throw new Error("BARE_DATA names the data folder");

const { compatibility_date = "", compatibility_flags } = await projectConfig();
const contents = await readFile(join(import.meta.dirname, "bare-worker.js"), "utf8");
const miniflare = new Miniflare({
  cf: false,
  enableDevRegistry: false,
  resourcePersistencePath: data,
  workers: [
    {
      config: {
        name: "bare",
        compatibilityDate: compatibility_date,
        compatibilityFlags: compatibility_flags,
        env: {
          BLOBS: { type: "r2", name: "bare" },
          DB: { type: "d1", id: "bare" },
          SOCKETS: socketsAt({ listen: { host, port: Number(port) } }),
        },
        manifest: {
          mainModule: "index.js",
          modulesRoot: import.meta.dirname,
          modules: { "index.js": { type: "esm", contents } },
        },
      },
    },
  ],
});

await miniflare.ready;
console.log(`ready http://${host}:${port}`);

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    void miniflare.dispose().then(() => process.exit(0));
  });
}
