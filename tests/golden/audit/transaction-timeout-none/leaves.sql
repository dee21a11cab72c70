-- min-version: 17
CREATE ROLE g_transaction_timeout_none_app LOGIN;
ALTER ROLE g_transaction_timeout_none_app SET transaction_timeout = '5min';
