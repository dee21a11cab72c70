DELETE FROM pg_enum WHERE enumlabel = 'held';
UPDATE pg_catalog.pg_enum SET enumlabel = 'x' WHERE enumlabel = 'y';
