/** `npm start`: the registry on http://127.0.0.1:8787, its data in .slipway/. */
import { randomBytes } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { projectConfig, ROOT, startLocal } from "./local.ts";

interface Secrets {
  readonly ADMIN_PASSWORD: string;
  readonly TOKEN_KEY: string;
}

const { HOST: host = "127.0.0.1", PORT: port = "8787" } = process.env;
const data = process.env["SLIPWAY_DATA"] ?? join(ROOT, ".slipway");

const { secrets, isNew } = await loadSecrets();
const settings = Object.keys(projectConfig().vars ?? {}).flatMap((name) => {
  const value = process.env[name];
  return value === undefined ? [] : [[name, value] as const];
});
const registry = await startLocal({
  host,
  port: Number(port),
  data,
  vars: { ...Object.fromEntries(settings), ...secrets },
});

const url = await registry.ready;
const address = `${host}:${url.port}`;
if (isNew) {
  console.log(`
A new registry. Its administrator is admin, with the password ${secrets.ADMIN_PASSWORD}
(kept in ${join(data, "secrets.json")}). Try it:

  docker login ${address} -u admin -p ${secrets.ADMIN_PASSWORD}
  docker tag hello-world ${address}/demo/hello-world
  docker push ${address}/demo/hello-world
`);
}
console.log(`ready http://${address}`);

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    void registry.dispose().then(() => process.exit(0));
  });
}

/** The secrets of this data folder; made when there are none. ADMIN_PASSWORD in the environment wins. */
async function loadSecrets(): Promise<{ secrets: Secrets; isNew: boolean }> {
  const file = join(data, "secrets.json");
  const password = process.env["ADMIN_PASSWORD"];
  const kept = await readFile(file, "utf8").then(
    (text) => JSON.parse(text) as Secrets,
    (error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return null;
      throw error;
    },
  );
  if (kept !== null) {
    const changed = password === undefined ? kept : { ...kept, ADMIN_PASSWORD: password };
    return { secrets: changed, isNew: false };
  }
  const made = {
    ADMIN_PASSWORD: password ?? randomBytes(12).toString("hex"),
    TOKEN_KEY: randomBytes(32).toString("hex"),
  };
  await mkdir(data, { recursive: true });
  await writeFile(file, JSON.stringify(made, null, 2), { mode: 0o600 });
  return { secrets: made, isNew: password === undefined };
}
