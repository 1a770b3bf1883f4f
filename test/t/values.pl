# More different values in one group than weir.memory holds: exact, and never above it; a crash leaves each once.
# And results kept for more groups than the flush may have in memory (maintenance_work_mem).
use strict;
use warnings;
use WeirTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $n = 120_000;
my $node = weir_cluster('values', conf => "weir.memory = '8MB'\nmax_wal_size = '4GB'\nwork_mem = '32MB'\nmaintenance_work_mem = '1MB'\njit = off");
$node->safe_psql('postgres', q(
	CREATE FOREIGN TABLE s (k int, x bigint, t text) SERVER weir;
	CREATE TABLE p (k int, x bigint, t text);
	CREATE VIEW v AS SELECT k, count(*), count(DISTINCT x) AS d, sum(DISTINCT x) AS s FROM s GROUP BY k;
	CREATE VIEW many AS SELECT t, count(DISTINCT x) AS d, avg(DISTINCT x) AS a, max(x) FROM s GROUP BY t;
	CREATE VIEW total AS SELECT count(DISTINCT t) AS d, percentile_disc(ARRAY[0.1, 0.5]) WITHIN GROUP (ORDER BY x) AS p,
		mode() WITHIN GROUP (ORDER BY x) AS m FROM s));
my $v = 'SELECT k, count(*), count(DISTINCT x), sum(DISTINCT x) FROM p GROUP BY k';
my $many = 'SELECT t, count(DISTINCT x), avg(DISTINCT x), max(x) FROM p GROUP BY t';
my $total = 'SELECT count(DISTINCT t), percentile_disc(ARRAY[0.1, 0.5]) WITHIN GROUP (ORDER BY x), mode() WITHIN GROUP (ORDER BY x) FROM p';

sub compare
{
	my $when = shift;
	same($node, 'TABLE v', $v, "one group is as batch, $when");
	same($node, 'TABLE many', $many, "many groups are as batch, $when");
	same($node, 'TABLE total', $total, "a view without GROUP BY is as batch, $when");
	is($node->safe_psql('postgres', q(SELECT bool_and(peak <= "limit") FROM weir.stat_memory)), 't', "memory stays below its limit, $when");
}

# A third comes twice, in another order.
sub insert
{
	my ($from, $to) = @_;
	my $rows = "SELECT 1, i * 7919::bigint % $n, 'text ' || i % 40000 FROM generate_series($from, $to) i";
	$node->safe_psql('postgres', "INSERT INTO p $rows; INSERT INTO s $rows");
}

insert(1, $n);
compare('in one transaction');
cmp_ok($node->safe_psql('postgres', q(SELECT pg_total_relation_size('v_vals1'))), '>', 8 * 1024 * 1024, 'the values are larger than that memory');
insert($n + 1, int($n * 4 / 3));
compare('where values come again');

# Rows that were acknowledged are there once after the server has died, values too.
insert(1, 100) for 1 .. 3;
$node->stop('immediate');
$node->start;
compare('after a crash');
insert(200, 300);
compare('and it goes on');
$node->stop;
done_testing();
