CREATE ROLE g_role_attributes_dangerous_app LOGIN CREATEROLE BYPASSRLS;
CREATE ROLE "g_role_attributes_dangerous_""Web"" {}; --" LOGIN;
GRANT pg_read_server_files, pg_write_all_data TO "g_role_attributes_dangerous_""Web"" {}; --";
CREATE ROLE g_role_attributes_dangerous_wallet LOGIN REPLICATION;
