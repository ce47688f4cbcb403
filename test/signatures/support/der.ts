/** Certificates and timestamps that the tests make: just enough of DER (ITU-T X.690). */
import { createHash } from "node:crypto";
import { makeSigner, type Signer } from "./signer.ts";

export function tlv(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const value = Buffer.concat(parts);
  const { length } = value;
  if (length < 0x80) return Buffer.concat([Buffer.of(tag, length), value]);
  if (length < 0x100) return Buffer.concat([Buffer.of(tag, 0x81, length), value]);
  return Buffer.concat([Buffer.of(tag, 0x82, length >> 8, length & 0xff), value]);
}

export const sequence = (...parts: readonly Uint8Array[]) => tlv(0x30, ...parts);
export const octets = (bytes: Uint8Array) => tlv(0x04, bytes);
export const text = (value: string) => tlv(0x0c, Buffer.from(value));
const set = (...parts: readonly Uint8Array[]) => tlv(0x31, ...parts);
const integer = (value: number) => tlv(0x02, Buffer.of(value));

export function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  const bytes = rest.flatMap((arc) => {
    const groups = [arc & 0x7f];
    for (let left = arc >>> 7; left > 0; left >>>= 7) groups.unshift((left & 0x7f) | 0x80);
    return groups;
  });
  return tlv(0x06, Buffer.of(first * 40 + second, ...bytes));
}

function time(ms: number): Buffer {
  const digits = new Date(ms).toISOString().replaceAll(/[-:T]|\.\d+/g, "");
  return tlv(0x18, Buffer.from(digits));
}

/** Of a certificate: years before 2050 have two digits (RFC 5280 § 4.1.2.5). */
function validity(ms: number): Buffer {
  return ms < Date.UTC(2050, 0) ? tlv(0x17, time(ms).subarray(4)) : time(ms);
}

/** Attributes by OID: the name of a subject or of an issuer. */
export type Name = readonly (readonly [string, string])[];

function nameOf(name: Name): Buffer {
  return sequence(...name.map(([type, value]) => set(sequence(oid(type), text(value)))));
}

export function extension(type: string, value: Uint8Array, critical = false): Buffer {
  const flag = critical ? [tlv(0x01, Buffer.of(0xff))] : [];
  return sequence(oid(type), ...flag, octets(value));
}

export const isAuthority = (pathLength?: number) =>
  extension(
    "2.5.29.19",
    sequence(
      tlv(0x01, Buffer.of(0xff)),
      ...(pathLength === undefined ? [] : [integer(pathLength)]),
    ),
    true,
  );
export const usage = (...purposes: readonly string[]) =>
  extension("2.5.29.37", sequence(...purposes.map(oid)));

export interface Issued {
  readonly der: Buffer;
  readonly name: Name;
  readonly signer: Signer;
  readonly serial: number;
}

export interface CertificateOptions {
  readonly name?: Name;
  readonly issuer?: Issued;
  readonly signer?: Signer;
  readonly fromMs?: number;
  readonly toMs?: number;
  readonly extensions?: readonly Uint8Array[];
}

const ECDSA_SHA256 = sequence(oid("1.2.840.10045.4.3.2"));
const SHA256 = sequence(oid("2.16.840.1.101.3.4.2.1"));
let serials = 0;

/** Issues a certificate; without an issuer it signs itself. Issuers' keys are of ECDSA. */
export function issue(options: CertificateOptions): Issued {
  const signer = options.signer ?? makeSigner();
  const name = options.name ?? [];
  serials = (serials % 100) + 1;
  const tbs = sequence(
    tlv(0xa0, integer(2)),
    integer(serials),
    ECDSA_SHA256,
    nameOf(options.issuer?.name ?? name),
    sequence(validity(options.fromMs ?? 0), validity(options.toMs ?? Date.UTC(2100, 0))),
    nameOf(name),
    signer.publicKey.export({ type: "spki", format: "der" }),
    tlv(0xa3, sequence(...(options.extensions ?? []))),
  );
  const signature = (options.issuer?.signer ?? signer).sign(tbs);
  const der = sequence(tbs, ECDSA_SHA256, tlv(0x03, Buffer.of(0), signature));
  return { der, name, signer, serial: serials };
}

export function pemOf({ der }: Issued): string {
  const lines = der.toString("base64").replaceAll(/.{64}/g, "$&\n");
  return `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`;
}

/** A TimeStampResp of RFC 3161 for some bytes. */
export function stamp(authority: Issued, issuer: Issued, bytes: Uint8Array, ms: number): Buffer {
  const content = "1.2.840.113549.1.9.16.1.4";
  const hash = createHash("sha256").update(bytes).digest();
  const info = sequence(
    integer(1),
    oid("1.3.6.1.4.1.57264.2"),
    sequence(SHA256, octets(hash)),
    integer(1),
    time(ms),
  );
  const attributes = [
    sequence(oid("1.2.840.113549.1.9.3"), set(oid(content))),
    sequence(oid("1.2.840.113549.1.9.4"), set(octets(createHash("sha256").update(info).digest()))),
  ];
  const signerInfo = sequence(
    integer(1),
    sequence(nameOf(issuer.name), integer(authority.serial)),
    SHA256,
    tlv(0xa0, ...attributes),
    ECDSA_SHA256,
    octets(authority.signer.sign(set(...attributes))),
  );
  const signedData = sequence(
    integer(3),
    set(SHA256),
    sequence(oid(content), tlv(0xa0, octets(info))),
    set(signerInfo),
  );
  return sequence(
    sequence(integer(0)),
    sequence(oid("1.2.840.113549.1.7.2"), tlv(0xa0, signedData)),
  );
}
