/** A server on loopback with the two routes of OSV that Slipway asks. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type Advisory, MODIFIED, osvRecord } from "./advisories.ts";

export interface OsvServer {
  readonly url: string;
  readonly close: () => void;
}

interface Query {
  readonly package: { readonly name: string; readonly ecosystem: string };
}

/** Answers a query with all records of the package, whatever its version: which of them hold is Slipway's to find. */
export async function openOsv(advisories: readonly Advisory[]): Promise<OsvServer> {
  const records = new Map(advisories.map((one) => [one.id, osvRecord(one)]));
  const ids = new Map<string, string[]>();
  for (const one of advisories) {
    const [{ package: named }] = (osvRecord(one) as { affected: [Query] }).affected;
    const key = `${named.ecosystem} ${named.name}`;
    const known = ids.get(key);
    if (known === undefined) ids.set(key, [one.id]);
    else known.push(one.id);
  }
  const answer = (path: string, body: string): unknown => {
    if (path !== "/v1/querybatch") return records.get(path.slice("/v1/vulns/".length)) ?? null;
    const { queries } = JSON.parse(body) as { queries: Query[] };
    const results = queries.map(({ package: { name, ecosystem } }) => ({
      vulns: (ids.get(`${ecosystem} ${name}`) ?? []).map((id) => ({ id, modified: MODIFIED })),
    }));
    return { results };
  };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const json = answer(request.url ?? "", Buffer.concat(chunks).toString());
      response.writeHead(json === null ? 404 : 200, { "content-type": "application/json" });
      response.end(JSON.stringify(json));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
