/** `slipway signer`: whose signatures a namespace trusts; `slipway signatures`: those of an image. */
import type { Command } from "commander";
import type { NewSigner, Signature, Signatures, Signer } from "../signatures/schema.ts";
import { connect } from "./connection.ts";
import { confirmDestruction, undoText, yesOption, type YesOption } from "./destroy.ts";
import { readTextFileOrInput } from "./file.ts";
import { type Columns, Output, shortDigest, time } from "./output.ts";
import { digestOf, manifestPath, nameOf } from "./scan/image.ts";
import { copyable } from "./sentence.ts";
import { parseTarget, type Target } from "./thing.ts";

interface SetOptions {
  readonly key?: string;
  readonly issuer?: string;
  readonly identity?: string;
  readonly certificate?: readonly string[];
  readonly subject?: readonly string[];
}

const SIGNERS: Columns<Signer> = {
  NAME: ({ name }) => name,
  KIND: { value: ({ kind }) => kind, isFixed: true },
  WHO: (signer) => whoOf(signer),
  "CREATED (UTC)": { value: ({ createdAt }) => time(createdAt), isDetail: true },
};

const SIGNATURES: Columns<Signature> = {
  STATE: { value: ({ state }) => state, isFixed: true },
  BY: ({ by }) => by ?? "",
  SIGNER: ({ signer }) => signer ?? "",
  REASON: ({ reason }) => reason,
  FORMAT: { value: ({ format }) => format, isDetail: true },
  SUBJECT: {
    value: ({ subject }) => subject,
    short: ({ subject }) => shortDigest(subject),
    isDetail: true,
  },
};

const all = (one: string, before: readonly string[] | undefined) => [...(before ?? []), one];

export function addSignerCommands(program: Command): void {
  const signer = program
    .command("signer")
    .description("Signers: whose signatures of images count.");
  signer
    .command("list")
    .description("List whose signatures a namespace trusts.")
    .argument("<namespace>")
    .action(listSigners);
  signer
    .command("set")
    .description("Trust a key, an identity by OIDC, or certificates of notation.")
    .argument("<namespace>")
    .argument("<name>", "what to call the signer")
    .option("--key <file>", "a public key, such as cosign.pub; - is standard input")
    .option("--issuer <url>", "for keyless signatures: who issued the ID token")
    .option("--identity <glob>", "for keyless signatures: an e-mail address or a workflow's URI")
    .option("--certificate <file>", "of an authority or a signer of notation; repeatable", all)
    .option("--subject <subject>", 'of such a signer: "C=US, ST=WA, O=acme", or *; repeatable', all)
    .action(setSigner);
  const remove = signer
    .command("remove")
    .description("Trust somebody's signatures no longer.")
    .argument("<namespace>")
    .argument("<name>");
  yesOption(remove).action(removeSigner);
  program
    .command("signatures")
    .description("List an image's signatures, and which are of a trusted signer.")
    .argument("<image>", "such as acme/app:v1 or acme/app@sha256:1a2b3c4d5e6f", parseTarget)
    .action(listSignatures);
}

function pathOf(namespace: string, name?: string): string {
  const list = `/namespaces/${encodeURIComponent(namespace)}/signers`;
  return name === undefined ? list : `${list}/${encodeURIComponent(name)}`;
}

async function listSigners(namespace: string, _options: object, command: Command): Promise<void> {
  const api = await connect(command);
  const items = api.list<Signer>(pathOf(namespace));
  const none = `${namespace} trusts nobody's signatures.`;
  await new Output(command).list({ items, columns: SIGNERS, none });
}

async function setSigner(
  namespace: string,
  name: string,
  options: SetOptions,
  command: Command,
): Promise<void> {
  const body = await bodyOf(options, command);
  const api = await connect(command);
  const stored = await api.send<Signer>("PUT", pathOf(namespace, name), body);
  new Output(command).answer(
    stored,
    `${namespace} trusts the signatures of ${name}: ${whoOf(stored)}.`,
    `To undo: ${copyable(`slipway signer remove ${namespace} ${name}`)}`,
  );
}

async function bodyOf(options: SetOptions, command: Command): Promise<NewSigner> {
  const { key, issuer, identity, certificate = [], subject = [] } = options;
  const none = { publicKey: null, issuer: null, identity: null, certificates: [], identities: [] };
  const kinds = [key !== undefined, (issuer ?? identity) !== undefined, certificate.length > 0];
  if (kinds.filter(Boolean).length !== 1) {
    return command.error("who? Give --key, or --issuer with --identity, or --certificate");
  }
  if (key !== undefined) {
    return { ...none, kind: "key", publicKey: await readTextFileOrInput(key) };
  }
  if (certificate.length === 0) {
    return { ...none, kind: "keyless", issuer: issuer ?? null, identity: identity ?? null };
  }
  return {
    ...none,
    kind: "notation",
    certificates: await Promise.all(certificate.map(readTextFileOrInput)),
    identities: subject.map((one) => (one === "*" ? one : `x509.subject: ${one}`)),
  };
}

async function removeSigner(
  namespace: string,
  name: string,
  options: YesOption,
  command: Command,
): Promise<void> {
  const api = await connect(command);
  const destruction = { action: `trust the signatures of ${name} no longer`, undo: null };
  await confirmDestruction(destruction, options, command);
  await api.remove(pathOf(namespace, name));
  const text = `${namespace} trusts the signatures of ${name} no longer. ${undoText(destruction)}`;
  new Output(command).answer({ deleted: "signer", name, namespace }, text);
}

async function listSignatures(target: Target, _options: object, command: Command): Promise<void> {
  const api = await connect(command);
  const path = `${manifestPath(target.repository, await digestOf(api, target))}/signatures`;
  const found = await api.get<Signatures>(path);
  const output = new Output(command);
  const none = `${nameOf(target)} has no signature.`;
  const { items, problems } = found;
  output.answer(found, items.length === 0 ? none : output.table(items, SIGNATURES), ...problems);
}

/** Whose signatures they are, on one line. */
function whoOf({ kind, issuer, identity, identities, publicKey }: Signer): string {
  if (kind === "keyless") return `${identity ?? ""} by ${issuer ?? ""}`;
  if (kind === "notation") return identities.join("; ");
  return (publicKey ?? "").replaceAll(/-----[^-]+-----|\s/g, "").slice(-24);
}
