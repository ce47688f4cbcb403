/** `npm run api-reference`: writes docs/api.md from the OpenAPI document of `npm start`. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { startServer } from "../server.ts";
import { type ApiDocument, referencePage } from "./page.ts";

const server = await startServer();
try {
  const response = await fetch(`${server.url}/api/v1/openapi.json`);
  const file = join(import.meta.dirname, "../../docs/api.md");
  await writeFile(file, referencePage((await response.json()) as ApiDocument));
  console.log(`wrote ${file}`);
} finally {
  await server.stop();
}
