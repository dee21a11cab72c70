SELECT a.id FROM users a JOIN users b ON a.email = b.email AND a.id <> b.id;
SELECT a.id FROM users a JOIN users b ON a.id <> b.id WHERE a.email = b.email;
SELECT a.id FROM bands a JOIN points b ON b.at >= a.low AND b.at < a.high;
