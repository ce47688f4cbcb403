/** Subjects of certificates, as Notary Project's trust policies name them (notaryproject/specifications). */
import type { Certificate } from "./certificate.ts";

/** The attributes that a policy may name (RFC 4519 § 2), with their OIDs. */
const ATTRIBUTES: Readonly<Record<string, string>> = {
  "2.5.4.3": "CN",
  "2.5.4.6": "C",
  "2.5.4.7": "L",
  "2.5.4.8": "ST",
  "2.5.4.9": "STREET",
  "2.5.4.10": "O",
  "2.5.4.11": "OU",
};
const PREFIX = /^x509\.subject:/;
const MAX_SUBJECT_LENGTH = 1024;

/** Name → value; no name is there twice. */
export type Subject = ReadonlyMap<string, string>;

/**
 * Reads "x509.subject: C=US, ST=WA, O=acme". A comma in a value is written "\,".
 * @returns null unless it names at least one attribute, and each once
 */
export function parseSubject(text: string): Subject | null {
  if (!PREFIX.test(text) || text.length > MAX_SUBJECT_LENGTH) return null;
  const parts = text.replace(PREFIX, "").match(/(?:\\.|[^,\\])+/g) ?? [];
  const attributes = parts.map((part) => {
    const [, name = "", value = ""] = /^\s*([A-Za-z]+)=(.+?)\s*$/.exec(part) ?? [];
    const upper = name.toUpperCase();
    return [upper === "S" ? "ST" : upper, value.replaceAll(/\\(.)/g, "$1")] as const;
  });
  const subject = new Map(attributes);
  const isKnown = attributes.every(([name]) => Object.values(ATTRIBUTES).includes(name));
  return isKnown && subject.size === attributes.length && subject.size > 0 ? subject : null;
}

/** @returns the attributes with a known name, in the certificate's order; null where it has one of them twice */
export function subjectOf({ fields }: Certificate): Subject | null {
  const names = fields.tbsCertificate.subs[5]?.subs.flatMap(({ subs }) => subs) ?? [];
  const attributes = names.flatMap(({ subs: [type, value] }) => {
    const name = ATTRIBUTES[type?.toOID() ?? ""];
    if (name === undefined || value === undefined) return [];
    return [[name, new TextDecoder().decode(value.value)] as const];
  });
  const subject = new Map(attributes);
  return subject.size === attributes.length ? subject : null;
}

/** Returns whether the certificate's subject has all that is wanted. */
export function isWithin(wanted: Subject, subject: Subject): boolean {
  return [...wanted].every(([name, value]) => subject.get(name) === value);
}

export function shownSubject(subject: Subject): string {
  return [...subject].map(([name, value]) => `${name}=${value}`).join(", ");
}
