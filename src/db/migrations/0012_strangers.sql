-- What those who are not logged in may cause to be written has bounds (docs/access.md); these tables hold them.

-- Past its limit a count lets one more try pass after another; this is when the last one did, in milliseconds since 1970.
ALTER TABLE login_failures ADD COLUMN tried_at INTEGER NOT NULL DEFAULT 0;

-- A network from which an account logged in with its password; both are hashes that nobody can make without our key.
CREATE TABLE login_networks (
  account TEXT NOT NULL,
  network TEXT NOT NULL,
  used_at INTEGER NOT NULL,
  PRIMARY KEY (account, network)
) WITHOUT ROWID;

CREATE INDEX login_networks_by_time ON login_networks (used_at);

-- How many records of refusals a window of time (since its beginning, in milliseconds since 1970) has of a kind, an account
-- or a network.
CREATE TABLE audit_budgets (
  since INTEGER NOT NULL,
  key TEXT NOT NULL,
  records INTEGER NOT NULL,
  PRIMARY KEY (since, key)
) WITHOUT ROWID;

-- Refusals alone: what was done is nearly all of the log, and most of what is written with each push.
CREATE INDEX audit_by_outcome ON audit (outcome, id) WHERE outcome <> 'done';
