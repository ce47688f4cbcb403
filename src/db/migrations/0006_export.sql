-- What changed and is not in the bucket yet: backup/exported.ts says what is exported. The newest row stays, so that no
-- id is ever given out again.
CREATE TABLE changes (
  id INTEGER PRIMARY KEY,
  kind TEXT NOT NULL,
  -- JSON: the values of the primary key.
  key TEXT NOT NULL
);

-- The history that this index writes into the bucket begins with what is there, and has a name that no other has.
INSERT INTO jobs (name, state)
SELECT 'export', json_object(
  'chain', printf('%012x', CAST(unixepoch('subsec') * 1000 AS INTEGER)) || '-' || lower(hex(randomblob(4))), 'exported', 0)
WHERE true ON CONFLICT DO NOTHING;

INSERT INTO changes (kind, key) SELECT 'namespaces', json_array(name) FROM namespaces;
INSERT INTO changes (kind, key) SELECT 'users', json_array(name) FROM users;
INSERT INTO changes (kind, key) SELECT 'repositories', json_array(id) FROM repositories;
INSERT INTO changes (kind, key) SELECT 'members', json_array(user, pattern) FROM members;
INSERT INTO changes (kind, key) SELECT 'robots', json_array(name) FROM robots;
INSERT INTO changes (kind, key) SELECT 'trust_rules', json_array(name) FROM trust_rules;
INSERT INTO changes (kind, key) SELECT 'quotas', json_array(namespace) FROM quotas;
INSERT INTO changes (kind, key) SELECT 'manifests', json_array(repository_id, digest) FROM manifests;
INSERT INTO changes (kind, key) SELECT 'tag_history', json_array(repository_id, id) FROM tag_history;
INSERT INTO changes (kind, key) SELECT 'tokens', json_array(id) FROM tokens;
INSERT INTO changes (kind, key) SELECT 'tags', json_array(repository_id, name) FROM tags;
INSERT INTO changes (kind, key) SELECT 'held_blobs', json_array(repository_id, digest) FROM trashed_blobs;

-- What an import is to read: first the pages of a full export, then what changed since.
CREATE TABLE import_objects (
  n INTEGER PRIMARY KEY,
  key TEXT NOT NULL
);

-- What an import has seen to be gone: older lines must not bring it back.
CREATE TABLE import_tombstones (
  kind TEXT NOT NULL,
  key TEXT NOT NULL,
  PRIMARY KEY (kind, key)
) WITHOUT ROWID;

-- namespaces

CREATE TRIGGER noted_insert_of_namespaces AFTER INSERT ON namespaces
BEGIN
  INSERT INTO changes (kind, key) VALUES ('namespaces', json_array(NEW.name));
END;

CREATE TRIGGER noted_update_of_namespaces AFTER UPDATE ON namespaces
BEGIN
  INSERT INTO changes (kind, key) VALUES ('namespaces', json_array(NEW.name));
END;

CREATE TRIGGER noted_delete_of_namespaces AFTER DELETE ON namespaces
BEGIN
  INSERT INTO changes (kind, key) VALUES ('namespaces', json_array(OLD.name));
END;

-- users

CREATE TRIGGER noted_insert_of_users AFTER INSERT ON users
BEGIN
  INSERT INTO changes (kind, key) VALUES ('users', json_array(NEW.name));
END;

CREATE TRIGGER noted_update_of_users AFTER UPDATE ON users
BEGIN
  INSERT INTO changes (kind, key) VALUES ('users', json_array(NEW.name));
END;

CREATE TRIGGER noted_delete_of_users AFTER DELETE ON users
BEGIN
  INSERT INTO changes (kind, key) VALUES ('users', json_array(OLD.name));
END;

-- repositories

CREATE TRIGGER noted_insert_of_repositories AFTER INSERT ON repositories
BEGIN
  INSERT INTO changes (kind, key) VALUES ('repositories', json_array(NEW.id));
END;

CREATE TRIGGER noted_update_of_repositories AFTER UPDATE ON repositories
BEGIN
  INSERT INTO changes (kind, key) VALUES ('repositories', json_array(NEW.id));
END;

CREATE TRIGGER noted_delete_of_repositories AFTER DELETE ON repositories
BEGIN
  INSERT INTO changes (kind, key) VALUES ('repositories', json_array(OLD.id));
END;

-- members

CREATE TRIGGER noted_insert_of_members AFTER INSERT ON members
BEGIN
  INSERT INTO changes (kind, key) VALUES ('members', json_array(NEW.user, NEW.pattern));
END;

CREATE TRIGGER noted_update_of_members AFTER UPDATE ON members
BEGIN
  INSERT INTO changes (kind, key) VALUES ('members', json_array(NEW.user, NEW.pattern));
END;

CREATE TRIGGER noted_delete_of_members AFTER DELETE ON members
BEGIN
  INSERT INTO changes (kind, key) VALUES ('members', json_array(OLD.user, OLD.pattern));
END;

-- robots

CREATE TRIGGER noted_insert_of_robots AFTER INSERT ON robots
BEGIN
  INSERT INTO changes (kind, key) VALUES ('robots', json_array(NEW.name));
END;

CREATE TRIGGER noted_update_of_robots AFTER UPDATE ON robots
BEGIN
  INSERT INTO changes (kind, key) VALUES ('robots', json_array(NEW.name));
END;

CREATE TRIGGER noted_delete_of_robots AFTER DELETE ON robots
BEGIN
  INSERT INTO changes (kind, key) VALUES ('robots', json_array(OLD.name));
END;

-- trust_rules

CREATE TRIGGER noted_insert_of_trust_rules AFTER INSERT ON trust_rules
BEGIN
  INSERT INTO changes (kind, key) VALUES ('trust_rules', json_array(NEW.name));
END;

CREATE TRIGGER noted_update_of_trust_rules AFTER UPDATE ON trust_rules
BEGIN
  INSERT INTO changes (kind, key) VALUES ('trust_rules', json_array(NEW.name));
END;

CREATE TRIGGER noted_delete_of_trust_rules AFTER DELETE ON trust_rules
BEGIN
  INSERT INTO changes (kind, key) VALUES ('trust_rules', json_array(OLD.name));
END;

-- quotas

CREATE TRIGGER noted_insert_of_quotas AFTER INSERT ON quotas
BEGIN
  INSERT INTO changes (kind, key) VALUES ('quotas', json_array(NEW.namespace));
END;

CREATE TRIGGER noted_update_of_quotas AFTER UPDATE ON quotas
BEGIN
  INSERT INTO changes (kind, key) VALUES ('quotas', json_array(NEW.namespace));
END;

CREATE TRIGGER noted_delete_of_quotas AFTER DELETE ON quotas
BEGIN
  INSERT INTO changes (kind, key) VALUES ('quotas', json_array(OLD.namespace));
END;

-- manifests

CREATE TRIGGER noted_insert_of_manifests AFTER INSERT ON manifests
BEGIN
  INSERT INTO changes (kind, key) VALUES ('manifests', json_array(NEW.repository_id, NEW.digest));
END;

CREATE TRIGGER noted_update_of_manifests AFTER UPDATE ON manifests
BEGIN
  INSERT INTO changes (kind, key) VALUES ('manifests', json_array(NEW.repository_id, NEW.digest));
END;

CREATE TRIGGER noted_delete_of_manifests AFTER DELETE ON manifests
BEGIN
  INSERT INTO changes (kind, key) VALUES ('manifests', json_array(OLD.repository_id, OLD.digest));
END;

-- tag_history

CREATE TRIGGER noted_insert_of_tag_history AFTER INSERT ON tag_history
BEGIN
  INSERT INTO changes (kind, key) VALUES ('tag_history', json_array(NEW.repository_id, NEW.id));
END;

CREATE TRIGGER noted_update_of_tag_history AFTER UPDATE ON tag_history
BEGIN
  INSERT INTO changes (kind, key) VALUES ('tag_history', json_array(NEW.repository_id, NEW.id));
END;

CREATE TRIGGER noted_delete_of_tag_history AFTER DELETE ON tag_history
BEGIN
  INSERT INTO changes (kind, key) VALUES ('tag_history', json_array(OLD.repository_id, OLD.id));
END;

-- tags

CREATE TRIGGER noted_insert_of_tags AFTER INSERT ON tags
BEGIN
  INSERT INTO changes (kind, key) VALUES ('tags', json_array(NEW.repository_id, NEW.name));
END;

CREATE TRIGGER noted_update_of_tags AFTER UPDATE ON tags
BEGIN
  INSERT INTO changes (kind, key) VALUES ('tags', json_array(NEW.repository_id, NEW.name));
END;

CREATE TRIGGER noted_delete_of_tags AFTER DELETE ON tags
BEGIN
  INSERT INTO changes (kind, key) VALUES ('tags', json_array(OLD.repository_id, OLD.name));
END;

-- tokens

CREATE TRIGGER noted_insert_of_tokens AFTER INSERT ON tokens
BEGIN
  INSERT INTO changes (kind, key) VALUES ('tokens', json_array(NEW.id));
END;

-- Not the day of its last use.
CREATE TRIGGER noted_update_of_tokens AFTER UPDATE OF user, robot, hash, description, scopes, expires_at ON tokens
BEGIN
  INSERT INTO changes (kind, key) VALUES ('tokens', json_array(NEW.id));
END;

CREATE TRIGGER noted_delete_of_tokens AFTER DELETE ON tokens
BEGIN
  INSERT INTO changes (kind, key) VALUES ('tokens', json_array(OLD.id));
END;

-- Blobs are exported with the manifests that name them; these are changes of theirs that no manifest shows.

CREATE TRIGGER noted_insert_of_trashed_blobs AFTER INSERT ON trashed_blobs
BEGIN
  INSERT INTO changes (kind, key) VALUES ('held_blobs', json_array(NEW.repository_id, NEW.digest));
END;

CREATE TRIGGER noted_delete_of_trashed_blobs AFTER DELETE ON trashed_blobs
BEGIN
  INSERT INTO changes (kind, key) VALUES ('held_blobs', json_array(OLD.repository_id, OLD.digest));
END;

-- Of all that hold it: each may be the last one.
CREATE TRIGGER noted_update_of_blobs AFTER UPDATE ON blobs
BEGIN
  INSERT INTO changes (kind, key)
  SELECT 'held_blobs', json_array(repository_id, digest) FROM repository_blobs WHERE digest = NEW.digest
  UNION ALL
  SELECT 'held_blobs', json_array(repository_id, digest) FROM trashed_blobs WHERE digest = NEW.digest;
END;
