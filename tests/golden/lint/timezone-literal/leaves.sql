SELECT created_at AT TIME ZONE 'UTC', created_at AT TIME ZONE 'Europe/Berlin', created_at AT TIME ZONE $1 FROM t;
SELECT created_at AT TIME ZONE 'Etc/GMT+3' FROM t;
