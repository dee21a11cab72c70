CREATE TABLE users (id bigint PRIMARY KEY, password_hash text NOT NULL, encrypted_password text, password_changed_at timestamptz,
                    card_number_last4 text, token_id bigint, password_digest bytea, passwordless boolean);
