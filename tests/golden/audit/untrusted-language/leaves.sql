CREATE TRUSTED LANGUAGE g_trusted HANDLER plpgsql_call_handler;
