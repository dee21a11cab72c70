-- min-version: 17
CREATE ROLE g_transaction_timeout_none_app LOGIN;
