/** Pushes a layer as containerd does: one PUT with its length, and patience for the answer that is measured. */
import { once } from "node:events";
import { type ClientRequest, type IncomingMessage, request } from "node:http";
import type { Layer } from "./layer.ts";

export interface Place {
  /** The URL of the registry, or of the proxy before it. */
  readonly url: string;
  readonly authorization: string;
}

export interface Pushed {
  readonly seconds: number;
  /** From the last byte that the client's socket took to the answer. */
  readonly waitSeconds: number;
}

/** @throws Error where the registry does not take it, or does not answer in time after the last byte */
export async function pushLayer(
  { url, authorization }: Place,
  repository: string,
  layer: Layer,
  patienceSeconds = 600,
): Promise<Pushed> {
  const began = performance.now();
  const begun = await fetch(`${url}/v2/${repository}/blobs/uploads/`, {
    method: "POST",
    headers: { authorization },
  });
  const location = begun.headers.get("location");
  if (begun.status !== 202 || location === null) throw new Error(`POST: ${begun.status}`);
  const sent = request(`${url}${location}&digest=${layer.digest}`, {
    method: "PUT",
    headers: { authorization, "content-length": layer.bytes },
    agent: false,
  });
  const answered = once(sent, "response") as Promise<[IncomingMessage]>;
  answered.catch(() => undefined);
  await send(sent, layer);
  const sentAt = performance.now();
  const timer = setTimeout(
    () => sent.destroy(new Error(`no answer within ${patienceSeconds} s after the last byte`)),
    patienceSeconds * 1000,
  );
  const [answer] = await answered.finally(() => clearTimeout(timer));
  const waitSeconds = (performance.now() - sentAt) / 1000;
  answer.resume();
  if (answer.statusCode !== 201) throw new Error(`PUT: ${answer.statusCode}`);
  return { seconds: (performance.now() - began) / 1000, waitSeconds };
}

/** Sends each piece when the socket has taken the one before. */
async function send(sent: ClientRequest, layer: Layer): Promise<void> {
  for (const piece of layer.pieces()) {
    await new Promise<void>((done, fail) => {
      sent.write(piece, (error) => (error ? fail(error) : done()));
    });
  }
  sent.end();
}
