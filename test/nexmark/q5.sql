-- q5: the auctions with most bids in ten seconds, every two seconds.
-- Each bid counts in its five windows; which auction leads a window is found when the view is read.
CREATE VIEW q5_windows AS
	SELECT auction, starts, count(*) AS bids
	FROM bid, generate_series(date_bin('2 seconds', date_time, '2000-01-01') - interval '8 seconds',
		date_bin('2 seconds', date_time, '2000-01-01'), '2 seconds') AS starts
	GROUP BY auction, starts;

CREATE VIEW q5 AS
	SELECT starts, starts + interval '10 seconds' AS ends, auction, bids
	FROM (SELECT *, max(bids) OVER (PARTITION BY starts) AS most FROM q5_windows) w
	WHERE bids = most;
