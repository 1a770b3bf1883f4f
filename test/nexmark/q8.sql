-- q8: who registered and opened an auction in the same ten seconds: the windows of both sides, joined when read.
CREATE VIEW q8_persons AS
	SELECT id, name, window_start, window_end
	FROM person, weir.tumble(date_time, '10 seconds')
	GROUP BY id, name, window_start, window_end;

CREATE VIEW q8_sellers AS
	SELECT seller, window_start, window_end
	FROM auction, weir.tumble(date_time, '10 seconds')
	GROUP BY seller, window_start, window_end;

CREATE VIEW q8 AS
	SELECT p.id, p.name, p.window_start AS starts
	FROM q8_persons p JOIN q8_sellers a ON a.seller = p.id AND a.window_start = p.window_start;
