-- q11: bids of each user's session: as long as no ten seconds pass without one.
CREATE VIEW q11 AS
	SELECT bidder, count(*) AS bid_count, window_start AS starts, window_end AS ends
	FROM bid, weir.session(date_time, '10 seconds')
	GROUP BY bidder, window_start, window_end;
