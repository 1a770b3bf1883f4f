# A row inserted is in the view when its transaction returns.
use strict;
use warnings;
use WeirTest;
use Test::More;

my $node = weir_cluster('basic');

$node->safe_psql('postgres', q(
	CREATE FOREIGN TABLE clicks (url text, ms int) SERVER weir;
	CREATE VIEW hits AS SELECT url, count(*), sum(ms) FROM clicks GROUP BY url;
	INSERT INTO clicks VALUES ('/a', 7)));
is($node->safe_psql('postgres', 'SELECT * FROM hits'), '/a|1|7', 'one row, end to end');

$node->safe_psql('postgres', q(INSERT INTO clicks VALUES ('/a', 3), ('/b', NULL)));
is($node->safe_psql('postgres', 'SELECT * FROM hits ORDER BY url'), "/a|2|10\n/b|1|", 'more rows');

is($node->safe_psql('postgres', q(
	CREATE FOREIGN TABLE s (x int) SERVER weir;
	CREATE VIEW n AS SELECT count(*), max(x) FROM s;
	SELECT * FROM n)), '0|', 'a view without GROUP BY has its row before any came');

is($node->safe_psql('postgres', q(
	SET weir.synchronous_insert = off;
	INSERT INTO s SELECT generate_series(1, 1000);
	SELECT weir.flush();
	SELECT * FROM n)), "\n1000|1000", 'asynchronous rows are there after weir.flush()');

$node->stop;
done_testing();
