SELECT begins_on + interval '2 months' FROM subscriptions;
SELECT begins_on + n * interval '1 month' FROM subscriptions, generate_series(1, 12) AS n;
SELECT begins_on + interval '1 month' - interval '1 day' FROM subscriptions;
SELECT begins_on + interval '1 day' + interval '2 hours' FROM subscriptions;
