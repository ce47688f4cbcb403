-- Roles are given by others: those that some namespaces give must not keep a user from getting more in another one. A login
-- reads those of the namespaces that it is about, and of the rest a bounded number (db/identities.ts).
DROP TRIGGER members_are_few;

-- Another role on a pattern is inserted too, before it is found to be there.
CREATE TRIGGER members_are_few BEFORE INSERT ON members
WHEN NOT EXISTS (SELECT 1 FROM members WHERE user = NEW.user AND pattern = NEW.pattern)
  AND (SELECT count(*) FROM members WHERE namespace = NEW.namespace AND user = NEW.user) >= 100
BEGIN
  SELECT RAISE(ABORT, 'too many patterns');
END;
