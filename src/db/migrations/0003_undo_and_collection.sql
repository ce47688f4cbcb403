-- What was deleted stays for the undo window, and what nothing names any more goes.

-- A deleted repository gives its name up: it is called '~<id>', as no repository can be and above all that can, so no
-- statement that looks for names or ranges of them finds it.
ALTER TABLE repositories ADD COLUMN former_name TEXT CHECK ((former_name IS NULL) = (name NOT GLOB '~*'));
ALTER TABLE repositories ADD COLUMN deleted_at INTEGER CHECK ((deleted_at IS NULL) = (former_name IS NULL));
ALTER TABLE repositories ADD COLUMN deleted_by TEXT;
ALTER TABLE repositories ADD COLUMN namespace TEXT GENERATED ALWAYS AS (
  substr(coalesce(former_name, name), 1, instr(coalesce(former_name, name) || '/', '/') - 1)
) VIRTUAL;

-- JSON: [{"tags": "v*", "except": ["v*-rc*"]}], as oci/tag-rules.ts has them. A namespace's hold in all its repositories.
ALTER TABLE repositories ADD COLUMN immutable_tags TEXT NOT NULL DEFAULT '[]';
ALTER TABLE namespaces ADD COLUMN immutable_tags TEXT NOT NULL DEFAULT '[]';

CREATE INDEX deleted_repositories ON repositories (former_name, deleted_at) WHERE deleted_at IS NOT NULL;
CREATE INDEX deleted_repositories_by_time ON repositories (deleted_at) WHERE deleted_at IS NOT NULL;

-- A deleted manifest is out of sight, but still holds on to what it names.
ALTER TABLE manifests ADD COLUMN pushed_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE manifests ADD COLUMN deleted_at INTEGER;
ALTER TABLE manifests ADD COLUMN deleted_by TEXT;
-- The key of its bytes in R2, where they are too big for the row.
ALTER TABLE manifests ADD COLUMN object TEXT;
UPDATE manifests SET pushed_at = created_at, object = CASE WHEN content IS NULL THEN 'manifests/' || digest END;

CREATE INDEX manifests_by_push ON manifests (repository_id, pushed_at, digest) WHERE deleted_at IS NULL;
CREATE INDEX live_manifests ON manifests (repository_id, digest) WHERE deleted_at IS NULL;
CREATE INDEX deleted_manifests ON manifests (repository_id, deleted_at, digest) WHERE deleted_at IS NOT NULL;
CREATE INDEX deleted_manifests_by_time ON manifests (deleted_at) WHERE deleted_at IS NOT NULL;
CREATE INDEX deleted_manifests_by_subject ON manifests (repository_id, subject, deleted_at)
WHERE subject IS NOT NULL AND deleted_at IS NOT NULL;
CREATE INDEX manifests_by_object ON manifests (object) WHERE object IS NOT NULL;

DROP INDEX manifests_by_subject;
DROP INDEX manifests_by_subject_and_type;
CREATE INDEX manifests_by_subject ON manifests (repository_id, subject, digest)
WHERE subject IS NOT NULL AND deleted_at IS NULL;
CREATE INDEX manifests_by_subject_and_type ON manifests (repository_id, subject, artifact_type, digest)
WHERE subject IS NOT NULL AND deleted_at IS NULL;

-- With all columns of a tag: else what looks for a manifest's tags, a foreign key too, goes by the primary key instead and
-- walks through all tags of the repository.
DROP INDEX tags_by_digest;
CREATE INDEX tags_by_digest ON tags (repository_id, digest, name, updated_at);

-- A tag pointed to `digest` until it was moved to `successor`, or deleted where that is NULL. The id begins with the time,
-- so it is also the order.
CREATE TABLE tag_history (
  repository_id INTEGER NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
  id TEXT NOT NULL,
  tag TEXT NOT NULL,
  digest TEXT NOT NULL,
  successor TEXT,
  changed_at INTEGER NOT NULL,
  changed_by TEXT,
  PRIMARY KEY (repository_id, id)
) WITHOUT ROWID;

CREATE INDEX tag_history_by_tag ON tag_history (repository_id, tag, id);
CREATE INDEX tag_history_by_digest ON tag_history (repository_id, digest, tag, id);
CREATE INDEX tag_history_by_time ON tag_history (changed_at);

-- Blobs that were deleted from a repository while only deleted manifests named them.
CREATE TABLE trashed_blobs (
  repository_id INTEGER NOT NULL REFERENCES repositories (id),
  digest TEXT NOT NULL REFERENCES blobs (digest),
  PRIMARY KEY (repository_id, digest)
) WITHOUT ROWID;

CREATE INDEX trashed_blobs_by_digest ON trashed_blobs (digest);

-- Blobs of a repository that no manifest of it names, each since it was last looked for, pushed or let go. When the grace
-- time has passed the repository loses it. The triggers below keep exactly those here.
CREATE TABLE unreferenced_blobs (
  repository_id INTEGER NOT NULL,
  digest TEXT NOT NULL,
  since INTEGER NOT NULL,
  PRIMARY KEY (repository_id, digest),
  FOREIGN KEY (repository_id, digest) REFERENCES repository_blobs (repository_id, digest) ON DELETE CASCADE
) WITHOUT ROWID;

CREATE INDEX unreferenced_blobs_by_time ON unreferenced_blobs (since);

INSERT INTO unreferenced_blobs (repository_id, digest, since)
SELECT l.repository_id, l.digest, CAST(unixepoch('subsec') * 1000 AS INTEGER) FROM repository_blobs l
WHERE NOT EXISTS (
  SELECT 1 FROM manifest_references f WHERE f.repository_id = l.repository_id AND f.digest = l.digest
);

-- Keys in R2 that no row names, or that one is about to name: the objects go when they are due.
CREATE TABLE object_deletions (
  key TEXT NOT NULL PRIMARY KEY,
  due_at INTEGER NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;

CREATE INDEX object_deletions_by_time ON object_deletions (due_at);
CREATE INDEX failing_objects ON object_deletions (attempts) WHERE attempts > 0;

-- Keys whose objects were deleted: a finish that was under way all the time must not name them. By then it has ended.
CREATE TABLE deleted_keys (
  key TEXT NOT NULL PRIMARY KEY,
  until INTEGER NOT NULL
) WITHOUT ROWID;

CREATE INDEX deleted_keys_by_time ON deleted_keys (until);

-- What a namespace takes: each blob once, however many of its repositories hold or keep it.
CREATE TABLE namespace_blobs (
  namespace TEXT NOT NULL,
  digest TEXT NOT NULL,
  size INTEGER NOT NULL,
  links INTEGER NOT NULL,
  PRIMARY KEY (namespace, digest)
) WITHOUT ROWID;

INSERT INTO namespace_blobs (namespace, digest, size, links)
SELECT r.namespace, b.digest, b.size, count(*) FROM repository_blobs l
JOIN repositories r ON r.id = l.repository_id JOIN blobs b ON b.digest = l.digest GROUP BY r.namespace, b.digest;

CREATE TABLE namespace_usage (
  namespace TEXT NOT NULL PRIMARY KEY,
  bytes INTEGER NOT NULL DEFAULT 0,
  repositories INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;

INSERT INTO namespace_usage (namespace, bytes, repositories)
SELECT namespace, (SELECT coalesce(sum(size), 0) FROM namespace_blobs b WHERE b.namespace = r.namespace), count(*)
FROM repositories r GROUP BY namespace;

-- NULL: as much as there is room for.
CREATE TABLE quotas (
  namespace TEXT NOT NULL PRIMARY KEY REFERENCES namespaces (name) ON DELETE CASCADE,
  bytes INTEGER,
  repositories INTEGER
) WITHOUT ROWID;

-- What runs when nobody asks, and where it stands.
CREATE TABLE jobs (
  name TEXT NOT NULL PRIMARY KEY,
  state TEXT NOT NULL DEFAULT '{}',
  lease_until INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;

-- A batch cannot stop in the middle: writing a 0 here fails it, and nothing of it is done.
CREATE VIEW assertions AS SELECT 1 AS holds;
CREATE TRIGGER assertion_fails INSTEAD OF INSERT ON assertions WHEN NOT NEW.holds
BEGIN
  SELECT RAISE(ABORT, 'changed meanwhile');
END;

-- A tag and an index need what they name in sight.

DROP TRIGGER reference_needs_manifest;
CREATE TRIGGER reference_needs_manifest BEFORE INSERT ON manifest_references
WHEN NEW.kind = 'manifest' AND NOT EXISTS (
  SELECT 1 FROM manifests
  WHERE repository_id = NEW.repository_id AND digest = NEW.digest AND deleted_at IS NULL
)
BEGIN
  SELECT RAISE(ABORT, 'reference unresolved');
END;

CREATE TRIGGER tag_needs_manifest BEFORE INSERT ON tags
WHEN NOT EXISTS (
  SELECT 1 FROM manifests
  WHERE repository_id = NEW.repository_id AND digest = NEW.digest AND deleted_at IS NULL
)
BEGIN
  SELECT RAISE(ABORT, 'reference unresolved');
END;

CREATE TRIGGER named_manifest_stays_in_sight BEFORE UPDATE OF deleted_at ON manifests
WHEN NEW.deleted_at IS NOT NULL AND OLD.deleted_at IS NULL AND (
  EXISTS (SELECT 1 FROM tags WHERE repository_id = OLD.repository_id AND digest = OLD.digest)
  OR EXISTS (
    SELECT 1 FROM manifest_references f
    CROSS JOIN manifests m ON m.repository_id = f.repository_id AND m.digest = f.manifest
    WHERE f.repository_id = OLD.repository_id AND f.digest = OLD.digest AND m.deleted_at IS NULL
  )
)
BEGIN
  SELECT RAISE(ABORT, 'still referenced');
END;

-- Deleted manifests go in whatever order their windows end: what named one was deleted before it, if only by the clocks of
-- two Workers, and is hardly restorable for longer.
DROP TRIGGER referenced_manifest_stays;
CREATE TRIGGER referenced_manifest_stays BEFORE DELETE ON manifests
WHEN EXISTS (
  SELECT 1 FROM manifest_references f
  CROSS JOIN manifests m ON m.repository_id = f.repository_id AND m.digest = f.manifest
  WHERE f.repository_id = OLD.repository_id AND f.digest = OLD.digest
    AND (OLD.deleted_at IS NULL OR m.deleted_at IS NULL)
)
BEGIN
  SELECT RAISE(ABORT, 'still referenced');
END;

-- Back in sight with all that it names.
CREATE TRIGGER manifest_needs_references BEFORE UPDATE OF deleted_at ON manifests
WHEN NEW.deleted_at IS NULL AND OLD.deleted_at IS NOT NULL AND EXISTS (
  SELECT 1 FROM manifest_references f
  WHERE f.repository_id = OLD.repository_id AND f.manifest = OLD.digest AND CASE f.kind
    WHEN 'blob' THEN NOT EXISTS (
      SELECT 1 FROM repository_blobs l WHERE l.repository_id = f.repository_id AND l.digest = f.digest)
    WHEN 'manifest' THEN NOT EXISTS (
      SELECT 1 FROM manifests c
      WHERE c.repository_id = f.repository_id AND c.digest = f.digest AND c.deleted_at IS NULL)
    ELSE 0 END
)
BEGIN
  SELECT RAISE(ABORT, 'reference unresolved');
END;

DROP TRIGGER referenced_blob_stays;
CREATE TRIGGER referenced_blob_stays BEFORE DELETE ON repository_blobs
WHEN EXISTS (
  SELECT 1 FROM manifest_references f
  CROSS JOIN manifests m ON m.repository_id = f.repository_id AND m.digest = f.manifest
  WHERE f.repository_id = OLD.repository_id AND f.digest = OLD.digest AND m.deleted_at IS NULL
)
BEGIN
  SELECT RAISE(ABORT, 'still referenced');
END;

-- Immutable tags.

CREATE VIEW matched_immutable_tags AS
SELECT t.repository_id, t.name, t.digest, level.of, rule.value ->> 'tags' AS pattern
FROM tags t
CROSS JOIN repositories r ON r.id = t.repository_id AND r.deleted_at IS NULL
CROSS JOIN (SELECT 'repository' AS of UNION ALL SELECT 'namespace') level
CROSS JOIN json_each(CASE level.of
  WHEN 'repository' THEN r.immutable_tags
  ELSE (SELECT n.immutable_tags FROM namespaces n WHERE n.name = r.namespace) END) rule
WHERE t.name GLOB rule.value ->> 'tags' AND NOT EXISTS (
  SELECT 1 FROM json_each(rule.value -> 'except') exception WHERE t.name GLOB exception.value
);

CREATE TRIGGER immutable_tag_stays BEFORE UPDATE OF digest ON tags
WHEN NEW.digest <> OLD.digest AND EXISTS (
  SELECT 1 FROM matched_immutable_tags WHERE repository_id = OLD.repository_id AND name = OLD.name
)
BEGIN
  SELECT RAISE(ABORT, 'immutable tag');
END;

CREATE TRIGGER immutable_tag_is_not_deleted BEFORE DELETE ON tags
WHEN EXISTS (SELECT 1 FROM matched_immutable_tags WHERE repository_id = OLD.repository_id AND name = OLD.name)
BEGIN
  SELECT RAISE(ABORT, 'immutable tag');
END;

-- What nobody names is reviewed, and what nobody holds is doomed, whichever statement it was.

CREATE TRIGGER link_is_counted AFTER INSERT ON repository_blobs
BEGIN
  INSERT INTO unreferenced_blobs (repository_id, digest, since)
  SELECT NEW.repository_id, NEW.digest, CAST(unixepoch('subsec') * 1000 AS INTEGER)
  WHERE NOT EXISTS (
    SELECT 1 FROM manifest_references f WHERE f.repository_id = NEW.repository_id AND f.digest = NEW.digest
  );
  INSERT INTO namespace_blobs (namespace, digest, size, links)
  SELECT r.namespace, b.digest, b.size, 1 FROM repositories r, blobs b
  WHERE r.id = NEW.repository_id AND b.digest = NEW.digest
  ON CONFLICT (namespace, digest) DO UPDATE SET links = links + 1;
  DELETE FROM trashed_blobs WHERE repository_id = NEW.repository_id AND digest = NEW.digest;
END;

CREATE TRIGGER kept_blob_is_counted AFTER INSERT ON trashed_blobs
BEGIN
  INSERT INTO namespace_blobs (namespace, digest, size, links)
  SELECT r.namespace, b.digest, b.size, 1 FROM repositories r, blobs b
  WHERE r.id = NEW.repository_id AND b.digest = NEW.digest
  ON CONFLICT (namespace, digest) DO UPDATE SET links = links + 1;
END;

CREATE TRIGGER unlinked_blob_goes AFTER DELETE ON repository_blobs
BEGIN
  INSERT INTO trashed_blobs (repository_id, digest)
  SELECT OLD.repository_id, OLD.digest WHERE EXISTS (
    SELECT 1 FROM manifest_references f WHERE f.repository_id = OLD.repository_id AND f.digest = OLD.digest
  );
  UPDATE namespace_blobs SET links = links - 1
  WHERE namespace = (SELECT namespace FROM repositories WHERE id = OLD.repository_id) AND digest = OLD.digest;
  DELETE FROM namespace_blobs
  WHERE namespace = (SELECT namespace FROM repositories WHERE id = OLD.repository_id) AND digest = OLD.digest
    AND links = 0;
  DELETE FROM blobs WHERE digest = OLD.digest
    AND NOT EXISTS (SELECT 1 FROM repository_blobs WHERE digest = OLD.digest)
    AND NOT EXISTS (SELECT 1 FROM trashed_blobs WHERE digest = OLD.digest);
END;

CREATE TRIGGER unkept_blob_goes AFTER DELETE ON trashed_blobs
BEGIN
  UPDATE namespace_blobs SET links = links - 1
  WHERE namespace = (SELECT namespace FROM repositories WHERE id = OLD.repository_id) AND digest = OLD.digest;
  DELETE FROM namespace_blobs
  WHERE namespace = (SELECT namespace FROM repositories WHERE id = OLD.repository_id) AND digest = OLD.digest
    AND links = 0;
  DELETE FROM blobs WHERE digest = OLD.digest
    AND NOT EXISTS (SELECT 1 FROM repository_blobs WHERE digest = OLD.digest)
    AND NOT EXISTS (SELECT 1 FROM trashed_blobs WHERE digest = OLD.digest);
END;

CREATE TRIGGER object_of_blob_goes AFTER DELETE ON blobs
BEGIN
  INSERT INTO object_deletions (key, due_at) VALUES (OLD.key, CAST(unixepoch('subsec') * 1000 AS INTEGER))
  ON CONFLICT (key) DO NOTHING;
END;

CREATE TRIGGER object_of_manifest_goes AFTER DELETE ON manifests
WHEN OLD.object IS NOT NULL AND NOT EXISTS (SELECT 1 FROM manifests WHERE object = OLD.object)
BEGIN
  INSERT INTO object_deletions (key, due_at) VALUES (OLD.object, CAST(unixepoch('subsec') * 1000 AS INTEGER))
  ON CONFLICT (key) DO NOTHING;
END;

CREATE TRIGGER reference_ends_review AFTER INSERT ON manifest_references
BEGIN
  DELETE FROM unreferenced_blobs WHERE repository_id = NEW.repository_id AND digest = NEW.digest;
END;

CREATE TRIGGER unreferenced_blob_is_reviewed AFTER DELETE ON manifest_references
WHEN NOT EXISTS (
  SELECT 1 FROM manifest_references f WHERE f.repository_id = OLD.repository_id AND f.digest = OLD.digest
)
BEGIN
  DELETE FROM trashed_blobs WHERE repository_id = OLD.repository_id AND digest = OLD.digest;
  INSERT INTO unreferenced_blobs (repository_id, digest, since)
  SELECT l.repository_id, l.digest, CAST(unixepoch('subsec') * 1000 AS INTEGER) FROM repository_blobs l
  WHERE l.repository_id = OLD.repository_id AND l.digest = OLD.digest
  ON CONFLICT (repository_id, digest) DO UPDATE SET since = excluded.since;
END;

-- What a namespace takes, and may take.

CREATE TRIGGER blob_is_weighed AFTER INSERT ON namespace_blobs
BEGIN
  UPDATE namespace_usage SET bytes = bytes + NEW.size WHERE namespace = NEW.namespace;
END;

CREATE TRIGGER blob_is_unweighed AFTER DELETE ON namespace_blobs
BEGIN
  UPDATE namespace_usage SET bytes = bytes - OLD.size WHERE namespace = OLD.namespace;
END;

CREATE TRIGGER repository_is_counted AFTER INSERT ON repositories
BEGIN
  INSERT INTO namespace_usage (namespace) VALUES (NEW.namespace) ON CONFLICT DO NOTHING;
  UPDATE namespace_usage SET repositories = repositories + 1
  WHERE namespace = NEW.namespace AND NEW.deleted_at IS NULL;
END;

CREATE TRIGGER deletion_of_repository_is_counted AFTER UPDATE OF deleted_at ON repositories
WHEN (OLD.deleted_at IS NULL) <> (NEW.deleted_at IS NULL)
BEGIN
  UPDATE namespace_usage SET repositories = repositories + iif(NEW.deleted_at IS NULL, 1, -1)
  WHERE namespace = NEW.namespace;
END;

CREATE TRIGGER lost_repository_is_counted AFTER DELETE ON repositories WHEN OLD.deleted_at IS NULL
BEGIN
  UPDATE namespace_usage SET repositories = repositories - 1 WHERE namespace = OLD.namespace;
END;

CREATE TRIGGER quota_of_bytes_holds BEFORE UPDATE OF bytes ON namespace_usage
WHEN NEW.bytes > OLD.bytes AND EXISTS (
  SELECT 1 FROM quotas WHERE namespace = NEW.namespace AND NEW.bytes > bytes
)
BEGIN
  SELECT RAISE(ABORT, 'quota of bytes');
END;

CREATE TRIGGER quota_of_repositories_holds BEFORE UPDATE OF repositories ON namespace_usage
WHEN NEW.repositories > OLD.repositories AND EXISTS (
  SELECT 1 FROM quotas WHERE namespace = NEW.namespace AND NEW.repositories > repositories
)
BEGIN
  SELECT RAISE(ABORT, 'quota of repositories');
END;

-- At 85 %, on the way up: db/audit.ts says what an id is.
CREATE TRIGGER quota_warns AFTER UPDATE ON namespace_usage
WHEN EXISTS (
  SELECT 1 FROM quotas WHERE namespace = NEW.namespace AND (
    (OLD.bytes < 0.85 * bytes AND NEW.bytes >= 0.85 * bytes)
    OR (OLD.repositories < 0.85 * repositories AND NEW.repositories >= 0.85 * repositories))
)
BEGIN
  INSERT INTO audit (id, time, via, action, namespace, reference, detail, request_id, outcome)
  SELECT printf('%012x', now) || lower(hex(randomblob(8))), now, 'registry', 'quota.warn', NEW.namespace, NEW.namespace,
    NEW.bytes || ' of ' || coalesce(q.bytes, 'any number of') || ' bytes, '
    || NEW.repositories || ' of ' || coalesce(q.repositories, 'any number of') || ' repositories', '', 'done'
  FROM quotas q, (SELECT CAST(unixepoch('subsec') * 1000 AS INTEGER) AS now) WHERE q.namespace = NEW.namespace;
END;
