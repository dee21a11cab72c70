SELECT random() FROM questions ORDER BY id;
SELECT random() ORDER BY random();
