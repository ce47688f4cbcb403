-- Accounts that are shut for a while, and namespaces that must not lose their last owner unasked.

-- Since when, and by whom; NULL for an account that can log in. The built-in administrator always can.
ALTER TABLE users ADD COLUMN disabled_at INTEGER CHECK (disabled_at IS NULL OR name <> 'admin');
ALTER TABLE users ADD COLUMN disabled_by TEXT CHECK ((disabled_by IS NULL) = (disabled_at IS NULL));
ALTER TABLE robots ADD COLUMN disabled_at INTEGER;
ALTER TABLE robots ADD COLUMN disabled_by TEXT CHECK ((disabled_by IS NULL) = (disabled_at IS NULL));

-- Who owns a whole namespace, which takes the role on all of its repositories.
CREATE INDEX namespace_owners ON members (namespace, user) WHERE role = 'owner' AND pattern = namespace || '/*';
