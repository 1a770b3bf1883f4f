# Aggregates of other extensions are maintained as PostgreSQL's own: hll and tdigest.  Extensions that log and count statements
# get texts that tell a user what they belong to.
use strict;
use warnings;
use PostgreSQL::Test::Utils;
use WeirTest;
use Test::More;

my $node = weir_cluster('extensions', conf => q(
	shared_preload_libraries = 'pg_stat_statements, auto_explain, weir'
	pg_stat_statements.track = all
	auto_explain.log_min_duration = 0
	auto_explain.log_analyze = on));
$node->safe_psql('postgres', q(
	CREATE EXTENSION hll;
	CREATE EXTENSION tdigest;
	CREATE EXTENSION pg_stat_statements;
	CREATE FOREIGN TABLE s (k int, x int, y float8) SERVER weir;
	CREATE TABLE t (k int, x int, y float8);
	CREATE VIEW uniques AS SELECT k, hll_cardinality(hll_add_agg(hll_hash_integer(x))) AS n, count(*) FROM s GROUP BY k;
	CREATE VIEW sketch AS SELECT hll_add_agg(hll_hash_integer(x)) AS h FROM s;
	CREATE VIEW percentiles AS SELECT k, tdigest_percentile(y, 100, 0.5) AS p50,
		tdigest_percentile(y, 100, ARRAY[0.1, 0.9]) AS p FROM s GROUP BY k));

for my $round (1 .. 5)
{
	$node->safe_psql('postgres', "INSERT INTO $_ SELECT i % 4, (i * 7919) % ($round * 3000), (i * 31) % 10007 / 100.0
		FROM generate_series(1, 20000) i") for ('s', 't');
}

same($node, 'SELECT * FROM uniques',
	'SELECT k, hll_cardinality(hll_add_agg(hll_hash_integer(x))), count(*) FROM t GROUP BY k', 'hll, grouped');
same($node, 'SELECT hll_cardinality(h) FROM sketch',
	'SELECT hll_cardinality(hll_add_agg(hll_hash_integer(x))) FROM t', 'hll itself as a column');
is($node->safe_psql('postgres', q(
	SELECT bool_and(abs(v.p50 - b.p50) < 1 AND abs(v.p[1] - b.p[1]) < 1 AND abs(v.p[2] - b.p[2]) < 1) AND count(*) = 4
	FROM percentiles v JOIN (
		SELECT k, percentile_cont(0.5) WITHIN GROUP (ORDER BY y) AS p50,
			percentile_cont(ARRAY[0.1, 0.9]) WITHIN GROUP (ORDER BY y) AS p
		FROM t GROUP BY k) b USING (k))), 't', 'tdigest, within a hundredth of the range');

is($node->safe_psql('postgres', q(SELECT query FROM pg_stat_statements WHERE query LIKE 'CREATE VIEW sketch%')),
	'CREATE VIEW sketch AS SELECT hll_add_agg(hll_hash_integer(x)) AS h FROM s', 'a statement is counted by the text that was sent');
my $log = slurp_file($node->logfile);
like($log, qr/Query Text: continuous query of public\.percentiles\n.*Partial Aggregate/s, 'a continuous query is logged by the name of its view');

my ($status, undef, $err) = $node->psql('postgres', 'DROP EXTENSION hll');
isnt($status, 0, 'DROP EXTENSION sees the views that need it');
$node->safe_psql('postgres', 'DROP EXTENSION hll CASCADE; INSERT INTO s VALUES (1, 1, 1); INSERT INTO t VALUES (1, 1, 1)');
same($node, 'SELECT sum(count) FROM (SELECT k, 1 AS count FROM percentiles) x', 'SELECT count(DISTINCT k) FROM t', 'others go on');
$node->stop;
done_testing();
