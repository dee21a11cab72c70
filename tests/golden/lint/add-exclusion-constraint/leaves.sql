CREATE TABLE bookings (room integer, during tstzrange, EXCLUDE USING gist (room WITH =, during WITH &&));
CREATE TABLE stays (room integer);
ALTER TABLE stays ADD EXCLUDE USING btree (room WITH =);
