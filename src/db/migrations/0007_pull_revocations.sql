-- A registry token may pull what was public when it was made, and isolates remember for a few minutes what a repository
-- holds. `public:<repository>` ends the one, `repository:<name>` the other: in the very transaction that makes a repository
-- private, or its name mean something else or nothing, whichever statement does it.

-- What was revoked last, of each kind of subjects: `user:`, `public:`, …
CREATE INDEX revocations_by_kind ON revocations (substr(subject, 1, instr(subject, ':')), revoked_at);

-- The name of a deleted repository begins with `~`; nobody can ask for one.
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

-- Such a right rests on nothing but the repository's being public, so what was signed before is right again.
CREATE TRIGGER public_again AFTER UPDATE OF name, visibility ON repositories
WHEN NEW.visibility = 'public' AND (OLD.visibility <> 'public' OR NEW.name <> OLD.name)
BEGIN
  DELETE FROM revocations WHERE subject = 'public:' || NEW.name;
END;

CREATE TRIGGER public_anew AFTER INSERT ON repositories WHEN NEW.visibility = 'public'
BEGIN
  DELETE FROM revocations WHERE subject = 'public:' || NEW.name;
END;
