-- path: plain.sql
VACUUM FULL users;
VACUUM (FULL, ANALYZE) public.posts;
VACUUM FULL;
