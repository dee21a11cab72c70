-- Nobody asks for columns.
CREATE TABLE logs (line text NOT NULL);
