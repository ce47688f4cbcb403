const PUSH_AGAIN =
  "push what needs it again: after --repair clients are told that it is not there, and send it; one that finds the manifest may send nothing, so delete that first";

const UNREAD =
  "run slipway fsck again, as it may pass; nothing is known of the bytes, so delete nothing";

/** Everything that can be wrong: its meaning, and what to do where a repair does not help. */
export const KINDS = {
  "blob.missing": ["the blob's object is not in the bucket", PUSH_AGAIN],
  "blob.unread": ["the bucket fails to give the blob's object", UNREAD],
  "blob.damaged": ["the bytes of the blob's object do not have its digest", PUSH_AGAIN],
  "blob.size": ["the blob's row has another size than its object, which is whole", ""],
  "blob.found": ["the blob was taken for lost, but its object is there and whole", ""],
  "blob.unlinked": ["no repository holds the blob, and it was not collected", ""],
  "blob.scheduled": ["the blob's object is to be deleted, though the blob is there", ""],
  "manifest.missing": [
    "the manifest's object is not in the bucket",
    "push the manifest again: after --repair clients are told that it is not there, and send it",
  ],
  "manifest.unread": ["the bucket fails to give the manifest's object", UNREAD],
  "manifest.damaged": [
    "the manifest's bytes do not have its digest",
    "push the manifest again: after --repair clients are told that it is not there, and send it",
  ],
  "manifest.found": ["the manifest was taken for lost, but its bytes are there and whole", ""],
  "manifest.scheduled": [
    "the manifest's object is to be deleted, though the manifest is there",
    "",
  ],
  "manifest.invalid": [
    "the manifest has its digest, but cannot be read as its media type",
    "see whether anything can pull it, and delete it if not",
  ],
  "manifest.fields": ["what the manifest's row says of its bytes is not what they are", ""],
  "reference.wrong": [
    "the manifest's references are not those that its bytes name",
    "--repair writes them anew; where what they name is not there, push the image again and then repair",
  ],
  "reference.unresolved": [
    "the manifest names what its repository does not hold",
    "--repair links what is there; for the rest push the image again: clients send what is missing",
  ],
  "tag.unresolved": [
    "the tag points to a manifest that cannot be seen",
    "--repair brings it back; where it is gone, push the image again under this tag",
  ],
  "link.unresolved": ["the repository holds a blob that there is not", "push what needs it again"],
  "trashed.unresolved": [
    "the repository keeps a blob for its deleted manifests that there is not",
    "what needs it cannot be restored; push it again",
  ],
  "trashed.unneeded": ["the repository keeps a blob that it need not keep", ""],
  "unreferenced.missing": ["no manifest names the blob, but it is not waiting to be collected", ""],
  "unreferenced.wrong": ["a manifest names the blob, but it is waiting to be collected", ""],
  "usage.blob": [
    "the blob is not counted in its namespace as it should be",
    "--repair counts it, unless that takes the namespace above its quota: then raise that first",
  ],
  "usage.namespace": [
    "what the namespace takes is not the sum of what it holds",
    "--repair adds it up, unless that takes the namespace above its quota: then raise that first",
  ],
  "object.orphan": [
    "nothing explains this object",
    "if the database was ever lost, set back or not wholly imported, what explains it is to come back first (slipway import, slipway import --relink), so leave it; only where that cannot be, and nothing is to be saved, it is rubbish",
  ],
  "index.empty": [
    "the index is empty, but the bucket is not",
    "delete nothing: import the index first (slipway import); in a new registry it is the first upload, which takes its time",
  ],
  "page.unread": [
    "this page could not be checked, and was passed over",
    "slipway fsck says why, or finds that it has passed",
  ],
} as const satisfies Record<string, readonly [string, string]>;

export type Kind = keyof typeof KINDS;
export const ALL_KINDS = Object.keys(KINDS) as Kind[];

/** "marked": clients are now told that the bytes are missing, and a push restores them. */
export const OUTCOMES = ["found", "repaired", "marked"] as const;
export type Outcome = (typeof OUTCOMES)[number];
