-- Lifecycle policies, and what they are carried out by.

-- JSON as it was given: retention/policy.ts reads it. A repository without one has its namespace's.
ALTER TABLE repositories ADD COLUMN retention TEXT;
ALTER TABLE namespaces ADD COLUMN retention TEXT;

-- The last day (of days since 1970) that a manifest was pulled on.
CREATE TABLE manifest_pulls (
  repository_id INTEGER NOT NULL,
  digest TEXT NOT NULL,
  day INTEGER NOT NULL,
  PRIMARY KEY (repository_id, digest),
  FOREIGN KEY (repository_id, digest) REFERENCES manifests (repository_id, digest) ON DELETE CASCADE
) WITHOUT ROWID;

-- Nobody knows what was pulled before this table was there: no rule may take that for never.
INSERT INTO jobs (name, state)
SELECT 'retention', json_object('pullsSince', CAST(unixepoch('subsec') * 1000 AS INTEGER))
WHERE true ON CONFLICT DO NOTHING;

-- Repositories that have a policy, or had one, and when it is carried out next.
CREATE TABLE retention_runs (
  repository_id INTEGER PRIMARY KEY REFERENCES repositories (id) ON DELETE CASCADE,
  next_at INTEGER NOT NULL,
  -- What is being carried out, and how far that is; NULL between two runs.
  policy TEXT,
  state TEXT,
  -- One more with each change, so that two that do the same step cannot both have done it.
  step INTEGER NOT NULL DEFAULT 0,
  -- What went so far, and JSON of the last run that ended.
  images INTEGER NOT NULL DEFAULT 0,
  manifests INTEGER NOT NULL DEFAULT 0,
  last TEXT
);

CREATE INDEX retention_runs_by_time ON retention_runs (next_at);

-- Namespaces whose policy is new: their repositories are gone through by name, so that each without one of its own is due.
CREATE TABLE retention_backlog (
  namespace TEXT NOT NULL PRIMARY KEY REFERENCES namespaces (name) ON DELETE CASCADE,
  after TEXT NOT NULL DEFAULT ''
) WITHOUT ROWID;

-- A new policy is due, whichever statement brings it.

CREATE TRIGGER retention_of_new_repository_is_due AFTER INSERT ON repositories
WHEN NEW.retention IS NOT NULL
  OR EXISTS (SELECT 1 FROM namespaces WHERE name = NEW.namespace AND retention IS NOT NULL)
BEGIN
  INSERT INTO retention_runs (repository_id, next_at) VALUES (NEW.id, CAST(unixepoch('subsec') * 1000 AS INTEGER));
END;

CREATE TRIGGER retention_of_repository_is_due AFTER UPDATE OF retention ON repositories
WHEN NEW.retention IS NOT OLD.retention
BEGIN
  INSERT INTO retention_runs (repository_id, next_at) VALUES (NEW.id, CAST(unixepoch('subsec') * 1000 AS INTEGER))
  ON CONFLICT (repository_id) DO UPDATE SET next_at = min(next_at, excluded.next_at);
END;

CREATE TRIGGER retention_of_new_namespace_is_due AFTER INSERT ON namespaces
WHEN NEW.retention IS NOT NULL
BEGIN
  INSERT INTO retention_backlog (namespace) VALUES (NEW.name);
END;

CREATE TRIGGER retention_of_namespace_is_due AFTER UPDATE OF retention ON namespaces
WHEN NEW.retention IS NOT OLD.retention
BEGIN
  INSERT INTO retention_backlog (namespace) VALUES (NEW.name)
  ON CONFLICT (namespace) DO UPDATE SET after = '';
END;

-- What one batch is about to delete: a root with its parts, each at a level above all that it belongs to. Empty between
-- two batches: the statements of one batch tell one another by it.
CREATE TABLE deletion_batch (
  repository_id INTEGER NOT NULL,
  digest TEXT NOT NULL,
  root TEXT NOT NULL,
  level INTEGER NOT NULL,
  -- The moment of its deletion, which is the root's own: all that it deletes can be restored together.
  at INTEGER NOT NULL,
  -- JSON: the tags that it was judged by.
  tags TEXT NOT NULL,
  PRIMARY KEY (repository_id, digest)
) WITHOUT ROWID;
