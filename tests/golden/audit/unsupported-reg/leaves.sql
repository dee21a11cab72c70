CREATE TABLE handlers (id bigint PRIMARY KEY, relation regclass, owner regrole, kind regtype);
