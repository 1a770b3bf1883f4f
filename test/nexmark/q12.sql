-- q12: bids of each user in ten seconds of processing time.
CREATE VIEW q12 AS
	SELECT bidder, window_start AS starts, window_end AS ends, count(*) AS bids
	FROM bid, weir.tumble(arrival_timestamp, '10 seconds')
	GROUP BY bidder, window_start, window_end;
