-- The window functions over times, as they are in a batch query.
SET search_path = weir, pg_catalog;
SET timezone = 'Europe/Berlin';
SET datestyle = ISO;
SELECT tumble(timestamp '2024-03-31 12:07:33', '10 minutes');
SELECT tumble(timestamp '2024-03-31 12:07:33', '10 minutes', '2 minutes');
SELECT tumble(timestamptz '1969-12-31 23:59:59+00', '10 seconds');
SELECT tumble(timestamp '2024-03-31 12:07:33', '1 month', '4 days 06:00');
SELECT tumble(timestamp '2024-03-31 12:07:33', '3 months', '1 month');
SELECT tumble(timestamp '0044-03-15 12:00 BC', '1 year');
SELECT * FROM hop(timestamp '2024-03-31 12:07:33', '2 seconds', '10 seconds');
SELECT * FROM hop(timestamp '2024-03-31 12:07:33', '4 seconds', '10 seconds', '1 second');
-- a slide longer than the size leaves gaps
SELECT * FROM hop(timestamp '2024-03-31 12:07:33', '10 seconds', '4 seconds');
SELECT * FROM hop(timestamp '2024-03-31 12:07:31', '10 seconds', '4 seconds');
SELECT * FROM hop(timestamp '2024-03-31 12:07:33', '1 month', '3 months');
SELECT * FROM cumulate(timestamp '2024-03-31 12:07:33', '4 hours', '12 hours');
-- the days on which clocks are set
SELECT tumble(timestamptz '2024-03-31 12:00', '1 day'), tumble(timestamptz '2024-03-31 12:00', '1 day', zone => 'UTC');
SELECT tumble(timestamptz '2024-10-27 12:00', '1 day'), tumble(timestamptz '2024-10-27 12:00', '24 hours');
SELECT * FROM hop(timestamptz '2024-10-27 12:00', '1 day', '2 days');
-- as date_bin and date_trunc
SELECT count(*) AS times,
	count(*) FILTER (WHERE time_bucket('1 day', t, zone => z) <> date_trunc('day', t, z)) AS day,
	count(*) FILTER (WHERE time_bucket('7 days', t, '4 days', z) <> date_trunc('week', t, z)) AS week,
	count(*) FILTER (WHERE time_bucket('1 month', t, zone => z) <> date_trunc('month', t, z)) AS month,
	count(*) FILTER (WHERE time_bucket('3 months', t, zone => z) <> date_trunc('quarter', t, z)) AS quarter,
	count(*) FILTER (WHERE time_bucket('1 year', t, zone => z) <> date_trunc('year', t, z)) AS year,
	count(*) FILTER (WHERE time_bucket('7 minutes', t) <> date_bin('7 minutes', t, '1970-01-01 00:00+00')) AS bin,
	count(*) FILTER (WHERE time_bucket('1 hour', t::timestamp) <> date_trunc('hour', t::timestamp)) AS hour
FROM generate_series(timestamptz '1999-01-01', '2026-12-31', '311 minutes 7.7 s') t,
	unnest(ARRAY['Europe/Berlin', 'America/New_York', 'Asia/Kathmandu', 'UTC']) z;
-- a window holds its time, also where midnight comes twice or not at all
SELECT count(*) AS outside FROM generate_series(timestamptz '2010-01-01', '2024-12-31', '37 minutes') t,
	unnest(ARRAY['America/Havana', 'America/Santiago', 'Africa/Cairo', 'America/Sao_Paulo']) z,
	tumble(t, '1 day', zone => z) w WHERE t < window_start OR t >= window_end;
SELECT tumble(NULL::timestamp, '1 hour'), time_bucket('1 hour', NULL::timestamp), tumble(now(), NULL);
SELECT count(*) FROM hop(NULL::timestamp, '1 hour', '2 hours');
SELECT count(*) FROM cumulate(NULL::timestamp, '1 hour', '2 hours');
-- errors
SELECT tumble('infinity'::timestamptz, '1 hour');
SELECT * FROM hop('-infinity'::timestamp, '1 hour', '2 hours');
SELECT tumble(now(), '0');
SELECT tumble(now(), '-1 hour');
SELECT tumble(now(), '1 month 1 day');
SELECT tumble(now(), '1 day 12 hours');
SELECT tumble(now(), '1 hour', '1 day');
SELECT tumble(now(), '1 day', '1 month');
SELECT tumble(now(), '1 day', zone => 'Nowhere/City');
SELECT * FROM hop(now(), '1 hour', '1 day');
SELECT * FROM hop(now(), '1 microsecond', '24 hours');
SELECT * FROM cumulate(now(), '7 minutes', '1 hour');
SELECT tumble('294276-12-31 23:00'::timestamp, '1 year');
