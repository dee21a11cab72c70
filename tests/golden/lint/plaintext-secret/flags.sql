CREATE TABLE users (id bigint PRIMARY KEY, password text NOT NULL, "cardNumber" text, card_number varchar(19), ssn text);
