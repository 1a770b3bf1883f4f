-- q5: the auctions with most bids in ten seconds, every two seconds.
-- Each bid is counted once, in its pane of two seconds; which auction leads a window is found when the view is read.
CREATE VIEW q5_windows AS
	SELECT auction, window_start, window_end, count(*) AS bids
	FROM bid, weir.hop(date_time, '2 seconds', '10 seconds')
	GROUP BY auction, window_start, window_end;

CREATE VIEW q5 AS
	SELECT window_start AS starts, window_end AS ends, auction, bids
	FROM (SELECT *, max(bids) OVER (PARTITION BY window_start) AS most FROM q5_windows) w
	WHERE bids = most;
