-- Who may only pull can put off that an unnamed blob goes, but not for ever. NULL: nobody else has since it was pushed,
-- mounted, let go, or asked for by somebody who may push; else when that was.
ALTER TABLE unreferenced_blobs ADD COLUMN counted_on_at INTEGER;
