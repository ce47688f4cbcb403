/** The longest spelling of an IPv6 address. */
const MAX_ADDRESS = 45;

/**
 * Returns the network of an address: what a provider gives to one customer. That is a single IPv4 address, or a /64 of
 * IPv6, in which the customer is free to choose addresses.
 */
export function network(address: string): string {
  const mapped = /^[0:]*:ffff:([\d.]+)$/i.exec(address)?.[1] ?? address;
  const [plain = ""] = mapped.split("%", 1);
  // URL() turns every spelling of an IPv6 address into one; other text is kept as it is.
  const host = plain.includes(":") ? URL.parse(`http://[${plain}]`)?.hostname : undefined;
  if (host === undefined) return plain.slice(0, MAX_ADDRESS);
  const [head = "", tail = ""] = host.slice(1, -1).split("::");
  const [first, last] = [head, tail].map((part) => (part === "" ? [] : part.split(":")));
  const zeros = Array<string>(8 - (first?.length ?? 0) - (last?.length ?? 0)).fill("0");
  const groups = [...(first ?? []), ...zeros, ...(last ?? [])];
  const prefix = groups.slice(0, 4).join(":");
  // In ::/64 each address has its own owner: it holds the addresses that stand for IPv4, and the machine itself.
  return prefix === "0:0:0:0" ? groups.join(":") : prefix;
}

/**
 * Returns the range around a network: what a provider gives to a customer who asks for many addresses, a /24 of IPv4 or
 * a /48 of IPv6.
 */
export function range(near: string): string {
  if (/^(?:\d+\.){3}\d+$/.test(near)) return near.slice(0, near.lastIndexOf("."));
  const groups = near.split(":");
  return groups.length === 4 ? groups.slice(0, 3).join(":") : near;
}
