/** Whom Fulcio gave a certificate (github.com/sigstore/fulcio/blob/main/docs/oid-info.md). */
import type { Certificate } from "./certificate.ts";
import { type Refusal, unverified } from "./signature.ts";

export interface Identity {
  /** Of the ID token that Fulcio was shown. */
  readonly issuer: string;
  /** An e-mail address, the URI of a workflow, or a user's name. */
  readonly subject: string;
}

/** The issuer as the extension's bytes, and as a UTF8String in them, which replaced it. */
const ISSUER = "1.3.6.1.4.1.57264.1.1";
const ISSUER_V2 = "1.3.6.1.4.1.57264.1.8";
const SUBJECT_ALT_NAME = "2.5.29.17";
/** The kinds of names in RFC 5280 § 4.2.1.6: otherName, rfc822Name and uniformResourceIdentifier. */
const OTHER_NAME = 0;
const TEXT_NAMES = [1, 6];
const USER_NAME = "1.3.6.1.4.1.57264.1.7";

/** @throws Refusal "unverified" unless the certificate names one issuer and one subject */
export function identityOf({ fields }: Certificate): Identity {
  try {
    const value = fields.extension(ISSUER_V2)?.valueObj.subs[0]?.value;
    const issuer = textOf(value ?? fields.extension(ISSUER)?.value);
    const names = fields.extension(SUBJECT_ALT_NAME)?.valueObj.subs[0]?.subs ?? [];
    const [name] = names;
    if (name === undefined || names.length !== 1) throw unnamed();
    if (TEXT_NAMES.some((kind) => name.tag.isContextSpecific(kind))) {
      return { issuer, subject: textOf(name.value) };
    }
    const [type, holder] = name.subs;
    if (!name.tag.isContextSpecific(OTHER_NAME) || type?.toOID() !== USER_NAME) throw unnamed();
    return { issuer, subject: textOf(holder?.subs[0]?.value) };
  } catch {
    throw unnamed();
  }
}

function textOf(bytes: Uint8Array | undefined): string {
  if (bytes === undefined || bytes.length === 0) throw unnamed();
  return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
}

function unnamed(): Refusal {
  return unverified("the certificate does not name one issuer and one identity");
}
