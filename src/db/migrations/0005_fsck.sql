-- Bytes that repair has found to be missing or damaged.

-- Since when. Until they are pushed again it is as if they had never been; then they get another object.
ALTER TABLE blobs ADD COLUMN missing_since INTEGER;
ALTER TABLE manifests ADD COLUMN missing_since INTEGER;

CREATE TRIGGER replaced_object_of_blob_goes AFTER UPDATE OF key ON blobs
WHEN NEW.key <> OLD.key
BEGIN
  INSERT INTO object_deletions (key, due_at) VALUES (OLD.key, CAST(unixepoch('subsec') * 1000 AS INTEGER))
  ON CONFLICT (key) DO NOTHING;
END;

CREATE TRIGGER replaced_object_of_manifest_goes AFTER UPDATE OF object ON manifests
WHEN OLD.object IS NOT NULL AND NOT EXISTS (SELECT 1 FROM manifests WHERE object = OLD.object)
BEGIN
  INSERT INTO object_deletions (key, due_at) VALUES (OLD.object, CAST(unixepoch('subsec') * 1000 AS INTEGER))
  ON CONFLICT (key) DO NOTHING;
END;
