-- What a namespace costs: the bytes of its blobs and manifests, and 512 bytes for each row that it has of a manifest, a
-- reference, a tag, or a tag's past, which is about what such a row takes with its indexes.

-- What is there is counted anew below. A quota that it does not fit into any more must not keep that from being done; nothing is
-- added to such a namespace until it fits again.
DROP TRIGGER quota_of_bytes_holds;
DROP TRIGGER quota_warns;

-- The manifest's bytes, its row, and the row of each of its references. An import works out what an export does not say of it, so
-- none is noted as changed: each would be exported anew.
DROP TRIGGER noted_update_of_manifests;
ALTER TABLE manifests ADD COLUMN cost INTEGER NOT NULL DEFAULT 0;
UPDATE manifests SET cost = size + 512 * (1 + (
  SELECT count(*) FROM manifest_references f
  WHERE f.repository_id = manifests.repository_id AND f.manifest = manifests.digest));
CREATE TRIGGER noted_update_of_manifests AFTER UPDATE ON manifests
BEGIN
  INSERT INTO changes (kind, key) VALUES ('manifests', json_array(NEW.repository_id, NEW.digest));
END;

-- A sum over a repository reads this, not the manifests' texts.
CREATE INDEX manifest_costs ON manifests (repository_id, cost);

-- Whose object waits for its deletion, and its size; NULL where nobody pays for it.
ALTER TABLE object_deletions ADD COLUMN namespace TEXT;
ALTER TABLE object_deletions ADD COLUMN size INTEGER NOT NULL DEFAULT 0;
CREATE INDEX object_deletions_by_namespace ON object_deletions (namespace, size) WHERE namespace IS NOT NULL;

-- Uploads that were unfinished for a while. Their sessions see to it (session/upload-session.ts).
CREATE TABLE unfinished_uploads (
  name TEXT NOT NULL PRIMARY KEY,
  namespace TEXT NOT NULL,
  actor TEXT NOT NULL,
  bytes INTEGER NOT NULL
) WITHOUT ROWID;

CREATE INDEX unfinished_uploads_by_namespace ON unfinished_uploads (namespace, bytes);
CREATE INDEX unfinished_uploads_by_actor ON unfinished_uploads (actor);

-- What deletions and unfinished uploads take: it counts, and grows without being refused, so that a full namespace can be
-- emptied.
ALTER TABLE namespace_usage ADD COLUMN waiting INTEGER NOT NULL DEFAULT 0;
-- With the deleted ones, which are rows as well.
ALTER TABLE namespace_usage ADD COLUMN all_repositories INTEGER NOT NULL DEFAULT 0;

-- What holds for namespaces without a quota of their own, as the settings have it; NULL for as much as there is room for.
CREATE TABLE bounds (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  quota_bytes INTEGER,
  max_repositories INTEGER NOT NULL
);
INSERT INTO bounds (id, quota_bytes, max_repositories) VALUES (1, NULL, 10000);

UPDATE namespace_usage SET
  bytes = bytes
    + (SELECT coalesce(sum(m.cost), 0) FROM repositories r JOIN manifests m ON m.repository_id = r.id
       WHERE r.namespace = namespace_usage.namespace)
    + 512 * (SELECT count(*) FROM repositories r JOIN tags t ON t.repository_id = r.id
       WHERE r.namespace = namespace_usage.namespace)
    + 512 * (SELECT count(*) FROM repositories r JOIN tag_history h ON h.repository_id = r.id
       WHERE r.namespace = namespace_usage.namespace AND h.successor IS NOT NULL),
  waiting = 512 * (SELECT count(*) FROM repositories r JOIN tag_history h ON h.repository_id = r.id
       WHERE r.namespace = namespace_usage.namespace AND h.successor IS NULL),
  all_repositories = (SELECT count(*) FROM repositories r WHERE r.namespace = namespace_usage.namespace);

-- Rows of the index.

-- Its object is no longer counted as what waits for deletion, from now on.
CREATE TRIGGER manifest_is_charged AFTER INSERT ON manifests
BEGIN
  UPDATE object_deletions SET size = 0 WHERE key = NEW.object;
  UPDATE namespace_usage SET bytes = bytes + NEW.cost
  WHERE namespace = (SELECT namespace FROM repositories WHERE id = NEW.repository_id);
END;

-- One that comes in sight keeps its object, whichever push wrote that: the one that ends may have announced another.
CREATE TRIGGER manifest_in_sight_keeps_object AFTER UPDATE OF deleted_at ON manifests
WHEN NEW.deleted_at IS NULL AND NEW.object IS NOT NULL
BEGIN
  DELETE FROM object_deletions WHERE key = NEW.object;
END;

CREATE TRIGGER changed_manifest_is_charged AFTER UPDATE OF cost ON manifests WHEN NEW.cost <> OLD.cost
BEGIN
  UPDATE namespace_usage SET bytes = bytes + NEW.cost - OLD.cost
  WHERE namespace = (SELECT namespace FROM repositories WHERE id = NEW.repository_id);
END;

CREATE TRIGGER manifest_is_refunded AFTER DELETE ON manifests
BEGIN
  UPDATE namespace_usage SET bytes = bytes - OLD.cost
  WHERE namespace = (SELECT namespace FROM repositories WHERE id = OLD.repository_id);
END;

CREATE TRIGGER tag_is_charged AFTER INSERT ON tags
BEGIN
  UPDATE namespace_usage SET bytes = bytes + 512
  WHERE namespace = (SELECT namespace FROM repositories WHERE id = NEW.repository_id);
END;

CREATE TRIGGER tag_is_refunded AFTER DELETE ON tags
BEGIN
  UPDATE namespace_usage SET bytes = bytes - 512
  WHERE namespace = (SELECT namespace FROM repositories WHERE id = OLD.repository_id);
END;

-- A push that moves a tag can be refused; a deletion cannot.
CREATE TRIGGER tag_history_is_charged AFTER INSERT ON tag_history
BEGIN
  UPDATE namespace_usage SET bytes = bytes + 512 * (NEW.successor IS NOT NULL),
    waiting = waiting + 512 * (NEW.successor IS NULL)
  WHERE namespace = (SELECT namespace FROM repositories WHERE id = NEW.repository_id);
END;

CREATE TRIGGER tag_history_is_refunded AFTER DELETE ON tag_history
BEGIN
  UPDATE namespace_usage SET bytes = bytes - 512 * (OLD.successor IS NOT NULL),
    waiting = waiting - 512 * (OLD.successor IS NULL)
  WHERE namespace = (SELECT namespace FROM repositories WHERE id = OLD.repository_id);
END;

-- What waits for deletion costs whoever let it go.

CREATE TRIGGER doomed_object_is_charged AFTER INSERT ON object_deletions WHEN NEW.namespace IS NOT NULL
BEGIN
  INSERT INTO namespace_usage (namespace) VALUES (NEW.namespace) ON CONFLICT DO NOTHING;
  UPDATE namespace_usage SET waiting = waiting + NEW.size WHERE namespace = NEW.namespace;
END;

CREATE TRIGGER changed_doomed_object_is_charged AFTER UPDATE OF size ON object_deletions
WHEN NEW.namespace IS NOT NULL
BEGIN
  UPDATE namespace_usage SET waiting = waiting + NEW.size - OLD.size WHERE namespace = NEW.namespace;
END;

CREATE TRIGGER doomed_object_is_refunded AFTER DELETE ON object_deletions WHEN OLD.namespace IS NOT NULL
BEGIN
  UPDATE namespace_usage SET waiting = waiting - OLD.size WHERE namespace = OLD.namespace;
END;

-- The last repository that holds a blob dooms its object before the row goes: after that nobody knows whose it was.
CREATE TRIGGER last_link_dooms_object BEFORE DELETE ON repository_blobs
WHEN NOT EXISTS (SELECT 1 FROM trashed_blobs WHERE digest = OLD.digest)
  AND NOT EXISTS (SELECT 1 FROM repository_blobs WHERE digest = OLD.digest AND repository_id <> OLD.repository_id)
  AND NOT EXISTS (
    SELECT 1 FROM manifest_references WHERE repository_id = OLD.repository_id AND digest = OLD.digest)
BEGIN
  INSERT INTO object_deletions (key, due_at, namespace, size)
  SELECT b.key, CAST(unixepoch('subsec') * 1000 AS INTEGER), r.namespace, b.size FROM blobs b, repositories r
  WHERE b.digest = OLD.digest AND r.id = OLD.repository_id ON CONFLICT (key) DO NOTHING;
END;

CREATE TRIGGER last_keeper_dooms_object BEFORE DELETE ON trashed_blobs
WHEN NOT EXISTS (SELECT 1 FROM repository_blobs WHERE digest = OLD.digest)
  AND NOT EXISTS (SELECT 1 FROM trashed_blobs WHERE digest = OLD.digest AND repository_id <> OLD.repository_id)
BEGIN
  INSERT INTO object_deletions (key, due_at, namespace, size)
  SELECT b.key, CAST(unixepoch('subsec') * 1000 AS INTEGER), r.namespace, b.size FROM blobs b, repositories r
  WHERE b.digest = OLD.digest AND r.id = OLD.repository_id ON CONFLICT (key) DO NOTHING;
END;

DROP TRIGGER object_of_manifest_goes;
CREATE TRIGGER object_of_manifest_goes AFTER DELETE ON manifests
WHEN OLD.object IS NOT NULL AND NOT EXISTS (SELECT 1 FROM manifests WHERE object = OLD.object)
BEGIN
  INSERT INTO object_deletions (key, due_at, namespace, size)
  SELECT OLD.object, CAST(unixepoch('subsec') * 1000 AS INTEGER), namespace, OLD.size
  FROM repositories WHERE id = OLD.repository_id ON CONFLICT (key) DO UPDATE SET due_at = excluded.due_at, size = excluded.size;
END;

-- Unfinished uploads.

CREATE TRIGGER unfinished_upload_is_charged AFTER INSERT ON unfinished_uploads
BEGIN
  INSERT INTO namespace_usage (namespace) VALUES (NEW.namespace) ON CONFLICT DO NOTHING;
  UPDATE namespace_usage SET waiting = waiting + NEW.bytes WHERE namespace = NEW.namespace;
END;

CREATE TRIGGER changed_unfinished_upload_is_charged AFTER UPDATE OF bytes ON unfinished_uploads
BEGIN
  UPDATE namespace_usage SET waiting = waiting + NEW.bytes - OLD.bytes WHERE namespace = NEW.namespace;
END;

CREATE TRIGGER unfinished_upload_is_refunded AFTER DELETE ON unfinished_uploads
BEGIN
  UPDATE namespace_usage SET waiting = waiting - OLD.bytes WHERE namespace = OLD.namespace;
END;

-- Repositories, the deleted ones included.

CREATE TRIGGER every_repository_is_counted AFTER INSERT ON repositories
BEGIN
  INSERT INTO namespace_usage (namespace) VALUES (NEW.namespace) ON CONFLICT DO NOTHING;
  UPDATE namespace_usage SET all_repositories = all_repositories + 1 WHERE namespace = NEW.namespace;
END;

CREATE TRIGGER every_lost_repository_is_counted AFTER DELETE ON repositories
BEGIN
  UPDATE namespace_usage SET all_repositories = all_repositories - 1 WHERE namespace = OLD.namespace;
END;

CREATE TRIGGER repositories_are_bounded BEFORE UPDATE OF all_repositories ON namespace_usage
WHEN NEW.all_repositories > OLD.all_repositories
  AND NEW.all_repositories > (SELECT max_repositories FROM bounds WHERE id = 1)
BEGIN
  SELECT RAISE(ABORT, 'bound of repositories');
END;

-- The limits of each namespace: its own quota, else the deployment's.
CREATE VIEW limits AS
SELECT n.name AS namespace, CASE WHEN q.namespace IS NULL THEN b.quota_bytes ELSE q.bytes END AS bytes, q.repositories
FROM namespaces n CROSS JOIN bounds b ON b.id = 1 LEFT JOIN quotas q ON q.namespace = n.name;

-- Bytes that a body announces may be those of a blob that is there: it is let through then.
CREATE INDEX namespace_blobs_by_size ON namespace_blobs (namespace, size);

-- Old counts of pulls are forgotten by their day.
CREATE INDEX pulls_by_day ON pulls (day);

CREATE TRIGGER quota_of_bytes_holds BEFORE UPDATE OF bytes ON namespace_usage
WHEN NEW.bytes > OLD.bytes AND EXISTS (
  SELECT 1 FROM limits WHERE namespace = NEW.namespace AND NEW.bytes + NEW.waiting > bytes
)
BEGIN
  SELECT RAISE(ABORT, 'quota of bytes');
END;

-- At 85 %, on the way up: db/audit.ts says what an id is.
CREATE TRIGGER quota_warns AFTER UPDATE OF bytes, repositories ON namespace_usage
WHEN EXISTS (
  SELECT 1 FROM limits WHERE namespace = NEW.namespace AND (
    (OLD.bytes + OLD.waiting < 0.85 * bytes AND NEW.bytes + NEW.waiting >= 0.85 * bytes)
    OR (OLD.repositories < 0.85 * repositories AND NEW.repositories >= 0.85 * repositories))
)
BEGIN
  INSERT INTO audit (id, time, via, action, namespace, reference, detail, request_id, outcome)
  SELECT printf('%012x', now) || lower(hex(randomblob(8))), now, 'registry', 'quota.warn', NEW.namespace, NEW.namespace,
    (NEW.bytes + NEW.waiting) || ' of ' || coalesce(l.bytes, 'any number of') || ' bytes, '
    || NEW.repositories || ' of ' || coalesce(l.repositories, 'any number of') || ' repositories', '', 'done'
  FROM limits l, (SELECT CAST(unixepoch('subsec') * 1000 AS INTEGER) AS now) WHERE l.namespace = NEW.namespace;
END;
