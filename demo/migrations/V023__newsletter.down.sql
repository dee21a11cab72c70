-- The way back from V023__newsletter.sql.
-- pgkeep:loses public.newsletter_subscribers: every subscriber
DROP TABLE newsletter_subscribers;
DROP DOMAIN email_address;
