# Workers come with the extension, restart when they end, and leave when their database goes.
use strict;
use warnings;
use WeirTest;
use Test::More;

my $node = weir_cluster('workers', conf => 'weir.ingest_workers = 2');
my @workers = ('weir flush worker', 'weir ingest worker');

sub workers
{
	my ($db) = @_;
	return $node->safe_psql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE datname = '$db' AND backend_type LIKE 'weir %'");
}

# A database with a stream and a view that works.
sub works
{
	my ($db, $name) = @_;
	my $n = $node->safe_psql($db, 'SELECT n FROM v');
	$node->safe_psql($db, q(SET statement_timeout = '60s'; INSERT INTO s VALUES (1)));
	is($node->safe_psql($db, 'SELECT n FROM v'), $n + 1, $name);
}
my $setup = 'CREATE FOREIGN TABLE s (x int) SERVER weir; CREATE VIEW v AS SELECT count(*) AS n FROM s';

$node->safe_psql('postgres', $setup);
wait_for_worker($node, $_, 'postgres') for @workers;
$node->poll_query_until('postgres', q(SELECT count(*) = 2 FROM pg_stat_activity WHERE backend_type = 'weir ingest worker'))
  or die;
pass('two ingest workers');
works('postgres', 'works');

for my $type (@workers, 'weir launcher')
{
	for my $signal ('TERM', 'KILL')
	{
		my $old = kill_worker($node, $signal, $type);
		$node->poll_query_until('postgres', 'SELECT true');    # after KILL the server restarts
		$node->poll_query_until('postgres',
			"SELECT count(*) > 0 FROM pg_stat_activity WHERE backend_type = '$type' AND pid <> $old")
		  or die "$type does not come back after $signal";
		works('postgres', "$type comes back after SIG$signal");
		ok($node->poll_query_until('postgres', q(SELECT array_agg(backend_type ORDER BY backend_type) =
			ARRAY['weir flush worker', 'weir ingest worker', 'weir ingest worker', 'weir launcher']
			FROM pg_stat_activity WHERE backend_type LIKE 'weir %')), "and no worker is there twice");
	}
}

# A database without the extension: a function named combine, and others that the planner inlines.
is($node->safe_psql('template1', q(
	BEGIN;
	CREATE TEMP TABLE t AS SELECT 8 AS x;
	CREATE FUNCTION pg_temp.combine(x int) RETURNS int LANGUAGE sql RETURN x;
	CREATE FUNCTION pg_temp.combined() RETURNS SETOF int LANGUAGE sql STABLE AS 'SELECT x AS combined FROM pg_temp.t';
	CREATE FUNCTION pg_temp.parsed() RETURNS SETOF int LANGUAGE sql STABLE RETURN pg_temp.combine(7);
	SELECT * FROM pg_temp.parsed();
	EXPLAIN (COSTS off) SELECT * FROM pg_temp.combined();
	ROLLBACK)), "7\nSeq Scan on t", 'plans in a database without Weir are what they would be');

# CREATE and DROP EXTENSION while the server runs, and rows do.
$node->safe_psql('postgres', 'CREATE DATABASE a');
$node->safe_psql('a', 'CREATE EXTENSION weir');
$node->safe_psql('a', $setup);
works('a', 'CREATE EXTENSION in a second database');
for (1 .. 3)
{
	$node->safe_psql('a', 'SET weir.synchronous_insert = off; INSERT INTO s SELECT generate_series(1, 50000)');
	$node->safe_psql('a', q(SET lock_timeout = '30s'; DROP EXTENSION weir CASCADE));
	$node->safe_psql('a', 'CREATE EXTENSION weir');
	$node->safe_psql('a', $setup);
	works('a', "DROP and CREATE EXTENSION, round $_");
}
is($node->safe_psql('a', 'SELECT n FROM v'), '1', 'rows of the dropped stream count nowhere');

$node->safe_psql('a', 'BEGIN; DROP EXTENSION weir CASCADE; ROLLBACK');
works('a', 'DROP EXTENSION rolled back');

# A database is copied, renamed and dropped while its workers run.
$node->safe_psql('postgres', 'CREATE DATABASE b TEMPLATE a');
works('b', 'a copy of a database works');
works('a', 'its template goes on');
is($node->safe_psql('b', 'SELECT n FROM v') - 0, 3, 'the copy has the rows of its template');
$node->safe_psql('postgres', 'ALTER DATABASE b RENAME TO c');
works('c', 'a renamed database works');
$node->safe_psql('c', 'SET weir.synchronous_insert = off; INSERT INTO s SELECT generate_series(1, 50000)');
$node->safe_psql('postgres', 'DROP DATABASE c');
is(workers('c'), '0', 'DROP DATABASE takes its workers along');
$node->safe_psql('a', q(SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'a' AND pid <> pg_backend_pid()));
$node->safe_psql('postgres', 'DROP DATABASE a WITH (FORCE)');
works('postgres', 'the first database is untouched');

my $other = $node->safe_psql('postgres', q(SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'weir %'));
is($other, '4', 'a launcher, a flush worker and two ingest workers are left');
$node->stop;

# Every slot for workers is taken: one that is not wanted any more makes room.
my $small = weir_cluster('slots', conf => "max_worker_processes = 5\nweir.ingest_workers = 2");
sub small_workers
{
	my ($db) = @_;
	return "SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'weir %worker' AND datname = '$db'";
}
$small->poll_query_until('postgres', small_workers('postgres'), '3') or die 'workers do not start';
$small->safe_psql('postgres', 'CREATE DATABASE more');
$small->safe_psql('more', 'CREATE EXTENSION weir');
$small->wait_for_log(qr/no free slot for a weir flush worker/);
$small->append_conf('postgresql.conf', 'weir.ingest_workers = 1');
$small->reload;
ok($small->poll_query_until('postgres', small_workers('more'), '1'), 'a worker starts in the slot of one that left');
is($small->safe_psql('postgres', small_workers('postgres')), '2', 'and the others go on');
$small->stop;
done_testing();
