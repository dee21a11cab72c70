CREATE ROLE g_idle_session_timeout_none_analyst LOGIN;
ALTER ROLE g_idle_session_timeout_none_analyst SET idle_session_timeout = '1h';
