-- why
SELECT 1;
