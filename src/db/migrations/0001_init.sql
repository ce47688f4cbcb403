-- The index: which repositories there are, what each one holds, and where the bytes lie.
-- What must never happen is refused here, so that no statement can forget it.

CREATE TABLE repositories (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  created_at INTEGER NOT NULL
);

-- One row a digest, however many repositories hold it. A key belongs to one blob for ever.
CREATE TABLE blobs (
  digest TEXT NOT NULL PRIMARY KEY,
  key TEXT NOT NULL UNIQUE,
  size INTEGER NOT NULL CHECK (size >= 0),
  created_at INTEGER NOT NULL
) WITHOUT ROWID;

-- Through which repositories a blob can be read.
CREATE TABLE repository_blobs (
  repository_id INTEGER NOT NULL REFERENCES repositories (id),
  digest TEXT NOT NULL REFERENCES blobs (digest),
  PRIMARY KEY (repository_id, digest)
) WITHOUT ROWID;

CREATE INDEX repository_blobs_by_digest ON repository_blobs (digest);

-- content is the manifest's text, or NULL where it is too big for a row and lies in R2.
CREATE TABLE manifests (
  repository_id INTEGER NOT NULL REFERENCES repositories (id),
  digest TEXT NOT NULL,
  media_type TEXT NOT NULL,
  size INTEGER NOT NULL,
  content TEXT,
  subject TEXT,
  artifact_type TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (repository_id, digest)
) WITHOUT ROWID;

CREATE INDEX manifests_by_subject ON manifests (repository_id, subject, digest)
WHERE subject IS NOT NULL;

CREATE INDEX manifests_by_subject_and_type ON manifests (repository_id, subject, artifact_type, digest)
WHERE subject IS NOT NULL;

-- What a manifest names: a 'blob' or 'manifest' that must be in the repository, or 'optional', which need not.
CREATE TABLE manifest_references (
  repository_id INTEGER NOT NULL,
  manifest TEXT NOT NULL,
  digest TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('blob', 'manifest', 'optional')),
  PRIMARY KEY (repository_id, manifest, digest),
  FOREIGN KEY (repository_id, manifest) REFERENCES manifests (repository_id, digest) ON DELETE CASCADE
) WITHOUT ROWID;

CREATE INDEX manifest_references_by_digest ON manifest_references (repository_id, digest);

CREATE TABLE tags (
  repository_id INTEGER NOT NULL,
  name TEXT NOT NULL,
  digest TEXT NOT NULL,
  updated_at INTEGER NOT NULL,
  PRIMARY KEY (repository_id, name),
  FOREIGN KEY (repository_id, digest) REFERENCES manifests (repository_id, digest) ON DELETE CASCADE
) WITHOUT ROWID;

CREATE INDEX tags_by_digest ON tags (repository_id, digest);

CREATE TRIGGER reference_needs_blob BEFORE INSERT ON manifest_references
WHEN NEW.kind = 'blob' AND NOT EXISTS (
  SELECT 1 FROM repository_blobs WHERE repository_id = NEW.repository_id AND digest = NEW.digest
)
BEGIN
  SELECT RAISE(ABORT, 'reference unresolved');
END;

CREATE TRIGGER reference_needs_manifest BEFORE INSERT ON manifest_references
WHEN NEW.kind = 'manifest' AND NOT EXISTS (
  SELECT 1 FROM manifests WHERE repository_id = NEW.repository_id AND digest = NEW.digest
)
BEGIN
  SELECT RAISE(ABORT, 'reference unresolved');
END;

CREATE TRIGGER referenced_blob_stays BEFORE DELETE ON repository_blobs
WHEN EXISTS (
  SELECT 1 FROM manifest_references WHERE repository_id = OLD.repository_id AND digest = OLD.digest
)
BEGIN
  SELECT RAISE(ABORT, 'still referenced');
END;

CREATE TRIGGER referenced_manifest_stays BEFORE DELETE ON manifests
WHEN EXISTS (
  SELECT 1 FROM manifest_references WHERE repository_id = OLD.repository_id AND digest = OLD.digest
)
BEGIN
  SELECT RAISE(ABORT, 'still referenced');
END;
