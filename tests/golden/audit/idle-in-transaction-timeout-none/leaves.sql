CREATE ROLE g_idle_in_transaction_timeout_none_app LOGIN;
ALTER ROLE g_idle_in_transaction_timeout_none_app SET idle_in_transaction_session_timeout = '60s';
ALTER ROLE g_idle_in_transaction_timeout_none_app IN DATABASE golden SET idle_in_transaction_session_timeout = '10s';
