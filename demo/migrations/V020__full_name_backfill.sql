-- Accounts that nobody has touched since.
-- pgkeep:batch key=id size=300
UPDATE users SET full_name = name WHERE full_name IS NULL;
