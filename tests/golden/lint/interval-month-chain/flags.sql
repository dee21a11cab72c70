SELECT begins_on + interval '1 month' + interval '1 month' FROM subscriptions;
UPDATE subscriptions SET ends_on = begins_on + '1 year'::interval - '1 mon'::interval WHERE id = $1;
SELECT date '2024-01-31' + make_interval(months => 1) + interval '1 month';
