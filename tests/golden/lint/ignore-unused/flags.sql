-- why
-- pgkeep:ignore syntax-error: newer
SELECT 1;
