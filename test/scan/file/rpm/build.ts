/** rpm's databases as its formats have them, with headers of packages that a test makes, and one that rpm made. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { gunzipSync } from "node:zlib";

/** What rpm 4.18 has in its database for a package openssl-libs that rpmbuild made without files, gzipped. */
const MADE_BY_RPM = [
  "H4sIAAAAAAACA12Uz48URRTHq4dVF7Iii/xYjYcNMWGXpDtd1TVd1YSsJgsqJrpL1EROUDVVNXTs+ZHpXTJD4EI4ciCRAwcPcicx",
  "IR78CziaePPggQMmgj/Ai2jMgjVdX3Slk9evP/1efd+r7tdNCDlCSOsLQshb3l4iJPrL+z3ejLdZEo6IkB0/ef+itxb4PvgV8APw",
  "fvDP3s94ewP8i/c7vS2CfwUfAv+G/DfBD6G3BP4dcQn+A/Fj4Mfgt8F/Qv9d8BbiH4GfgE8HntkHPgs+iP1fCnueWUD9L73t8Jev",
  "IX4L/Dr4b/BS0IvmofdpWB8tQO90yI8WwRr5K8g34BNgC34f7MBr4Ap8KvCrn6PeOfAdxCvwPdQfgX9E/tfg+4h/EziKQrw1B34h",
  "zEtrT5iX6OWg38L7bfY95ZN43o+w/ir6PQC+Bu6Cr4PPgW9MeZUMhrZf11VclbomWZImgjCR2Kpo5nNCJuSz3WvzerOsjB0ldqx6",
  "w8o2w/vByY9Jf6AHZkI+6ddD2yldaQ2pyv7mmIxlfibn/6o3wnEQTupRJxkNe/8vvR2W/Oo458tNw7uemV/ig0urg95wZOvamnfK",
  "yn6oerZeJohN7xwvu7be+O/euppUA9Uk1++p83Z9ZF05Xm72ymNKeJInaePDmcokJZi5WXp0e+fkOYzX2GLcJZ1hOSDdC+WQFNh3",
  "bKwuVT8OzyIcs5sbLpZEuaywtEML5biQyjqh0kzbQlqnClNopRiTTheuyGwmOTO5EZpyRXneVrxdBC2WmZQzprmzyqcLQa0UTHCq",
  "dSZSUaQ665i0nUmrnOY5ZVlmJUu15LotFGteYPNjevp06y5+TH4sypWvbovvL68f/mHu2+jmle+OFCJLmfRqTqROaCNTYXxnTCme",
  "u7bvimaGMpoSXbDUUulyl6dSFhk3kitlctdhVhV5u6NF5pTMmczzwktQSzkXlnGZdqQV1Ff3c7bXu4vT73x6/Q+6uW1mRAUAAA==",
].join("");

export function headerMadeByRpm(): Uint8Array {
  return new Uint8Array(gunzipSync(Buffer.from(MADE_BY_RPM, "base64")));
}

/** What Berkeley DB 5.3 makes of three headers that rpm made, in pages of 512 bytes, gzipped. */
const MADE_BY_BERKELEY_DB = [
  "H4sIAAAAAAACA+2WX4hVRRzH5+ze/aPr5lpummyyhNBq3suZOXPmzBHTSK0salfSULDaOefM7F66u3vZu8aubBDigw9GQhJCPVgU",
  "RAlBBAYR9BA+BEVCUA8hPmikZSqFKaY2957f9d77W18swi0cOHfu98zMb+Z3fr/5zBBCiEPSorpbyZzynyb7tKfvOsjM8uTgAUKu",
  "EvLwM2/vej9J3zl1dsolY5+jrww/h9/fLrOvzIzdSYd0XnYuOOedk7eD998vzXM++LLV1utbbKDLm9tprg+5A1u+Fv9jlfifdU47",
  "x5y/t//J7f0/SwJfJvrFDMS8/KJcy3ImOHXxb67jtkN+dEib/bPC5sU+W6+1j9XOGVt32SepnQ/lwc0/2boVkqisT4GeC/o06C7Q",
  "P8NEi0H/YuvyMntAnwG9FPSv0L8X9Fmwtwz0eWjnoC9AuwT9B+jVoC+C/XWgr0B7P+iroLekOrMQ9HbQi8D/qdTnzGKYf3/6ITP3",
  "QPtB0EtAnwXdl9pzWsDe1nS8Mw/sbUv7OwtBR9CfQf8EdAhag14D2oAG/zIF0BtSfddrMN/2WvwzkAMttfiXex6BkYMw8gSszIA+",
  "CZbeA30K2g+l2gHTTTBNxWObSU2ZNBucztR+00JoXwD6QYjEORj/MnhyN+jdoIdA7wE9DHovqbg/VtSjpVKBeDk3FxAW5HQhTF2e",
  "JJPkhTv6F0Q78oVEj+f0pBopFnTKt42byehYNJZMkS2jpaKO8yavE1LIj+6ww6R4XvCq5WzFcja1nCuNx7nx4sj1aaHus2Oygi+H",
  "jzC3+tiuhXzUt25spDiuSyWdPJIv6KfUiC4tJ9BWfrM+P6RLE7V3A2qqMKYqnUuPqRf1wLg2+cnlFSd5lhKeEzm3Uqe/VOZcAhnY",
  "TlfVr5jQavxbIAdSXbDxb+yY7We92SESF/NjZGhnvkhC+BLZREd5NZpNv05a2ndMmKwkynihpjENleGBVNoEyvUiHUptVJiEkVKM",
  "SROFJvS0JzlLRBJElCvKha+4n0aqnXmJyxmLuNHKdg8CqmXAAk6jyAvcIHQjL05c35NamYgLyjxPS+ZGkkd+oFglpBWAXbt25ThA",
  "yPr67OsPHCh+1fPbqiNLvzh8+NJ0R8i0MJxSHjDlu7EIjPAjyTzlU+lFRicuM5FQAQkS7jEuuBLUSyKuTGC0lwiqfSOEVR4VXhgz",
  "HikqqGuorxR3fet1EtNAJeXNbDPvTltNlzcd/L/F979W+N+G+f9mHf8v3ST/5yP+dyP+9yD+9yL+34f4vwzxvw/xXyL+r0b8fwjx",
  "/1HE/6cR/7ch/g8i/r+E+H8Q8f8Q4v9lxP8FiP+LEf97Ef/XIP5vQPx/HPG/H/F/E+L/cC3+beBi+435X0D8H0f8/xjx/xPE/3mI",
  "/12I/72I/xsR//ci/u9D/N+P+H+ggf8WTlFpxiHgTNkD/N8+A9Kp60XtNJgNZ0E1/u2QA6metPGvPyX+52dBfs2HHwXf7xq4/4d5",
  "Xztv7T66Igw8l0lrzQSuCaJEukFiV8YsyYXx7aos+SmjLolC5moqjTDClTL0eCK5UokwMdMqFH4cBZ5RUjApRGhNUE05DzTj0o2l",
  "DuisOAscwCG5fmUH/tscbRqs4/9nN8n/OYj/8xHvuxHvFyHe9yDe9yLeu4j3HPFeIt6vRbx/AvF+E+L9VsT7Eugq76cR7/cg3n/X",
  "yHtyppH35HfQwHtyEXSV9xnE+w7E+y7E+27E+0WI9ytBV6nu1uI/Fz5RRyP/q7wXiPeTiPfTjbx3vmnkvfNtI++dE4j3nYj3A4j3",
  "mxHvtyLeb095P7EzUROKMJdxRWgFVuWLPuyym+b86Jgaj4fBarZiNUsbKA8T3lqW1y3sRmxOvZjJ5gqZq/HvgBxI9Uob/9nI7HM1",
  "Zt/77qelP98olI6/Qz9fcq3z1QkexD7j1BPcd91AMMGtfa6DMAqkpMa3V3EdJbEhsXK5ZzxXxzzR1NNx7DJm7+yW81zHoXH9yPcj",
  "xT3OLLCV9n2XW5etuZgbKtWsu7//k/IXUoFxXwAYAAA=",
].join("");

export function databaseMadeByBerkeleyDb(): Uint8Array {
  return new Uint8Array(gunzipSync(Buffer.from(MADE_BY_BERKELEY_DB, "base64")));
}

interface Tags {
  readonly name?: string;
  readonly version?: string;
  readonly release?: string;
  readonly epoch?: number;
  readonly arch?: string;
  readonly sourceRpm?: string;
  /** Makes the header as long as one with a description of so many bytes. */
  readonly description?: number;
}

/** Makes a package's header: the numbers of entries and of bytes, entries of tag, type, offset and count, the data. */
export function headerOf(tags: Tags): Uint8Array {
  const { name, version, release, epoch, arch, sourceRpm, description } = tags;
  const values: [number, number, Buffer][] = [];
  const text = (tag: number, value: string | undefined) => {
    if (value !== undefined) values.push([tag, 6, Buffer.from(`${value}\0`)]);
  };
  const number = Buffer.alloc(4);
  number.writeUInt32BE(epoch ?? 0);
  if (epoch !== undefined) values.push([1003, 4, number]);
  text(1000, name);
  text(1001, version);
  text(1002, release);
  text(1005, description === undefined ? undefined : "x".repeat(description));
  text(1022, arch);
  text(1044, sourceRpm);
  const entries = Buffer.alloc(8 + values.length * 16);
  const data = Buffer.concat(values.map(([, , value]) => value));
  entries.writeUInt32BE(values.length);
  entries.writeUInt32BE(data.length, 4);
  let offset = 0;
  for (const [i, [tag, type, value]] of values.entries()) {
    for (const [j, part] of [tag, type, offset, 1].entries()) {
      entries.writeUInt32BE(part, 8 + i * 16 + j * 4);
    }
    offset += value.length;
  }
  return new Uint8Array(Buffer.concat([entries, data]));
}

/** Makes rpmdb.sqlite by SQLite itself, with rpm's statements. */
export function sqliteOf(
  headers: readonly Uint8Array[],
  given: { readonly pageBytes?: number; readonly statements?: readonly string[] } = {},
): Uint8Array {
  const folder = mkdtempSync(join(tmpdir(), "rpm-"));
  try {
    const path = join(folder, "rpmdb.sqlite");
    const database = new DatabaseSync(path);
    database.exec(`PRAGMA page_size = ${given.pageBytes ?? 4_096}; PRAGMA synchronous = OFF`);
    for (const statement of given.statements ?? [
      "CREATE TABLE 'Name' (key 'TEXT' NOT NULL, hnum INTEGER NOT NULL, idx INTEGER NOT NULL)",
      "CREATE TABLE IF NOT EXISTS 'Packages' (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL)",
    ]) {
      database.exec(statement);
    }
    if (headers.length > 0) {
      database.exec("BEGIN");
      const insert = database.prepare("INSERT INTO Packages (blob) VALUES (?)");
      for (const header of headers) insert.run(header);
      database.exec("COMMIT");
    }
    database.close();
    return new Uint8Array(readFileSync(path));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Makes Packages.db of ndb: a page of slots, then each header in blocks of 16 bytes. */
export function ndbOf(headers: readonly Uint8Array[]): Uint8Array {
  const slots = Buffer.alloc(4_096);
  slots.write("RpmP");
  slots.writeUInt32LE(7, 8);
  slots.writeUInt32LE(1, 12);
  slots.writeUInt32LE(headers.length + 1, 16);
  for (let at = 32; at < slots.length; at += 16) slots.write("Slot", at);
  const blobs: Buffer[] = [];
  let block = slots.length / 16;
  for (const [i, header] of headers.entries()) {
    const blocks = Math.ceil((16 + header.length + 12) / 16);
    const blob = Buffer.alloc(blocks * 16);
    blob.write("BlbS");
    blob.writeUInt32LE(i + 1, 4);
    blob.writeUInt32LE(7, 8);
    blob.writeUInt32LE(header.length, 12);
    blob.set(header, 16);
    blob.writeUInt32LE(header.length, blob.length - 8);
    blob.write("BlbE", blob.length - 4);
    // The first slot stays free, as after a package was removed.
    const at = 48 + i * 16;
    for (const [j, part] of [i + 1, block, blocks].entries()) {
      slots.writeUInt32LE(part, at + 4 + j * 4);
    }
    blobs.push(blob);
    block += blocks;
  }
  return new Uint8Array(Buffer.concat([slots, ...blobs]));
}

/** Makes Packages of Berkeley DB's hash: a page that tells of it, a page of keys and values, chains of what is too long. */
export function berkeleyOf(
  headers: readonly Uint8Array[],
  isLittleEndian = true,
  pageBytes = 512,
): Uint8Array {
  const pages: DataView[] = [];
  const page = (kind: number) => {
    const view = new DataView(new ArrayBuffer(pageBytes));
    view.setUint32(8, pages.length, isLittleEndian);
    view.setUint8(25, kind);
    pages.push(view);
    return view;
  };
  const meta = page(8);
  meta.setUint32(12, 0x061561, isLittleEndian);
  meta.setUint32(16, 9, isLittleEndian);
  meta.setUint32(20, pageBytes, isLittleEndian);
  const hash = page(13);
  let entries = 0;
  let end = pageBytes;
  const item = (bytes: readonly number[]) => {
    end -= bytes.length;
    for (const [i, byte] of bytes.entries()) hash.setUint8(end + i, byte);
    hash.setUint16(26 + entries++ * 2, end, isLittleEndian);
    hash.setUint16(20, entries, isLittleEndian);
    hash.setUint16(22, end, isLittleEndian);
  };
  const number = (value: number) => {
    const view = new DataView(new ArrayBuffer(4));
    view.setUint32(0, value, isLittleEndian);
    return [...new Uint8Array(view.buffer)];
  };
  item([1, ...number(0)]);
  item([1, ...number(headers.length)]);
  for (const [i, header] of headers.entries()) {
    item([1, ...number(i + 1)]);
    if (header.length < 100) {
      item([1, ...header]);
      continue;
    }
    item([3, 0, 0, 0, ...number(pages.length), ...number(header.length)]);
    for (let at = 0; at < header.length; at += pageBytes - 26) {
      const part = header.subarray(at, at + pageBytes - 26);
      const overflow = page(7);
      overflow.setUint16(22, part.length, isLittleEndian);
      if (at + part.length < header.length) {
        overflow.setUint32(16, pages.length, isLittleEndian);
      }
      new Uint8Array(overflow.buffer).set(part, 26);
    }
  }
  return new Uint8Array(Buffer.concat(pages.map((view) => new Uint8Array(view.buffer))));
}
