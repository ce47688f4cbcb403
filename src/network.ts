/** The longest spelling of an IPv6 address. */
const MAX_ADDRESS = 45;

/** What one customer of a provider has: an IPv4 address, or a /64 of IPv6, in which addresses are free to choose. */
export function network(address: string): string {
  const mapped = /^[0:]*:ffff:([\d.]+)$/i.exec(address)?.[1] ?? address;
  const [plain = ""] = mapped.split("%", 1);
  // URL() knows all spellings and gives one; what is no IPv6 address is itself.
  const host = plain.includes(":") ? URL.parse(`http://[${plain}]`)?.hostname : undefined;
  if (host === undefined) return plain.slice(0, MAX_ADDRESS);
  const [head = "", tail = ""] = host.slice(1, -1).split("::");
  const [first, last] = [head, tail].map((part) => (part === "" ? [] : part.split(":")));
  const zeros = Array<string>(8 - (first?.length ?? 0) - (last?.length ?? 0)).fill("0");
  const groups = [...(first ?? []), ...zeros, ...(last ?? [])];
  const prefix = groups.slice(0, 4).join(":");
  // There each address is another's: those that stand for IPv4, and the machine itself.
  return prefix === "0:0:0:0" ? groups.join(":") : prefix;
}

/** What a provider gives to whoever asks for much, by its network: a /24 of IPv4, a /48 of IPv6. */
export function range(near: string): string {
  if (/^(?:\d+\.){3}\d+$/.test(near)) return near.slice(0, near.lastIndexOf("."));
  const groups = near.split(":");
  return groups.length === 4 ? groups.slice(0, 3).join(":") : near;
}
