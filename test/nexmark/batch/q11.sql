-- q11 over a table: sessions by gaps and islands.
CREATE VIEW q11 AS
	SELECT bidder, count(*) AS bid_count, min(date_time) AS starts, max(date_time) + interval '10 seconds' AS ends
	FROM (SELECT *, sum(opens) OVER (PARTITION BY bidder ORDER BY date_time) AS session
		FROM (SELECT *, CASE WHEN date_time - lag(date_time) OVER (PARTITION BY bidder ORDER BY date_time) < interval '10 seconds'
				THEN 0 ELSE 1 END AS opens FROM bid) a) b
	GROUP BY bidder, session;
