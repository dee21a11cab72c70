CREATE ROLE g_statement_timeout_none_app LOGIN;
ALTER ROLE g_statement_timeout_none_app SET statement_timeout = '30s';
CREATE ROLE g_statement_timeout_none_report LOGIN;
ALTER ROLE g_statement_timeout_none_report IN DATABASE golden SET statement_timeout = '10min';
CREATE ROLE g_statement_timeout_none_replica LOGIN REPLICATION;
