-- The index: which repositories there are, what each one holds, where the bytes lie, and who may do what.
-- Times are milliseconds since 1970, days are days since 1970. A trigger refuses what must never happen and keeps what is
-- derived, so that no statement can forget it; README.md has a table of them.

-- The version of this schema. While there is no release this file changes in place, and the number with it: `npm start` and
-- `npm run deploy` refuse a database of another number (scripts/start/control.ts).
CREATE VIEW schema_version AS SELECT 5 AS version;

-- Namespaces and repositories

-- A namespace is the first component of a repository's name. It is made with its first repository, or before.
CREATE TABLE namespaces (
  name TEXT NOT NULL PRIMARY KEY,
  -- The visibility of repositories that a push makes.
  visibility TEXT NOT NULL DEFAULT 'private' CHECK (visibility IN ('private', 'public')),
  version INTEGER NOT NULL DEFAULT 1,
  created_at INTEGER NOT NULL,
  -- JSON: [{"tags": "v*", "except": ["v*-rc*"]}], as api/tag-rules.ts takes it. The rules hold in all its repositories.
  immutable_tags TEXT NOT NULL DEFAULT '[]',
  -- JSON as it was given: retention/policy.ts reads it. NULL: no policy.
  retention TEXT,
  -- JSON: what keeps its images from being pulled (scan/policy-text.ts). NULL: nothing does.
  scan_policy TEXT
) WITHOUT ROWID;

-- A deleted repository gives up its name and is called '~<id>', which no repository can be called and which sorts after all
-- names, so no statement that looks for names or ranges of names finds it.
CREATE TABLE repositories (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  created_at INTEGER NOT NULL,
  visibility TEXT NOT NULL DEFAULT 'private' CHECK (visibility IN ('private', 'public')),
  description TEXT NOT NULL DEFAULT '',
  readme TEXT NOT NULL DEFAULT '',
  -- JSON: {"<key>": "<value>"}
  labels TEXT NOT NULL DEFAULT '{}',
  version INTEGER NOT NULL DEFAULT 1,
  former_name TEXT CHECK ((former_name IS NULL) = (name NOT GLOB '~*')),
  deleted_at INTEGER CHECK ((deleted_at IS NULL) = (former_name IS NULL)),
  deleted_by TEXT,
  namespace TEXT GENERATED ALWAYS AS (
    substr(coalesce(former_name, name), 1, instr(coalesce(former_name, name) || '/', '/') - 1)
  ) VIRTUAL,
  -- JSON, as in a namespace.
  immutable_tags TEXT NOT NULL DEFAULT '[]',
  -- JSON, as in a namespace; NULL: the namespace's policy.
  retention TEXT,
  scan_policy TEXT
);

CREATE INDEX public_repositories ON repositories (name) WHERE visibility = 'public';
CREATE INDEX deleted_repositories ON repositories (former_name, deleted_at) WHERE deleted_at IS NOT NULL;
CREATE INDEX deleted_repositories_by_time ON repositories (deleted_at) WHERE deleted_at IS NOT NULL;

-- The words of each repository's name, description and labels. It has no copy of the texts: ids are what it returns. "namespace" and
-- "visibility" keep a search within what its caller may see.
CREATE VIRTUAL TABLE repository_search USING fts5(
  name, description, labels, namespace, visibility,
  content = '', contentless_delete = 1, tokenize = 'unicode61 remove_diacritics 2'
);

-- Blobs

-- The digests of blobs and of what manifests name, each once: other rows have its id instead of 71 characters. Triggers delete a
-- digest that no row names any more, and its id is never given out again. db/digests.ts has the SQL that goes from one to the other.
CREATE TABLE digests (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  -- The algorithm follows from the length: 32 bytes of SHA-256, 64 of SHA-512.
  hash BLOB NOT NULL UNIQUE CHECK (length(hash) IN (32, 64)),
  digest TEXT GENERATED ALWAYS AS (
    CASE length(hash) WHEN 32 THEN 'sha256:' ELSE 'sha512:' END || lower(hex(hash))
  ) VIRTUAL
);

-- A digest has one row, however many repositories hold it. A key belongs to one blob for ever.
CREATE TABLE blobs (
  digest_id INTEGER PRIMARY KEY REFERENCES digests (id),
  key TEXT NOT NULL UNIQUE,
  size INTEGER NOT NULL CHECK (size >= 0),
  created_at INTEGER NOT NULL,
  -- Since when fsck knows that the bytes are missing or damaged. Until they are pushed again, nobody sees the blob; then it
  -- gets another object.
  missing_since INTEGER
);

-- A row lets a blob be read through a repository.
CREATE TABLE repository_blobs (
  repository_id INTEGER NOT NULL REFERENCES repositories (id),
  digest_id INTEGER NOT NULL REFERENCES blobs (digest_id),
  PRIMARY KEY (repository_id, digest_id)
) WITHOUT ROWID;

CREATE INDEX repository_blobs_by_digest ON repository_blobs (digest_id);

-- Manifests and tags

-- A deleted manifest can be restored for TRASH_DAYS: nobody sees it, but it keeps what it names.
CREATE TABLE manifests (
  id INTEGER PRIMARY KEY,
  repository_id INTEGER NOT NULL REFERENCES repositories (id),
  digest TEXT NOT NULL,
  media_type TEXT NOT NULL,
  size INTEGER NOT NULL,
  -- The text, deflated as db/manifest-text.ts does it; NULL where it is too big for a row and lies in R2, under the key in "object".
  content BLOB,
  subject TEXT,
  artifact_type TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  pushed_at INTEGER NOT NULL DEFAULT 0,
  deleted_at INTEGER,
  deleted_by TEXT,
  object TEXT,
  -- As in blobs.
  missing_since INTEGER,
  -- What the namespace's quota counts: the bytes, and 512 for the row and for the row of each reference.
  cost INTEGER NOT NULL DEFAULT 0,
  -- What it is for, and what it shows of the image that it belongs to, as bits (oci/manifest-kind.ts). An index has the bits of its
  -- children.
  kind TEXT NOT NULL DEFAULT 'other',
  evidence INTEGER NOT NULL DEFAULT 0,
  UNIQUE (repository_id, digest)
);

-- These two have the kind, so that a list of one kind reads no other manifests' rows.
CREATE INDEX manifests_by_push ON manifests (repository_id, pushed_at, digest, kind) WHERE deleted_at IS NULL;
CREATE INDEX live_manifests ON manifests (repository_id, digest, kind) WHERE deleted_at IS NULL;
CREATE INDEX deleted_manifests ON manifests (repository_id, deleted_at, digest) WHERE deleted_at IS NOT NULL;
CREATE INDEX deleted_manifests_by_time ON manifests (deleted_at) WHERE deleted_at IS NOT NULL;
CREATE INDEX deleted_manifests_by_subject ON manifests (repository_id, subject, deleted_at)
WHERE subject IS NOT NULL AND deleted_at IS NOT NULL;
CREATE INDEX manifests_by_object ON manifests (object) WHERE object IS NOT NULL;
CREATE INDEX manifests_by_subject ON manifests (repository_id, subject, digest)
WHERE subject IS NOT NULL AND deleted_at IS NULL;
CREATE INDEX manifests_by_subject_and_type ON manifests (repository_id, subject, artifact_type, digest)
WHERE subject IS NOT NULL AND deleted_at IS NULL;
-- Whether an image is signed is looked up for each row of a list of tags.
CREATE INDEX manifests_by_evidence ON manifests (repository_id, subject, evidence)
WHERE subject IS NOT NULL AND deleted_at IS NULL AND evidence > 0;
-- A sum over a repository reads this index, not the manifests' texts.
CREATE INDEX manifest_costs ON manifests (repository_id, cost);

-- What a manifest names.
CREATE TABLE manifest_references (
  repository_id INTEGER NOT NULL,
  -- The manifest is in the same repository; its references are deleted with it.
  manifest_id INTEGER NOT NULL,
  digest_id INTEGER NOT NULL REFERENCES digests (id),
  -- 0 is 'optional', which need not be in the repository; 1 is a 'manifest', 2 a 'blob' and 3 the 'config', which is a blob too: these
  -- must be there. db/manifest-references.ts has the same numbers.
  kind INTEGER NOT NULL CHECK (kind BETWEEN 0 AND 3),
  -- The platform that an index gives for it, such as 'linux/arm64/v8'.
  platform TEXT,
  PRIMARY KEY (repository_id, manifest_id, digest_id)
) WITHOUT ROWID;

CREATE INDEX manifest_references_by_digest ON manifest_references (digest_id, repository_id);

CREATE TABLE tags (
  repository_id INTEGER NOT NULL,
  name TEXT NOT NULL,
  digest TEXT NOT NULL,
  updated_at INTEGER NOT NULL,
  -- The name as it sorts among versions (oci/version-key.ts).
  version_key TEXT NOT NULL DEFAULT '',
  -- The bytes of all blobs of the image; -1: too many to add up. What a manifest names stays while it has a tag, so this never changes.
  size INTEGER NOT NULL DEFAULT -1,
  -- The sum of its rows in "pulls", as triggers keep it.
  pulls INTEGER NOT NULL DEFAULT 0,
  -- Whether it is a signature's or the like (oci/attachment-tag.ts).
  attachment INTEGER GENERATED ALWAYS AS (
    name GLOB 'sha256-*' AND length(name) >= 71 AND substr(name, 72) IN ('', '.sig', '.att', '.sbom')
  ) VIRTUAL,
  PRIMARY KEY (repository_id, name),
  FOREIGN KEY (repository_id, digest) REFERENCES manifests (repository_id, digest) ON DELETE CASCADE
) WITHOUT ROWID;

-- Each order of a list has its index, without the tags of attachments: there may be three of them for each image.
CREATE INDEX tags_by_name ON tags (repository_id, name) WHERE attachment = 0;
CREATE INDEX tags_by_version ON tags (repository_id, version_key, name) WHERE attachment = 0;
CREATE INDEX tags_by_update ON tags (repository_id, updated_at, name) WHERE attachment = 0;
CREATE INDEX tags_by_size ON tags (repository_id, size, name) WHERE attachment = 0;
CREATE INDEX tags_by_pulls ON tags (repository_id, pulls, name) WHERE attachment = 0;

-- The index has all columns of a tag: otherwise a search for a manifest's tags, a foreign key's too, would go by the primary key
-- and read all tags of the repository.
CREATE INDEX tags_by_digest ON tags (repository_id, digest, name, updated_at, version_key, size, pulls, attachment);

-- A tag pointed to "digest" until it was moved to "successor", or deleted where that is NULL. The id begins with the time, so it
-- is also the order.
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

-- Trash and garbage collection

-- Blobs that were deleted from a repository while only deleted manifests named them.
CREATE TABLE trashed_blobs (
  repository_id INTEGER NOT NULL REFERENCES repositories (id),
  digest_id INTEGER NOT NULL REFERENCES blobs (digest_id),
  PRIMARY KEY (repository_id, digest_id)
) WITHOUT ROWID;

CREATE INDEX trashed_blobs_by_digest ON trashed_blobs (digest_id);

-- Blobs of a repository that no manifest of it names, since they were last looked for, pushed, or let go. After the grace period
-- the repository loses them. The triggers keep exactly those here.
CREATE TABLE unreferenced_blobs (
  repository_id INTEGER NOT NULL,
  digest_id INTEGER NOT NULL,
  since INTEGER NOT NULL,
  -- When somebody who may only pull last renewed the grace period, which is possible for a bounded time; NULL: nobody has since
  -- the blob was pushed, mounted, let go, or asked for by somebody who may push.
  counted_on_at INTEGER,
  PRIMARY KEY (repository_id, digest_id),
  FOREIGN KEY (repository_id, digest_id) REFERENCES repository_blobs (repository_id, digest_id) ON DELETE CASCADE
) WITHOUT ROWID;

CREATE INDEX unreferenced_blobs_by_time ON unreferenced_blobs (since);

-- Objects in R2 that no row names, or that a row is about to name: each is deleted when it is due.
CREATE TABLE object_deletions (
  key TEXT NOT NULL PRIMARY KEY,
  due_at INTEGER NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0,
  -- The namespace whose usage the object counts in until it is deleted, and its size; NULL: nobody's.
  namespace TEXT,
  size INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;

CREATE INDEX object_deletions_by_time ON object_deletions (due_at);
CREATE INDEX failing_objects ON object_deletions (attempts) WHERE attempts > 0;
CREATE INDEX object_deletions_by_namespace ON object_deletions (namespace, size) WHERE namespace IS NOT NULL;

-- Keys whose objects were deleted: a finish that was in flight all the time must not name them. After this time it has ended.
CREATE TABLE deleted_keys (
  key TEXT NOT NULL PRIMARY KEY,
  until INTEGER NOT NULL
) WITHOUT ROWID;

CREATE INDEX deleted_keys_by_time ON deleted_keys (until);

-- Usage and quotas

-- A namespace's blob counts once, however many of its repositories hold it or have it in the trash.
CREATE TABLE namespace_blobs (
  namespace TEXT NOT NULL,
  digest_id INTEGER NOT NULL,
  size INTEGER NOT NULL,
  links INTEGER NOT NULL,
  PRIMARY KEY (namespace, digest_id)
) WITHOUT ROWID;

-- A body whose announced length is that of a blob which is there may be that blob, so it is let through.
CREATE INDEX namespace_blobs_by_size ON namespace_blobs (namespace, size);

-- What a namespace costs: the bytes of its blobs and manifests, and 512 bytes, about what it takes with its indexes, for each row
-- of a manifest, a reference, a tag, or a tag's history.
CREATE TABLE namespace_usage (
  namespace TEXT NOT NULL PRIMARY KEY,
  bytes INTEGER NOT NULL DEFAULT 0,
  repositories INTEGER NOT NULL DEFAULT 0,
  -- What waits for its deletion, and unfinished uploads. These bytes count, but may grow beyond a quota, so that a full
  -- namespace can be emptied.
  waiting INTEGER NOT NULL DEFAULT 0,
  -- Deleted repositories included.
  all_repositories INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;

-- NULL: no limit.
CREATE TABLE quotas (
  namespace TEXT NOT NULL PRIMARY KEY REFERENCES namespaces (name) ON DELETE CASCADE,
  bytes INTEGER,
  repositories INTEGER
) WITHOUT ROWID;

-- The settings' limits, in one row. NULL: no limit.
CREATE TABLE bounds (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  quota_bytes INTEGER,
  max_repositories INTEGER NOT NULL,
  -- Whether images are scanned.
  scanning INTEGER NOT NULL DEFAULT 0
);

INSERT INTO bounds (id, quota_bytes, max_repositories) VALUES (1, NULL, 10000);

-- The limits of each namespace: its own quota, or else the deployment's.
CREATE VIEW limits AS
SELECT n.name AS namespace, CASE WHEN q.namespace IS NULL THEN b.quota_bytes ELSE q.bytes END AS bytes, q.repositories
FROM namespaces n CROSS JOIN bounds b ON b.id = 1 LEFT JOIN quotas q ON q.namespace = n.name;

-- Uploads that have been unfinished for a while. Their sessions write these rows (session/upload-session.ts).
CREATE TABLE unfinished_uploads (
  name TEXT NOT NULL PRIMARY KEY,
  namespace TEXT NOT NULL,
  actor TEXT NOT NULL,
  bytes INTEGER NOT NULL
) WITHOUT ROWID;

CREATE INDEX unfinished_uploads_by_namespace ON unfinished_uploads (namespace, bytes);
CREATE INDEX unfinished_uploads_by_actor ON unfinished_uploads (actor);

-- Access

CREATE TABLE users (
  name TEXT NOT NULL PRIMARY KEY,
  -- The hash with its parameters, as auth/login/password.ts writes it; never the password.
  password TEXT NOT NULL,
  admin INTEGER NOT NULL DEFAULT 0 CHECK (admin IN (0, 1)),
  version INTEGER NOT NULL DEFAULT 1,
  created_at INTEGER NOT NULL,
  -- NULL for an account that can log in. The built-in administrator always can.
  disabled_at INTEGER CHECK (disabled_at IS NULL OR name <> 'admin'),
  disabled_by TEXT CHECK ((disabled_by IS NULL) = (disabled_at IS NULL))
) WITHOUT ROWID;

-- The built-in administrator's password is a secret of the deployment; nothing matches this one.
INSERT INTO users (name, password, admin, created_at) VALUES ('admin', '', 1, 0);

-- A user's role on the repositories of a namespace that a glob names.
CREATE TABLE members (
  user TEXT NOT NULL REFERENCES users (name) ON DELETE CASCADE,
  namespace TEXT NOT NULL REFERENCES namespaces (name) ON DELETE CASCADE,
  pattern TEXT NOT NULL,
  role TEXT NOT NULL CHECK (role IN ('reader', 'writer', 'maintainer', 'owner')),
  created_at INTEGER NOT NULL,
  PRIMARY KEY (user, pattern)
) WITHOUT ROWID;

CREATE INDEX members_by_namespace ON members (namespace, user, pattern);
-- Owners of a whole namespace.
CREATE INDEX namespace_owners ON members (namespace, user) WHERE role = 'owner' AND pattern = namespace || '/*';

CREATE TABLE robots (
  name TEXT NOT NULL PRIMARY KEY,
  namespace TEXT NOT NULL REFERENCES namespaces (name) ON DELETE CASCADE,
  description TEXT NOT NULL,
  scopes TEXT NOT NULL,
  version INTEGER NOT NULL DEFAULT 1,
  created_at INTEGER NOT NULL,
  disabled_at INTEGER,
  disabled_by TEXT CHECK ((disabled_by IS NULL) = (disabled_at IS NULL))
) WITHOUT ROWID;

CREATE INDEX robots_by_namespace ON robots (namespace, name);

-- Secrets of users, limited to the token's scopes, and of robots, which have scopes of their own. Each was shown once.
CREATE TABLE tokens (
  id TEXT NOT NULL PRIMARY KEY,
  user TEXT REFERENCES users (name) ON DELETE CASCADE,
  robot TEXT REFERENCES robots (name) ON DELETE CASCADE,
  hash TEXT NOT NULL UNIQUE,
  description TEXT NOT NULL,
  scopes TEXT,
  expires_at INTEGER,
  -- The day, as a number of days since 1970: no request's time is kept.
  last_used INTEGER,
  created_at INTEGER NOT NULL,
  CHECK ((user IS NULL) <> (robot IS NULL)),
  CHECK ((user IS NULL) = (scopes IS NULL))
) WITHOUT ROWID;

CREATE INDEX tokens_by_user ON tokens (user, id) WHERE user IS NOT NULL;
CREATE INDEX tokens_by_robot ON tokens (robot, id) WHERE robot IS NOT NULL;

-- People who signed in with their password, each with a cookie of its own: a browser, not an upload.
CREATE TABLE sessions (
  -- The hash of the cookie's secret, which is kept nowhere here.
  hash TEXT NOT NULL PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  user TEXT NOT NULL REFERENCES users (name) ON DELETE CASCADE,
  -- What the built-in administrator's session depends on besides: another ADMIN_PASSWORD ends it. NULL for all others.
  mark TEXT CHECK ((mark IS NULL) = (user <> 'admin')),
  -- Where the sign-in came from.
  address TEXT NOT NULL,
  agent TEXT,
  created_at INTEGER NOT NULL,
  -- Its last use, to a few minutes: not every request writes.
  seen_at INTEGER NOT NULL,
  -- The end, however much it is used.
  expires_at INTEGER NOT NULL
) WITHOUT ROWID;

CREATE INDEX sessions_by_user ON sessions (user, id);
CREATE INDEX sessions_by_time ON sessions (seen_at);

-- Which ID tokens of other parties' issuers may do what in a namespace.
CREATE TABLE trust_rules (
  name TEXT NOT NULL PRIMARY KEY,
  namespace TEXT NOT NULL REFERENCES namespaces (name) ON DELETE CASCADE,
  issuer TEXT NOT NULL,
  -- The claim that it is looked up by, such as 'repository_id=42', or ''.
  selector TEXT NOT NULL,
  audience TEXT NOT NULL,
  claims TEXT NOT NULL,
  scopes TEXT NOT NULL,
  lifetime INTEGER NOT NULL,
  version INTEGER NOT NULL DEFAULT 1,
  created_at INTEGER NOT NULL
) WITHOUT ROWID;

-- The oldest first, so that rules made later for the tokens of others cannot crowd these out.
CREATE INDEX trust_rules_by_selector ON trust_rules (issuer, selector, created_at);
CREATE INDEX trust_rules_by_namespace ON trust_rules (namespace, name);

-- What registry tokens and cached entries depend on and was revoked: what was signed or read before no longer holds.
CREATE TABLE revocations (
  subject TEXT NOT NULL PRIMARY KEY,
  revoked_at INTEGER NOT NULL
) WITHOUT ROWID;

CREATE INDEX revocations_by_time ON revocations (revoked_at);
-- The last revocation of each kind of subject: `user:`, `public:`, ...
CREATE INDEX revocations_by_kind ON revocations (substr(subject, 1, instr(subject, ':')), revoked_at);

-- Failed logins of an account, an address or a network since the beginning of its window.
CREATE TABLE login_failures (
  key TEXT NOT NULL PRIMARY KEY,
  failures INTEGER NOT NULL,
  since INTEGER NOT NULL,
  -- Past its limit a count lets one attempt pass after another; this is when the last one passed.
  tried_at INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;

CREATE INDEX login_failures_by_time ON login_failures (since);

-- A network from which an account logged in with its password; both are hashes that nobody can make without the key.
CREATE TABLE login_networks (
  account TEXT NOT NULL,
  network TEXT NOT NULL,
  used_at INTEGER NOT NULL,
  PRIMARY KEY (account, network)
) WITHOUT ROWID;

CREATE INDEX login_networks_by_time ON login_networks (used_at);

-- Audit and pulls

-- What was done or refused. The id begins with the time, so it is also the order.
CREATE TABLE audit (
  id TEXT NOT NULL PRIMARY KEY,
  time INTEGER NOT NULL,
  actor TEXT,
  -- What it came with: of a workload the subject of its ID token, else the token's id.
  subject TEXT,
  via TEXT NOT NULL,
  action TEXT NOT NULL,
  namespace TEXT,
  repository TEXT,
  reference TEXT,
  digest TEXT,
  detail TEXT,
  address TEXT,
  agent TEXT,
  request_id TEXT NOT NULL,
  outcome TEXT NOT NULL CHECK (outcome IN ('done', 'denied', 'failed'))
) WITHOUT ROWID;

CREATE INDEX audit_by_actor ON audit (actor, id);
CREATE INDEX audit_by_action ON audit (action, id);
CREATE INDEX audit_by_namespace ON audit (namespace, id) WHERE namespace IS NOT NULL;
CREATE INDEX audit_by_repository ON audit (repository, id) WHERE repository IS NOT NULL;
-- Refusals alone: nearly all of the log is what was done, and most of that is written by pushes.
CREATE INDEX audit_by_outcome ON audit (outcome, id) WHERE outcome <> 'done';

-- Events: what was done, in the order of the transactions, without gaps. Each row is handed on to all subscribers, and then deleted.
-- Ids of the audit log begin with a Worker's clock, so a later one may be committed earlier. AUTOINCREMENT: no number is used again.
CREATE TABLE outbox (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  audit_id TEXT NOT NULL
);

-- A batch that fails takes the number of its event back.
CREATE TRIGGER event_is_numbered AFTER INSERT ON audit WHEN NEW.outcome = 'done'
BEGIN
  INSERT INTO outbox (audit_id) VALUES (NEW.id);
END;

-- Events that a subscriber failed to receive so often that they are no longer delivered.
CREATE TABLE dead_events (
  subscriber TEXT NOT NULL,
  seq INTEGER NOT NULL,
  -- JSON.
  event TEXT NOT NULL,
  error TEXT NOT NULL,
  since INTEGER NOT NULL,
  PRIMARY KEY (subscriber, seq)
) WITHOUT ROWID;

-- How many records of refusals of a kind, an account or a network the log has of a window, since its beginning (docs/access.md has
-- the limits).
CREATE TABLE audit_budgets (
  since INTEGER NOT NULL,
  key TEXT NOT NULL,
  records INTEGER NOT NULL,
  PRIMARY KEY (since, key)
) WITHOUT ROWID;

-- How often a tag was pulled on a day; '' stands for pulls by digest.
CREATE TABLE pulls (
  repository_id INTEGER NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
  tag TEXT NOT NULL,
  day INTEGER NOT NULL,
  count INTEGER NOT NULL,
  PRIMARY KEY (repository_id, tag, day)
) WITHOUT ROWID;

-- Old counts are pruned by their day.
CREATE INDEX pulls_by_day ON pulls (day);

-- The last day that a manifest was in use on.
CREATE TABLE manifest_pulls (
  repository_id INTEGER NOT NULL,
  digest TEXT NOT NULL,
  day INTEGER NOT NULL,
  PRIMARY KEY (repository_id, digest),
  FOREIGN KEY (repository_id, digest) REFERENCES manifests (repository_id, digest) ON DELETE CASCADE
) WITHOUT ROWID;

-- Retention

-- Repositories that have a policy, or had one, and when it runs next.
CREATE TABLE retention_runs (
  repository_id INTEGER PRIMARY KEY REFERENCES repositories (id) ON DELETE CASCADE,
  next_at INTEGER NOT NULL,
  -- The policy of the run in progress, and how far it is; NULL between two runs.
  policy TEXT,
  state TEXT,
  -- Grows with each change, so that of two that take the same step only one succeeds.
  step INTEGER NOT NULL DEFAULT 0,
  -- What the run has deleted so far, and JSON of the last run that ended.
  images INTEGER NOT NULL DEFAULT 0,
  manifests INTEGER NOT NULL DEFAULT 0,
  last TEXT
);

CREATE INDEX retention_runs_by_time ON retention_runs (next_at);

-- Namespaces whose policy is new: the job goes through their repositories by name and makes each due that has no policy of its own.
CREATE TABLE retention_backlog (
  namespace TEXT NOT NULL PRIMARY KEY REFERENCES namespaces (name) ON DELETE CASCADE,
  after TEXT NOT NULL DEFAULT ''
) WITHOUT ROWID;

-- What one batch is about to delete: a root with its attachments, each with a depth beyond all that refer to it. The table is empty
-- between two batches: the statements of one batch tell one another by it.
CREATE TABLE deletion_batch (
  repository_id INTEGER NOT NULL,
  digest TEXT NOT NULL,
  root TEXT NOT NULL,
  depth INTEGER NOT NULL,
  -- The moment of deletion, which is the root's own: all that is deleted with it can be restored together.
  at INTEGER NOT NULL,
  -- JSON: the tags that it was evaluated by.
  tags TEXT NOT NULL,
  PRIMARY KEY (repository_id, digest)
) WITHOUT ROWID;

-- Scanning

-- What packages a layer has and what it hides of those below, as scan/list-text.ts writes it. "readers" is the version of the code
-- that read the layer: a list of an older version is made again. "attempts" are those that have begun and not ended: a Worker that
-- is ended in the midst of a layer can tell nobody.
CREATE TABLE layer_lists (
  digest_id INTEGER PRIMARY KEY REFERENCES blobs (digest_id) ON DELETE CASCADE,
  readers INTEGER NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0,
  -- NULL: it is being read, or none of the attempts came to an end.
  list BLOB
);

-- An image to scan, or its last result.
CREATE TABLE scans (
  manifest_id INTEGER PRIMARY KEY REFERENCES manifests (id) ON DELETE CASCADE,
  -- When the job looks at it next; NULL: nothing is due.
  due_at INTEGER,
  -- Tries since the last result, and why the last one failed; NULL: it runs, or was cut off.
  failures INTEGER NOT NULL DEFAULT 0,
  error TEXT,
  -- When its list of packages was made, and when that was matched last; NULL: not yet.
  listed_at INTEGER,
  matched_at INTEGER,
  -- Why its list of packages does not say all that is in it; NULL: it does.
  unscannable TEXT,
  -- Whether a signer that the namespace trusts vouches for it.
  signed INTEGER NOT NULL DEFAULT 0,
  -- JSON: what of the findings lists of tags and the policy need (scan/summary.ts); NULL: never matched.
  summary TEXT,
  -- The findings of each scanner, as scan/result-text.ts writes them.
  result BLOB,
  -- JSON: which scanners have not finished, and how each goes on (scan/pending.ts); NULL: all have.
  pending TEXT,
  -- How many scanners are pulling it.
  pulling INTEGER NOT NULL DEFAULT 0
);

CREATE INDEX scans_by_time ON scans (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX scans_pulling ON scans (due_at) WHERE pulling > 0;

-- Which images have a vulnerability, by each of its ids.
CREATE TABLE image_vulnerabilities (
  vulnerability TEXT NOT NULL,
  manifest_id INTEGER NOT NULL REFERENCES manifests (id) ON DELETE CASCADE,
  PRIMARY KEY (vulnerability, manifest_id)
) WITHOUT ROWID;

CREATE INDEX image_vulnerabilities_by_image ON image_vulnerabilities (manifest_id);

-- Somebody's decision that a vulnerability does not matter: in a namespace, in one of its repositories, or in one image there.
CREATE TABLE scan_exceptions (
  id TEXT NOT NULL PRIMARY KEY,
  namespace TEXT NOT NULL REFERENCES namespaces (name) ON DELETE CASCADE,
  -- The repository's name; NULL for all, also for those to come.
  repository TEXT,
  digest TEXT CHECK (digest IS NULL OR repository IS NOT NULL),
  vulnerability TEXT NOT NULL,
  -- The package that it is accepted in; NULL for all.
  package TEXT,
  reason TEXT NOT NULL,
  author TEXT NOT NULL,
  expires_at INTEGER,
  created_at INTEGER NOT NULL
) WITHOUT ROWID;

CREATE INDEX scan_exceptions_by_namespace ON scan_exceptions (namespace, id);

-- Whose signatures of images a namespace trusts.
CREATE TABLE signers (
  namespace TEXT NOT NULL REFERENCES namespaces (name) ON DELETE CASCADE,
  name TEXT NOT NULL,
  -- JSON: a TrustEntry (signatures/trust.ts) without its name.
  trust TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (namespace, name)
) WITHOUT ROWID;

-- Records of OSV, each under the time of its change: all images share them.
CREATE TABLE osv_records (
  id TEXT NOT NULL PRIMARY KEY,
  modified TEXT NOT NULL,
  fetched_at INTEGER NOT NULL,
  record BLOB NOT NULL
) WITHOUT ROWID;

CREATE INDEX osv_records_by_time ON osv_records (fetched_at);

-- Backup

-- Rows that changed and are not exported yet (backup/exported.ts). The newest row stays, so that no id is given out twice.
CREATE TABLE change_log (
  id INTEGER PRIMARY KEY,
  kind TEXT NOT NULL,
  -- JSON: the values of the primary key.
  key TEXT NOT NULL
);

-- The administrator's row is older than the triggers.
INSERT INTO change_log (kind, key) VALUES ('users', json_array('admin'));

-- What an import reads: first the pages of a full export, then the changes since.
CREATE TABLE import_objects (
  n INTEGER PRIMARY KEY,
  key TEXT NOT NULL
);

-- Rows that an import has seen to be gone: older lines must not bring them back.
CREATE TABLE import_tombstones (
  kind TEXT NOT NULL,
  key TEXT NOT NULL,
  PRIMARY KEY (kind, key)
) WITHOUT ROWID;

-- Jobs

-- A background job: who has its lease until when, and how far it is.
CREATE TABLE jobs (
  name TEXT NOT NULL PRIMARY KEY,
  state TEXT NOT NULL DEFAULT '{}',
  lease_until INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;

-- Uses before this moment are unknown: no retention rule may take that for never.
INSERT INTO jobs (name, state)
VALUES ('retention', json_object('usesSince', CAST(unixepoch('subsec') * 1000 AS INTEGER)));

-- The backup that this index writes into the bucket has an id of its own.
INSERT INTO jobs (name, state)
VALUES ('export', json_object(
  'backupId', printf('%012x', CAST(unixepoch('subsec') * 1000 AS INTEGER)) || '-' || lower(hex(randomblob(4))), 'exported', 0));

-- A batch cannot stop in the middle: writing a 0 here fails it, and nothing of it is done.
CREATE VIEW assertions AS SELECT 1 AS holds;

CREATE TRIGGER assertion_fails INSTEAD OF INSERT ON assertions WHEN NOT NEW.holds
BEGIN
  SELECT RAISE(ABORT, 'changed meanwhile');
END;

-- References: what a manifest or a tag names is there

CREATE TRIGGER reference_needs_blob BEFORE INSERT ON manifest_references
WHEN NEW.kind >= 2 AND NOT EXISTS (
  SELECT 1 FROM repository_blobs WHERE repository_id = NEW.repository_id AND digest_id = NEW.digest_id
)
BEGIN
  SELECT RAISE(ABORT, 'reference unresolved');
END;

CREATE TRIGGER reference_needs_manifest BEFORE INSERT ON manifest_references
WHEN NEW.kind = 1 AND NOT EXISTS (
  SELECT 1 FROM digests d CROSS JOIN manifests m ON m.repository_id = NEW.repository_id AND m.digest = d.digest
  WHERE d.id = NEW.digest_id AND m.deleted_at IS NULL
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
    CROSS JOIN manifests m ON m.id = f.manifest_id
    WHERE f.digest_id = (SELECT id FROM digests WHERE hash = unhex(substr(OLD.digest, 8)))
      AND f.repository_id = OLD.repository_id AND m.deleted_at IS NULL
  )
)
BEGIN
  SELECT RAISE(ABORT, 'still referenced');
END;

-- Deleted manifests are purged in whatever order their windows end: what named one was deleted before it, if only by the clocks of
-- two Workers, and can hardly be restored for longer.
CREATE TRIGGER referenced_manifest_stays BEFORE DELETE ON manifests
WHEN EXISTS (
  SELECT 1 FROM manifest_references f
  CROSS JOIN manifests m ON m.id = f.manifest_id
  WHERE f.digest_id = (SELECT id FROM digests WHERE hash = unhex(substr(OLD.digest, 8)))
    AND f.repository_id = OLD.repository_id AND (OLD.deleted_at IS NULL OR m.deleted_at IS NULL)
)
BEGIN
  SELECT RAISE(ABORT, 'still referenced');
END;

CREATE TRIGGER references_of_manifest_go AFTER DELETE ON manifests
BEGIN
  DELETE FROM manifest_references WHERE repository_id = OLD.repository_id AND manifest_id = OLD.id;
END;

-- A restored manifest finds all that it names.
CREATE TRIGGER manifest_needs_references BEFORE UPDATE OF deleted_at ON manifests
WHEN NEW.deleted_at IS NULL AND OLD.deleted_at IS NOT NULL AND EXISTS (
  SELECT 1 FROM manifest_references f
  WHERE f.repository_id = OLD.repository_id AND f.manifest_id = OLD.id AND CASE
    WHEN f.kind >= 2 THEN NOT EXISTS (
      SELECT 1 FROM repository_blobs l WHERE l.repository_id = f.repository_id AND l.digest_id = f.digest_id)
    WHEN f.kind = 1 THEN NOT EXISTS (
      SELECT 1 FROM digests d CROSS JOIN manifests c ON c.repository_id = f.repository_id AND c.digest = d.digest
      WHERE d.id = f.digest_id AND c.deleted_at IS NULL)
    ELSE 0 END
)
BEGIN
  SELECT RAISE(ABORT, 'reference unresolved');
END;

CREATE TRIGGER referenced_blob_stays BEFORE DELETE ON repository_blobs
WHEN EXISTS (
  SELECT 1 FROM manifest_references f
  CROSS JOIN manifests m ON m.id = f.manifest_id
  WHERE f.repository_id = OLD.repository_id AND f.digest_id = OLD.digest_id AND m.deleted_at IS NULL
)
BEGIN
  SELECT RAISE(ABORT, 'still referenced');
END;

-- A digest has one media type: read as an image here and as an index there, the same bytes would be two things (CVE-2021-41190).
-- A deleted manifest may be restored as another type.
CREATE TRIGGER media_type_is_fixed BEFORE UPDATE OF media_type ON manifests
WHEN NEW.media_type <> OLD.media_type AND OLD.deleted_at IS NULL
BEGIN
  SELECT RAISE(ABORT, 'media type fixed');
END;

-- Search

CREATE TRIGGER repository_is_found AFTER INSERT ON repositories WHEN NEW.deleted_at IS NULL
BEGIN
  INSERT INTO repository_search (rowid, name, description, labels, namespace, visibility)
  SELECT NEW.id, NEW.name, NEW.description, (
      SELECT group_concat(replace(key, 'org.opencontainers.image.', '') || ' ' || value, ' ') FROM json_each(NEW.labels)),
    NEW.namespace, NEW.visibility;
END;

CREATE TRIGGER changed_repository_is_found AFTER UPDATE OF name, description, labels, visibility, deleted_at ON repositories
BEGIN
  DELETE FROM repository_search WHERE rowid = OLD.id;
  INSERT INTO repository_search (rowid, name, description, labels, namespace, visibility)
  SELECT NEW.id, NEW.name, NEW.description, (
      SELECT group_concat(replace(key, 'org.opencontainers.image.', '') || ' ' || value, ' ') FROM json_each(NEW.labels)),
    NEW.namespace, NEW.visibility
  WHERE NEW.deleted_at IS NULL;
END;

CREATE TRIGGER lost_repository_is_not_found AFTER DELETE ON repositories
BEGIN
  DELETE FROM repository_search WHERE rowid = OLD.id;
END;

-- Pulls: a tag has their sum

CREATE TRIGGER pulls_of_tag_are_counted AFTER INSERT ON pulls
BEGIN
  UPDATE tags SET pulls = (
    SELECT coalesce(sum(count), 0) FROM pulls WHERE repository_id = NEW.repository_id AND tag = NEW.tag)
  WHERE repository_id = NEW.repository_id AND name = NEW.tag;
END;

-- A count may grow every few seconds, and the tag's row has many indexes: from a hundred pulls a day on, the sum follows in hundreds.
CREATE TRIGGER more_pulls_of_tag_are_counted AFTER UPDATE OF count ON pulls
WHEN NEW.count < 100 OR NEW.count / 100 <> OLD.count / 100
BEGIN
  UPDATE tags SET pulls = (
    SELECT coalesce(sum(count), 0) FROM pulls WHERE repository_id = NEW.repository_id AND tag = NEW.tag)
  WHERE repository_id = NEW.repository_id AND name = NEW.tag;
END;

CREATE TRIGGER old_pulls_of_tag_are_forgotten AFTER DELETE ON pulls
BEGIN
  UPDATE tags SET pulls = (
    SELECT coalesce(sum(count), 0) FROM pulls WHERE repository_id = OLD.repository_id AND tag = OLD.tag)
  WHERE repository_id = OLD.repository_id AND name = OLD.tag;
END;

-- A tag that comes back, or is imported, may have been pulled before.
CREATE TRIGGER new_tag_has_its_pulls AFTER INSERT ON tags
WHEN NEW.pulls <> 0 OR EXISTS (SELECT 1 FROM pulls WHERE repository_id = NEW.repository_id AND tag = NEW.name)
BEGIN
  UPDATE tags SET pulls = (
    SELECT coalesce(sum(count), 0) FROM pulls WHERE repository_id = NEW.repository_id AND tag = NEW.name)
  WHERE repository_id = NEW.repository_id AND name = NEW.name;
END;

-- Immutable tags

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

-- Garbage collection: what no manifest names is listed, and what no repository holds is scheduled for deletion

CREATE TRIGGER link_is_counted AFTER INSERT ON repository_blobs
BEGIN
  INSERT INTO unreferenced_blobs (repository_id, digest_id, since)
  SELECT NEW.repository_id, NEW.digest_id, CAST(unixepoch('subsec') * 1000 AS INTEGER)
  WHERE NOT EXISTS (
    SELECT 1 FROM manifest_references f WHERE f.repository_id = NEW.repository_id AND f.digest_id = NEW.digest_id
  );
  INSERT INTO namespace_blobs (namespace, digest_id, size, links)
  SELECT r.namespace, b.digest_id, b.size, 1 FROM repositories r, blobs b
  WHERE r.id = NEW.repository_id AND b.digest_id = NEW.digest_id
  ON CONFLICT (namespace, digest_id) DO UPDATE SET links = links + 1;
  DELETE FROM trashed_blobs WHERE repository_id = NEW.repository_id AND digest_id = NEW.digest_id;
END;

CREATE TRIGGER trashed_blob_is_counted AFTER INSERT ON trashed_blobs
BEGIN
  INSERT INTO namespace_blobs (namespace, digest_id, size, links)
  SELECT r.namespace, b.digest_id, b.size, 1 FROM repositories r, blobs b
  WHERE r.id = NEW.repository_id AND b.digest_id = NEW.digest_id
  ON CONFLICT (namespace, digest_id) DO UPDATE SET links = links + 1;
END;

-- The last repository that holds a blob schedules its object before the row goes: afterwards nobody knows whose it was.
CREATE TRIGGER last_link_schedules_deletion BEFORE DELETE ON repository_blobs
WHEN NOT EXISTS (SELECT 1 FROM trashed_blobs WHERE digest_id = OLD.digest_id)
  AND NOT EXISTS (SELECT 1 FROM repository_blobs WHERE digest_id = OLD.digest_id AND repository_id <> OLD.repository_id)
  AND NOT EXISTS (
    SELECT 1 FROM manifest_references WHERE repository_id = OLD.repository_id AND digest_id = OLD.digest_id)
BEGIN
  INSERT INTO object_deletions (key, due_at, namespace, size)
  SELECT b.key, CAST(unixepoch('subsec') * 1000 AS INTEGER), r.namespace, b.size FROM blobs b, repositories r
  WHERE b.digest_id = OLD.digest_id AND r.id = OLD.repository_id ON CONFLICT (key) DO NOTHING;
END;

CREATE TRIGGER last_trashed_blob_schedules_deletion BEFORE DELETE ON trashed_blobs
WHEN NOT EXISTS (SELECT 1 FROM repository_blobs WHERE digest_id = OLD.digest_id)
  AND NOT EXISTS (SELECT 1 FROM trashed_blobs WHERE digest_id = OLD.digest_id AND repository_id <> OLD.repository_id)
BEGIN
  INSERT INTO object_deletions (key, due_at, namespace, size)
  SELECT b.key, CAST(unixepoch('subsec') * 1000 AS INTEGER), r.namespace, b.size FROM blobs b, repositories r
  WHERE b.digest_id = OLD.digest_id AND r.id = OLD.repository_id ON CONFLICT (key) DO NOTHING;
END;

CREATE TRIGGER unlinked_blob_goes AFTER DELETE ON repository_blobs
BEGIN
  INSERT INTO trashed_blobs (repository_id, digest_id)
  SELECT OLD.repository_id, OLD.digest_id WHERE EXISTS (
    SELECT 1 FROM manifest_references f WHERE f.repository_id = OLD.repository_id AND f.digest_id = OLD.digest_id
  );
  UPDATE namespace_blobs SET links = links - 1
  WHERE namespace = (SELECT namespace FROM repositories WHERE id = OLD.repository_id) AND digest_id = OLD.digest_id;
  DELETE FROM namespace_blobs
  WHERE namespace = (SELECT namespace FROM repositories WHERE id = OLD.repository_id) AND digest_id = OLD.digest_id
    AND links = 0;
  DELETE FROM blobs WHERE digest_id = OLD.digest_id
    AND NOT EXISTS (SELECT 1 FROM repository_blobs WHERE digest_id = OLD.digest_id)
    AND NOT EXISTS (SELECT 1 FROM trashed_blobs WHERE digest_id = OLD.digest_id);
END;

CREATE TRIGGER untrashed_blob_goes AFTER DELETE ON trashed_blobs
BEGIN
  UPDATE namespace_blobs SET links = links - 1
  WHERE namespace = (SELECT namespace FROM repositories WHERE id = OLD.repository_id) AND digest_id = OLD.digest_id;
  DELETE FROM namespace_blobs
  WHERE namespace = (SELECT namespace FROM repositories WHERE id = OLD.repository_id) AND digest_id = OLD.digest_id
    AND links = 0;
  DELETE FROM blobs WHERE digest_id = OLD.digest_id
    AND NOT EXISTS (SELECT 1 FROM repository_blobs WHERE digest_id = OLD.digest_id)
    AND NOT EXISTS (SELECT 1 FROM trashed_blobs WHERE digest_id = OLD.digest_id);
END;

CREATE TRIGGER object_of_blob_goes AFTER DELETE ON blobs
BEGIN
  INSERT INTO object_deletions (key, due_at) VALUES (OLD.key, CAST(unixepoch('subsec') * 1000 AS INTEGER))
  ON CONFLICT (key) DO NOTHING;
END;

CREATE TRIGGER replaced_object_of_blob_goes AFTER UPDATE OF key ON blobs
WHEN NEW.key <> OLD.key
BEGIN
  INSERT INTO object_deletions (key, due_at) VALUES (OLD.key, CAST(unixepoch('subsec') * 1000 AS INTEGER))
  ON CONFLICT (key) DO NOTHING;
END;

-- A digest goes with the last row that names it.
CREATE TRIGGER digest_of_blob_goes AFTER DELETE ON blobs
BEGIN
  DELETE FROM digests
  WHERE id = OLD.digest_id AND NOT EXISTS (SELECT 1 FROM manifest_references WHERE digest_id = OLD.digest_id);
END;

CREATE TRIGGER digest_of_reference_goes AFTER DELETE ON manifest_references
WHEN NOT EXISTS (SELECT 1 FROM manifest_references WHERE digest_id = OLD.digest_id)
BEGIN
  DELETE FROM digests WHERE id = OLD.digest_id AND NOT EXISTS (SELECT 1 FROM blobs WHERE digest_id = OLD.digest_id);
END;

CREATE TRIGGER object_of_manifest_goes AFTER DELETE ON manifests
WHEN OLD.object IS NOT NULL AND NOT EXISTS (SELECT 1 FROM manifests WHERE object = OLD.object)
BEGIN
  INSERT INTO object_deletions (key, due_at, namespace, size)
  SELECT OLD.object, CAST(unixepoch('subsec') * 1000 AS INTEGER), namespace, OLD.size
  FROM repositories WHERE id = OLD.repository_id ON CONFLICT (key) DO UPDATE SET due_at = excluded.due_at, size = excluded.size;
END;

CREATE TRIGGER replaced_object_of_manifest_goes AFTER UPDATE OF object ON manifests
WHEN OLD.object IS NOT NULL AND NOT EXISTS (SELECT 1 FROM manifests WHERE object = OLD.object)
BEGIN
  INSERT INTO object_deletions (key, due_at) VALUES (OLD.object, CAST(unixepoch('subsec') * 1000 AS INTEGER))
  ON CONFLICT (key) DO NOTHING;
END;

-- A manifest that is seen again keeps its object, whichever push wrote that: the push that ends may have announced another.
CREATE TRIGGER manifest_in_sight_keeps_object AFTER UPDATE OF deleted_at ON manifests
WHEN NEW.deleted_at IS NULL AND NEW.object IS NOT NULL
BEGIN
  DELETE FROM object_deletions WHERE key = NEW.object;
END;

CREATE TRIGGER reference_unlists_blob AFTER INSERT ON manifest_references
BEGIN
  DELETE FROM unreferenced_blobs WHERE repository_id = NEW.repository_id AND digest_id = NEW.digest_id;
END;

CREATE TRIGGER unreferenced_blob_is_listed AFTER DELETE ON manifest_references
WHEN NOT EXISTS (
  SELECT 1 FROM manifest_references f WHERE f.repository_id = OLD.repository_id AND f.digest_id = OLD.digest_id
)
BEGIN
  DELETE FROM trashed_blobs WHERE repository_id = OLD.repository_id AND digest_id = OLD.digest_id;
  INSERT INTO unreferenced_blobs (repository_id, digest_id, since)
  SELECT l.repository_id, l.digest_id, CAST(unixepoch('subsec') * 1000 AS INTEGER) FROM repository_blobs l
  WHERE l.repository_id = OLD.repository_id AND l.digest_id = OLD.digest_id
  ON CONFLICT (repository_id, digest_id) DO UPDATE SET since = excluded.since;
END;

-- Usage

CREATE TRIGGER blob_is_charged AFTER INSERT ON namespace_blobs
BEGIN
  UPDATE namespace_usage SET bytes = bytes + NEW.size WHERE namespace = NEW.namespace;
END;

CREATE TRIGGER blob_is_refunded AFTER DELETE ON namespace_blobs
BEGIN
  UPDATE namespace_usage SET bytes = bytes - OLD.size WHERE namespace = OLD.namespace;
END;

-- From now on the manifest's object no longer counts as waiting for deletion.
CREATE TRIGGER manifest_is_charged AFTER INSERT ON manifests
BEGIN
  UPDATE object_deletions SET size = 0 WHERE key = NEW.object;
  UPDATE namespace_usage SET bytes = bytes + NEW.cost
  WHERE namespace = (SELECT namespace FROM repositories WHERE id = NEW.repository_id);
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

-- What waits for deletion counts for the namespace that let it go.
CREATE TRIGGER object_deletion_is_charged AFTER INSERT ON object_deletions WHEN NEW.namespace IS NOT NULL
BEGIN
  INSERT INTO namespace_usage (namespace) VALUES (NEW.namespace) ON CONFLICT DO NOTHING;
  UPDATE namespace_usage SET waiting = waiting + NEW.size WHERE namespace = NEW.namespace;
END;

CREATE TRIGGER changed_object_deletion_is_charged AFTER UPDATE OF size ON object_deletions
WHEN NEW.namespace IS NOT NULL
BEGIN
  UPDATE namespace_usage SET waiting = waiting + NEW.size - OLD.size WHERE namespace = NEW.namespace;
END;

CREATE TRIGGER object_deletion_is_refunded AFTER DELETE ON object_deletions WHEN OLD.namespace IS NOT NULL
BEGIN
  UPDATE namespace_usage SET waiting = waiting - OLD.size WHERE namespace = OLD.namespace;
END;

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

CREATE TRIGGER every_repository_is_counted AFTER INSERT ON repositories
BEGIN
  INSERT INTO namespace_usage (namespace) VALUES (NEW.namespace) ON CONFLICT DO NOTHING;
  UPDATE namespace_usage SET all_repositories = all_repositories + 1 WHERE namespace = NEW.namespace;
END;

CREATE TRIGGER every_lost_repository_is_counted AFTER DELETE ON repositories
BEGIN
  UPDATE namespace_usage SET all_repositories = all_repositories - 1 WHERE namespace = OLD.namespace;
END;

-- Quotas and limits

CREATE TRIGGER quota_of_repositories_holds BEFORE UPDATE OF repositories ON namespace_usage
WHEN NEW.repositories > OLD.repositories AND EXISTS (
  SELECT 1 FROM quotas WHERE namespace = NEW.namespace AND NEW.repositories > repositories
)
BEGIN
  SELECT RAISE(ABORT, 'quota of repositories');
END;

CREATE TRIGGER repositories_are_bounded BEFORE UPDATE OF all_repositories ON namespace_usage
WHEN NEW.all_repositories > OLD.all_repositories
  AND NEW.all_repositories > (SELECT max_repositories FROM bounds WHERE id = 1)
BEGIN
  SELECT RAISE(ABORT, 'bound of repositories');
END;

CREATE TRIGGER quota_of_bytes_holds BEFORE UPDATE OF bytes ON namespace_usage
WHEN NEW.bytes > OLD.bytes AND EXISTS (
  SELECT 1 FROM limits WHERE namespace = NEW.namespace AND NEW.bytes + NEW.waiting > bytes
)
BEGIN
  SELECT RAISE(ABORT, 'quota of bytes');
END;

-- A warning at 85 %, on the way up: db/audit.ts says what an id is.
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

-- Each login with an ID token compares it with all rules that may match.
CREATE TRIGGER trust_rules_are_few BEFORE INSERT ON trust_rules
WHEN (SELECT count(*) FROM trust_rules WHERE namespace = NEW.namespace) >= 100
BEGIN
  SELECT RAISE(ABORT, 'too many rules');
END;

-- Others give roles: those of some namespaces must not keep a user from getting more in another. An upsert of a role that exists is an
-- insert first, so it passes.
CREATE TRIGGER members_are_few BEFORE INSERT ON members
WHEN NOT EXISTS (SELECT 1 FROM members WHERE user = NEW.user AND pattern = NEW.pattern)
  AND (SELECT count(*) FROM members WHERE namespace = NEW.namespace AND user = NEW.user) >= 100
BEGIN
  SELECT RAISE(ABORT, 'too many patterns');
END;

-- All of a namespace are read with each scan of an image.
CREATE TRIGGER scan_exceptions_are_few BEFORE INSERT ON scan_exceptions
WHEN (SELECT count(*) FROM scan_exceptions WHERE namespace = NEW.namespace) >= 1000
BEGIN
  SELECT RAISE(ABORT, 'too many exceptions');
END;

-- Each signature is compared with all of them. An upsert of one that exists is an insert first, so it passes.
CREATE TRIGGER signers_are_few BEFORE INSERT ON signers
WHEN NOT EXISTS (SELECT 1 FROM signers WHERE namespace = NEW.namespace AND name = NEW.name)
  AND (SELECT count(*) FROM signers WHERE namespace = NEW.namespace) >= 20
BEGIN
  SELECT RAISE(ABORT, 'too many signers');
END;

CREATE TRIGGER robots_are_few BEFORE INSERT ON robots
WHEN (SELECT count(*) FROM robots WHERE namespace = NEW.namespace) >= 1000
BEGIN
  SELECT RAISE(ABORT, 'too many robots');
END;

-- A robot's tokens are counted where they are made: db/tokens.ts.
CREATE TRIGGER tokens_are_few BEFORE INSERT ON tokens
WHEN NEW.user IS NOT NULL AND (SELECT count(*) FROM tokens WHERE user = NEW.user) >= 100
BEGIN
  SELECT RAISE(ABORT, 'too many tokens');
END;

-- Revocations: a registry token may pull what was public when it was signed, and isolates cache for a few minutes what a repository
-- holds. 'public:<repository>' ends the one, 'repository:<name>' the other, in the transaction that makes a repository private, or
-- makes its name mean something else or nothing.

-- The name of a deleted repository begins with '~'; nobody can ask for one.
CREATE TRIGGER name_means_something_else AFTER UPDATE OF name ON repositories WHEN NEW.name <> OLD.name
BEGIN
  INSERT INTO revocations (subject, revoked_at)
  SELECT 'repository:' || OLD.name, CAST(unixepoch('subsec') * 1000 AS INTEGER) WHERE OLD.name NOT LIKE '~%'
  ON CONFLICT (subject) DO UPDATE SET revoked_at = excluded.revoked_at;
  INSERT INTO revocations (subject, revoked_at)
  SELECT 'repository:' || NEW.name, CAST(unixepoch('subsec') * 1000 AS INTEGER) WHERE NEW.name NOT LIKE '~%'
  ON CONFLICT (subject) DO UPDATE SET revoked_at = excluded.revoked_at;
END;

CREATE TRIGGER public_no_more AFTER UPDATE OF name, visibility ON repositories
WHEN OLD.visibility = 'public' AND OLD.name NOT LIKE '~%' AND (NEW.visibility <> 'public' OR NEW.name <> OLD.name)
BEGIN
  INSERT INTO revocations (subject, revoked_at)
  VALUES ('public:' || OLD.name, CAST(unixepoch('subsec') * 1000 AS INTEGER))
  ON CONFLICT (subject) DO UPDATE SET revoked_at = excluded.revoked_at;
END;

-- The right depends on nothing but the repository being public, so what was signed before holds again.
-- A namespace's or repository's entries say what keeps images from being pulled.
CREATE TRIGGER scan_policy_of_namespace_is_heard_of AFTER UPDATE OF scan_policy ON namespaces
WHEN NEW.scan_policy IS NOT OLD.scan_policy
BEGIN
  INSERT INTO revocations (subject, revoked_at)
  VALUES ('policy:' || NEW.name, CAST(unixepoch('subsec') * 1000 AS INTEGER))
  ON CONFLICT (subject) DO UPDATE SET revoked_at = excluded.revoked_at;
END;

CREATE TRIGGER scan_policy_of_repository_is_heard_of AFTER UPDATE OF scan_policy ON repositories
WHEN NEW.scan_policy IS NOT OLD.scan_policy
BEGIN
  INSERT INTO revocations (subject, revoked_at)
  VALUES ('repository:' || NEW.name, CAST(unixepoch('subsec') * 1000 AS INTEGER))
  ON CONFLICT (subject) DO UPDATE SET revoked_at = excluded.revoked_at;
END;

CREATE TRIGGER verdict_on_image_is_heard_of AFTER UPDATE OF summary, unscannable, signed ON scans
WHEN (NEW.summary IS NOT OLD.summary OR NEW.unscannable IS NOT OLD.unscannable OR NEW.signed <> OLD.signed)
  AND EXISTS (
    SELECT 1 FROM manifests m CROSS JOIN repositories r ON r.id = m.repository_id
    LEFT JOIN namespaces n ON n.name = r.namespace
    WHERE m.id = NEW.manifest_id AND coalesce(r.scan_policy, n.scan_policy) IS NOT NULL
  )
BEGIN
  INSERT INTO revocations (subject, revoked_at)
  SELECT 'repository:' || r.name, CAST(unixepoch('subsec') * 1000 AS INTEGER)
  FROM manifests m CROSS JOIN repositories r ON r.id = m.repository_id
  WHERE m.id = NEW.manifest_id AND r.deleted_at IS NULL
  ON CONFLICT (subject) DO UPDATE SET revoked_at = excluded.revoked_at;
END;

CREATE TRIGGER public_again AFTER UPDATE OF name, visibility ON repositories
WHEN NEW.visibility = 'public' AND (OLD.visibility <> 'public' OR NEW.name <> OLD.name)
BEGIN
  DELETE FROM revocations WHERE subject = 'public:' || NEW.name;
END;

CREATE TRIGGER public_anew AFTER INSERT ON repositories WHEN NEW.visibility = 'public'
BEGIN
  DELETE FROM revocations WHERE subject = 'public:' || NEW.name;
END;

-- Retention: a new policy is due, whichever statement brings it

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

-- Scanning: a new image is due, whichever statement brings it

CREATE TRIGGER scan_of_new_image_is_due AFTER INSERT ON manifests
WHEN NEW.kind = 'image' AND (SELECT scanning FROM bounds WHERE id = 1) = 1
BEGIN
  INSERT INTO scans (manifest_id, due_at) VALUES (NEW.id, CAST(unixepoch('subsec') * 1000 AS INTEGER));
END;

-- What is attached to an image may sign it, or say what is in it. What an index is signed by counts for its images, the first 32.
CREATE VIEW images_of_subjects AS
SELECT m.repository_id, m.digest AS subject, m.id AS manifest_id FROM manifests m
UNION ALL
SELECT i.repository_id, i.digest, c.id FROM manifests i
CROSS JOIN manifest_references f ON f.repository_id = i.repository_id AND f.manifest_id = i.id AND f.kind = 1
CROSS JOIN digests d ON d.id = f.digest_id
CROSS JOIN manifests c ON c.repository_id = i.repository_id AND c.digest = d.digest;

CREATE TRIGGER scan_of_subject_is_due AFTER INSERT ON manifests
WHEN NEW.subject IS NOT NULL AND (SELECT scanning FROM bounds WHERE id = 1) = 1
BEGIN
  UPDATE scans SET due_at = CAST(unixepoch('subsec') * 1000 AS INTEGER) WHERE manifest_id IN (
    SELECT manifest_id FROM images_of_subjects
    WHERE repository_id = NEW.repository_id AND subject = NEW.subject LIMIT 33);
END;

CREATE TRIGGER scan_of_tagged_subject_is_due AFTER INSERT ON tags
WHEN NEW.attachment AND (SELECT scanning FROM bounds WHERE id = 1) = 1
BEGIN
  UPDATE scans SET due_at = CAST(unixepoch('subsec') * 1000 AS INTEGER) WHERE manifest_id IN (
    SELECT manifest_id FROM images_of_subjects
    WHERE repository_id = NEW.repository_id AND subject = 'sha256:' || substr(NEW.name, 8, 64) LIMIT 33);
END;

CREATE TRIGGER scan_of_subject_is_due_again AFTER UPDATE OF digest ON tags
WHEN NEW.attachment AND (SELECT scanning FROM bounds WHERE id = 1) = 1
BEGIN
  UPDATE scans SET due_at = CAST(unixepoch('subsec') * 1000 AS INTEGER) WHERE manifest_id IN (
    SELECT manifest_id FROM images_of_subjects
    WHERE repository_id = NEW.repository_id AND subject = 'sha256:' || substr(NEW.name, 8, 64) LIMIT 33);
END;

-- Backup: each change of an exported row is logged

CREATE TRIGGER insert_of_namespaces_is_logged AFTER INSERT ON namespaces
BEGIN
  INSERT INTO change_log (kind, key) VALUES ('namespaces', json_array(NEW.name));
END;

CREATE TRIGGER update_of_namespaces_is_logged AFTER UPDATE ON namespaces
BEGIN
  INSERT INTO change_log (kind, key) VALUES ('namespaces', json_array(NEW.name));
END;

CREATE TRIGGER delete_of_namespaces_is_logged AFTER DELETE ON namespaces
BEGIN
  INSERT INTO change_log (kind, key) VALUES ('namespaces', json_array(OLD.name));
END;

CREATE TRIGGER insert_of_users_is_logged AFTER INSERT ON users
BEGIN
  INSERT INTO change_log (kind, key) VALUES ('users', json_array(NEW.name));
END;

CREATE TRIGGER update_of_users_is_logged AFTER UPDATE ON users
BEGIN
  INSERT INTO change_log (kind, key) VALUES ('users', json_array(NEW.name));
END;

CREATE TRIGGER delete_of_users_is_logged AFTER DELETE ON users
BEGIN
  INSERT INTO change_log (kind, key) VALUES ('users', json_array(OLD.name));
END;

CREATE TRIGGER insert_of_repositories_is_logged AFTER INSERT ON repositories
BEGIN
  INSERT INTO change_log (kind, key) VALUES ('repositories', json_array(NEW.id));
END;

CREATE TRIGGER update_of_repositories_is_logged AFTER UPDATE ON repositories
BEGIN
  INSERT INTO change_log (kind, key) VALUES ('repositories', json_array(NEW.id));
END;

CREATE TRIGGER delete_of_repositories_is_logged AFTER DELETE ON repositories
BEGIN
  INSERT INTO change_log (kind, key) VALUES ('repositories', json_array(OLD.id));
END;

CREATE TRIGGER insert_of_members_is_logged AFTER INSERT ON members
BEGIN
  INSERT INTO change_log (kind, key) VALUES ('members', json_array(NEW.user, NEW.pattern));
END;

CREATE TRIGGER update_of_members_is_logged AFTER UPDATE ON members
BEGIN
  INSERT INTO change_log (kind, key) VALUES ('members', json_array(NEW.user, NEW.pattern));
END;

CREATE TRIGGER delete_of_members_is_logged AFTER DELETE ON members
BEGIN
  INSERT INTO change_log (kind, key) VALUES ('members', json_array(OLD.user, OLD.pattern));
END;

CREATE TRIGGER insert_of_robots_is_logged AFTER INSERT ON robots
BEGIN
  INSERT INTO change_log (kind, key) VALUES ('robots', json_array(NEW.name));
END;

CREATE TRIGGER update_of_robots_is_logged AFTER UPDATE ON robots
BEGIN
  INSERT INTO change_log (kind, key) VALUES ('robots', json_array(NEW.name));
END;

CREATE TRIGGER delete_of_robots_is_logged AFTER DELETE ON robots
BEGIN
  INSERT INTO change_log (kind, key) VALUES ('robots', json_array(OLD.name));
END;

CREATE TRIGGER insert_of_trust_rules_is_logged AFTER INSERT ON trust_rules
BEGIN
  INSERT INTO change_log (kind, key) VALUES ('trust_rules', json_array(NEW.name));
END;

CREATE TRIGGER update_of_trust_rules_is_logged AFTER UPDATE ON trust_rules
BEGIN
  INSERT INTO change_log (kind, key) VALUES ('trust_rules', json_array(NEW.name));
END;

CREATE TRIGGER delete_of_trust_rules_is_logged AFTER DELETE ON trust_rules
BEGIN
  INSERT INTO change_log (kind, key) VALUES ('trust_rules', json_array(OLD.name));
END;

CREATE TRIGGER insert_of_scan_exceptions_is_logged AFTER INSERT ON scan_exceptions
BEGIN
  INSERT INTO change_log (kind, key) VALUES ('scan_exceptions', json_array(NEW.id));
END;

CREATE TRIGGER update_of_scan_exceptions_is_logged AFTER UPDATE ON scan_exceptions
BEGIN
  INSERT INTO change_log (kind, key) VALUES ('scan_exceptions', json_array(NEW.id));
END;

CREATE TRIGGER delete_of_scan_exceptions_is_logged AFTER DELETE ON scan_exceptions
BEGIN
  INSERT INTO change_log (kind, key) VALUES ('scan_exceptions', json_array(OLD.id));
END;

CREATE TRIGGER insert_of_signers_is_logged AFTER INSERT ON signers
BEGIN
  INSERT INTO change_log (kind, key) VALUES ('signers', json_array(NEW.namespace, NEW.name));
END;

CREATE TRIGGER update_of_signers_is_logged AFTER UPDATE ON signers
BEGIN
  INSERT INTO change_log (kind, key) VALUES ('signers', json_array(NEW.namespace, NEW.name));
END;

CREATE TRIGGER delete_of_signers_is_logged AFTER DELETE ON signers
BEGIN
  INSERT INTO change_log (kind, key) VALUES ('signers', json_array(OLD.namespace, OLD.name));
END;

CREATE TRIGGER insert_of_quotas_is_logged AFTER INSERT ON quotas
BEGIN
  INSERT INTO change_log (kind, key) VALUES ('quotas', json_array(NEW.namespace));
END;

CREATE TRIGGER update_of_quotas_is_logged AFTER UPDATE ON quotas
BEGIN
  INSERT INTO change_log (kind, key) VALUES ('quotas', json_array(NEW.namespace));
END;

CREATE TRIGGER delete_of_quotas_is_logged AFTER DELETE ON quotas
BEGIN
  INSERT INTO change_log (kind, key) VALUES ('quotas', json_array(OLD.namespace));
END;

CREATE TRIGGER insert_of_manifests_is_logged AFTER INSERT ON manifests
BEGIN
  INSERT INTO change_log (kind, key) VALUES ('manifests', json_array(NEW.repository_id, NEW.digest));
END;

CREATE TRIGGER update_of_manifests_is_logged AFTER UPDATE ON manifests
BEGIN
  INSERT INTO change_log (kind, key) VALUES ('manifests', json_array(NEW.repository_id, NEW.digest));
END;

CREATE TRIGGER delete_of_manifests_is_logged AFTER DELETE ON manifests
BEGIN
  INSERT INTO change_log (kind, key) VALUES ('manifests', json_array(OLD.repository_id, OLD.digest));
END;

CREATE TRIGGER insert_of_tag_history_is_logged AFTER INSERT ON tag_history
BEGIN
  INSERT INTO change_log (kind, key) VALUES ('tag_history', json_array(NEW.repository_id, NEW.id));
END;

CREATE TRIGGER update_of_tag_history_is_logged AFTER UPDATE ON tag_history
BEGIN
  INSERT INTO change_log (kind, key) VALUES ('tag_history', json_array(NEW.repository_id, NEW.id));
END;

CREATE TRIGGER delete_of_tag_history_is_logged AFTER DELETE ON tag_history
BEGIN
  INSERT INTO change_log (kind, key) VALUES ('tag_history', json_array(OLD.repository_id, OLD.id));
END;

CREATE TRIGGER insert_of_tokens_is_logged AFTER INSERT ON tokens
BEGIN
  INSERT INTO change_log (kind, key) VALUES ('tokens', json_array(NEW.id));
END;

CREATE TRIGGER update_of_tokens_is_logged AFTER UPDATE OF user, robot, hash, description, scopes, expires_at ON tokens
BEGIN
  INSERT INTO change_log (kind, key) VALUES ('tokens', json_array(NEW.id));
END;

CREATE TRIGGER delete_of_tokens_is_logged AFTER DELETE ON tokens
BEGIN
  INSERT INTO change_log (kind, key) VALUES ('tokens', json_array(OLD.id));
END;

CREATE TRIGGER insert_of_tags_is_logged AFTER INSERT ON tags
BEGIN
  INSERT INTO change_log (kind, key) VALUES ('tags', json_array(NEW.repository_id, NEW.name));
END;

-- What is derived is derived again by an import.
CREATE TRIGGER update_of_tags_is_logged AFTER UPDATE OF digest, updated_at ON tags
BEGIN
  INSERT INTO change_log (kind, key) VALUES ('tags', json_array(NEW.repository_id, NEW.name));
END;

CREATE TRIGGER delete_of_tags_is_logged AFTER DELETE ON tags
BEGIN
  INSERT INTO change_log (kind, key) VALUES ('tags', json_array(OLD.repository_id, OLD.name));
END;

CREATE TRIGGER insert_of_trashed_blobs_is_logged AFTER INSERT ON trashed_blobs
BEGIN
  INSERT INTO change_log (kind, key)
  SELECT 'blob_links', json_array(NEW.repository_id, digest) FROM digests WHERE id = NEW.digest_id;
END;

-- Before, since the digest may go with the row.
CREATE TRIGGER delete_of_trashed_blobs_is_logged BEFORE DELETE ON trashed_blobs
BEGIN
  INSERT INTO change_log (kind, key)
  SELECT 'blob_links', json_array(OLD.repository_id, digest) FROM digests WHERE id = OLD.digest_id;
END;

-- Every repository that holds the blob is logged: each may be the last one.
CREATE TRIGGER update_of_blobs_is_logged AFTER UPDATE ON blobs
BEGIN
  INSERT INTO change_log (kind, key)
  SELECT 'blob_links', json_array(h.repository_id, d.digest) FROM digests d CROSS JOIN (
    SELECT repository_id FROM repository_blobs WHERE digest_id = NEW.digest_id
    UNION ALL
    SELECT repository_id FROM trashed_blobs WHERE digest_id = NEW.digest_id
  ) h WHERE d.id = NEW.digest_id;
END;
