-- One digest is one media type: read as an image here and as an index there, the same bytes would be two things (CVE-2021-41190).
-- A manifest that was deleted may come back as another.
CREATE TRIGGER media_type_is_fixed BEFORE UPDATE OF media_type ON manifests
WHEN NEW.media_type <> OLD.media_type AND OLD.deleted_at IS NULL
BEGIN
  SELECT RAISE(ABORT, 'media type fixed');
END;
