-- q17: statistics of each auction and day.
CREATE VIEW q17 AS
	SELECT auction, to_char(date_time, 'YYYY-MM-DD') AS day, count(*) AS total_bids,
		count(*) FILTER (WHERE price < 10000) AS low_bids,
		count(*) FILTER (WHERE price >= 10000 AND price < 1000000) AS middle_bids,
		count(*) FILTER (WHERE price >= 1000000) AS high_bids,
		min(price) AS min_price, max(price) AS max_price, avg(price) AS avg_price, sum(price) AS sum_price
	FROM bid GROUP BY auction, day;
