SELECT id FROM orderss;
