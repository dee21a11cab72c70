SELECT DISTINCT ON (user_id) user_id, at FROM visits ORDER BY user_id, at DESC;
SELECT DISTINCT user_id FROM visits;
