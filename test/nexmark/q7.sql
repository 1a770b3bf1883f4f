-- q7: the highest bid of each ten seconds; here the windowed maximum, without the bid's other columns.
CREATE VIEW q7 AS
	SELECT window_start, window_end, max(price) AS price
	FROM bid, weir.tumble(date_time, '10 seconds')
	GROUP BY window_start, window_end;
