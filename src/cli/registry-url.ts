import { CliError } from "./error.ts";

const LOCAL = /^(localhost|127\.0\.0\.1|\[::1\])$/;

/**
 * The origin of a registry that was named as `host`, `host:port` or by its URL. Without a scheme it is https, but for this
 * very machine.
 */
export function parseRegistry(text: string): string {
  const given = text.trim();
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(given)?.[1]?.toLowerCase();
  if (scheme !== undefined && scheme !== "http" && scheme !== "https") throw invalid(text);
  const url = URL.parse(scheme === undefined ? `https://${given}` : given);
  if (url === null || url.hostname === "") throw invalid(text);
  const extras = [url.username, url.password, url.search, url.hash].join("");
  if (extras !== "" || url.pathname !== "/") throw invalid(text);
  if (scheme === undefined && LOCAL.test(url.hostname)) return parseRegistry(`http://${given}`);
  return url.origin;
}

/** Says whether others on the way can read what is sent there. */
export function isClear(registry: string): boolean {
  const { protocol, hostname } = new URL(registry);
  return protocol === "http:" && !LOCAL.test(hostname);
}

function invalid(text: string): CliError {
  return new CliError(
    `"${text}" is no registry: name its host, such as registry.example.com or localhost:8787`,
  );
}
