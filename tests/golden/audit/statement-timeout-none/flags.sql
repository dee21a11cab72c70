-- A service without a limit, and the two kinds of role that have none by design.
CREATE ROLE g_statement_timeout_none_app LOGIN;
CREATE ROLE g_statement_timeout_none_migrator LOGIN;
CREATE ROLE g_statement_timeout_none_backup LOGIN;
GRANT pg_read_all_data TO g_statement_timeout_none_backup;
CREATE ROLE g_statement_timeout_none_people NOLOGIN;
