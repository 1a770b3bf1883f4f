-- q12: bids of each user in ten seconds of processing time.
CREATE VIEW q12 AS
	SELECT bidder, date_bin('10 seconds', arrival_timestamp, '2000-01-01 00:00+00') AS starts, count(*) AS bids
	FROM bid GROUP BY bidder, starts;
