-- why
-- pgkeep:ignore syntax-error
SELECT 1;
SELECT 2; -- pgkeep:ignore drop-table:
