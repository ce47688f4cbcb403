-- Who may do what, and what was done.

-- The first component of a repository's name. It comes into being with its first repository, or beforehand.
CREATE TABLE namespaces (
  name TEXT NOT NULL PRIMARY KEY,
  -- Of the repositories that a push makes.
  visibility TEXT NOT NULL DEFAULT 'private' CHECK (visibility IN ('private', 'public')),
  version INTEGER NOT NULL DEFAULT 1,
  created_at INTEGER NOT NULL
) WITHOUT ROWID;

INSERT INTO namespaces (name, created_at)
SELECT substr(name, 1, instr(name || '/', '/') - 1), min(created_at) FROM repositories GROUP BY 1;

ALTER TABLE repositories ADD COLUMN visibility TEXT NOT NULL DEFAULT 'private'
CHECK (visibility IN ('private', 'public'));
ALTER TABLE repositories ADD COLUMN description TEXT NOT NULL DEFAULT '';
ALTER TABLE repositories ADD COLUMN readme TEXT NOT NULL DEFAULT '';
ALTER TABLE repositories ADD COLUMN labels TEXT NOT NULL DEFAULT '{}';
ALTER TABLE repositories ADD COLUMN version INTEGER NOT NULL DEFAULT 1;

CREATE INDEX public_repositories ON repositories (name) WHERE visibility = 'public';

CREATE TABLE users (
  name TEXT NOT NULL PRIMARY KEY,
  -- With its parameters, as auth/login/password.ts writes it; never the password.
  password TEXT NOT NULL,
  admin INTEGER NOT NULL DEFAULT 0 CHECK (admin IN (0, 1)),
  version INTEGER NOT NULL DEFAULT 1,
  created_at INTEGER NOT NULL
) WITHOUT ROWID;

-- The built-in administrator: its password is a secret of the deployment, and nothing matches this one.
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

CREATE TABLE robots (
  name TEXT NOT NULL PRIMARY KEY,
  namespace TEXT NOT NULL REFERENCES namespaces (name) ON DELETE CASCADE,
  description TEXT NOT NULL,
  scopes TEXT NOT NULL,
  version INTEGER NOT NULL DEFAULT 1,
  created_at INTEGER NOT NULL
) WITHOUT ROWID;

CREATE INDEX robots_by_namespace ON robots (namespace, name);

-- Secrets that were shown once: of a user (limited to its scopes) or of a robot (which has scopes of its own).
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

-- Whose ID tokens stand for whom.
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

-- The oldest first: who makes rules for the tokens of others cannot crowd these out.
CREATE INDEX trust_rules_by_selector ON trust_rules (issuer, selector, created_at);
CREATE INDEX trust_rules_by_namespace ON trust_rules (namespace, name);

-- All that may match an ID token are looked at when it logs in: nobody is to make that a burden.
CREATE TRIGGER trust_rules_are_few BEFORE INSERT ON trust_rules
WHEN (SELECT count(*) FROM trust_rules WHERE namespace = NEW.namespace) >= 100
BEGIN
  SELECT RAISE(ABORT, 'too many rules');
END;

-- All roles of a user are read by each of its logins, as one JSON text, of which D1 holds 2 MB. Another role on a pattern is
-- inserted too, before it is found to be there.
CREATE TRIGGER members_are_few BEFORE INSERT ON members
WHEN NOT EXISTS (SELECT 1 FROM members WHERE user = NEW.user AND pattern = NEW.pattern)
  AND ((SELECT count(*) FROM members WHERE namespace = NEW.namespace AND user = NEW.user) >= 100
    OR (SELECT count(*) FROM members WHERE user = NEW.user) >= 2000)
BEGIN
  SELECT RAISE(ABORT, 'too many patterns');
END;

CREATE TRIGGER robots_are_few BEFORE INSERT ON robots
WHEN (SELECT count(*) FROM robots WHERE namespace = NEW.namespace) >= 1000
BEGIN
  SELECT RAISE(ABORT, 'too many robots');
END;

-- A robot's are counted where they are made: db/tokens.ts.
CREATE TRIGGER tokens_are_few BEFORE INSERT ON tokens
WHEN NEW.user IS NOT NULL AND (SELECT count(*) FROM tokens WHERE user = NEW.user) >= 100
BEGIN
  SELECT RAISE(ABORT, 'too many tokens');
END;

-- What registry tokens rest on and was taken back: those signed before hold no longer.
CREATE TABLE revocations (
  subject TEXT NOT NULL PRIMARY KEY,
  revoked_at INTEGER NOT NULL
) WITHOUT ROWID;

CREATE INDEX revocations_by_time ON revocations (revoked_at);

-- Failed logins of an account or an address since the beginning of its window.
CREATE TABLE login_failures (
  key TEXT NOT NULL PRIMARY KEY,
  failures INTEGER NOT NULL,
  since INTEGER NOT NULL
) WITHOUT ROWID;

CREATE INDEX login_failures_by_time ON login_failures (since);

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

-- How often a tag was pulled on a day (of days since 1970); '' stands for pulls by digest.
CREATE TABLE pulls (
  repository_id INTEGER NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
  tag TEXT NOT NULL,
  day INTEGER NOT NULL,
  count INTEGER NOT NULL,
  PRIMARY KEY (repository_id, tag, day)
) WITHOUT ROWID;
