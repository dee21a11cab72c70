-- The test servers preload the library; the extension is missing in a fresh database.
SELECT 1;
