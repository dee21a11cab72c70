SELECT DISTINCT ON (user_id) user_id, at FROM visits;
SELECT DISTINCT ON (user_id) user_id, at FROM visits ORDER BY user_id;
