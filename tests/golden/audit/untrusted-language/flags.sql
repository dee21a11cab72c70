CREATE LANGUAGE g_untrusted HANDLER plpgsql_call_handler;
CREATE LANGUAGE "G used" HANDLER plpgsql_call_handler;
CREATE FUNCTION answer() RETURNS integer LANGUAGE "G used" AS 'BEGIN RETURN 42; END';
