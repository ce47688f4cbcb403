/**
 * Checks the addresses of others' servers that the registry fetches keys from. A Worker's fetch reaches only public
 * hosts, whatever a name resolves to. The local server's fetch reaches all that its machine does, so known private
 * names are refused.
 */

/** Whether a deployment is for development: only then may an issuer use http, or be on the machine itself. */
export interface Caution {
  readonly insecure: boolean;
}

/**
 * Names that are never public: RFC 6761 (except the names for examples, which never resolve), RFC 6762, RFC 7686, RFC
 * 8375, ICANN's `internal`, and those that private networks and clusters commonly use.
 */
const PRIVATE_SUFFIXES =
  "localhost local test invalid onion home.arpa alt internal localdomain lan home corp private intranet mail svc cluster";

/** Public names that resolve to the address written in them, or to the machine itself. */
const MIRROR_SUFFIXES =
  "nip.io sslip.io xip.io backname.io traefik.me local-ip.co localtest.me lvh.me vcap.me lacolhost.com local.gd";

const SUFFIXES = `${PRIVATE_SUFFIXES} ${MIRROR_SUFFIXES}`.split(" ");

/** @returns what is wrong with an address that the registry would fetch for a trust rule, or null */
export function urlProblem(text: string, { insecure }: Caution): string | null {
  const url = URL.parse(text);
  if (url === null) return "is no URL";
  if (url.protocol !== "https:" && !(insecure && url.protocol === "http:")) {
    return "does not begin with https://";
  }
  if (url.username !== "" || url.password !== "") return "holds credentials";
  const host = url.hostname.replace(/\.$/, "");
  if (insecure && isLoopback(host)) return null;
  if (isAddress(host) || hasSuffix(host) || (!insecure && !host.includes("."))) {
    return "names a host that is not public";
  }
  // URL omits the scheme's default port.
  return url.port === "" || insecure ? null : "names a port other than 443";
}

function isLoopback(host: string): boolean {
  return /^(127\.[\d.]+|\[::1\]|(.+\.)?localhost)$/.test(host);
}

function isAddress(host: string): boolean {
  return /^(\[.*\]|[\d.]+)$/.test(host);
}

function hasSuffix(host: string): boolean {
  const named = `.${host}`;
  return SUFFIXES.some((suffix) => named.endsWith(`.${suffix}`));
}
