# Views, rows and streams survive a restart; a clean stop loses no asynchronous row either.
use strict;
use warnings;
use WeirTest;
use Test::More;

my $node = weir_cluster('restart');
$node->safe_psql('postgres', q(
	CREATE FOREIGN TABLE s (k int, x int) SERVER weir;
	CREATE VIEW v AS SELECT k, count(*), sum(x), avg(x), max(x) FROM s GROUP BY k;
	CREATE VIEW raw AS SELECT k, x FROM s;
	CREATE TABLE t (k int, x int);
	INSERT INTO s SELECT i % 7, i FROM generate_series(1, 1000) i;
	INSERT INTO t SELECT i % 7, i FROM generate_series(1, 1000) i));

my $batch = 'SELECT k, count(*), sum(x), avg(x), max(x) FROM t GROUP BY k';
for my $mode ('fast', 'smart', 'fast')
{
	# Far more than a flush interval's worth, so that the stop comes while they are under way.
	$node->safe_psql('postgres', q(
		SET weir.synchronous_insert = off;
		INSERT INTO s SELECT i % 11, i FROM generate_series(1, 200000) i;
		INSERT INTO t SELECT i % 11, i FROM generate_series(1, 200000) i));
	$node->stop($mode);
	$node->start;
	same($node, 'SELECT * FROM v', $batch, "grouped view after a $mode stop");
	same($node, 'SELECT k, x FROM raw', 'SELECT k, x FROM t', "append-only view after a $mode stop");
}

$node->safe_psql('postgres', 'INSERT INTO s VALUES (1, 1); INSERT INTO t VALUES (1, 1)');
same($node, 'SELECT * FROM v', $batch, 'rows go on');

$node->stop;
done_testing();
