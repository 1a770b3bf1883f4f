-- q13: each bid with its row of a side table.
CREATE VIEW q13 AS
	SELECT b.auction, b.bidder, b.price, b.date_time, s.value
	FROM bid b JOIN side_input s ON b.auction % 10000 = s.key;
