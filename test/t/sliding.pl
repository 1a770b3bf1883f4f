# Sliding windows, ttl and the test clock through crash, dump and restore, standby and parallel plans.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use WeirTest;
use Test::More;

my $node = weir_cluster('sliding', init => [ allows_streaming => 1 ]);
$node->safe_psql('postgres', q(
	SELECT weir.set_clock('2030-01-01 12:00+00');
	CREATE FOREIGN TABLE s (k int, x int, n numeric, at timestamptz, doc jsonb) SERVER weir;
	CREATE TABLE t (k int, x int, n numeric, at timestamptz, doc jsonb);
	CREATE VIEW hour WITH (sw = '1 hour', sw_column = at) AS SELECT k, count(*), sum(x), avg(n), max(x), stddev(x) FROM s GROUP BY k;
	CREATE VIEW many WITH (sw = '1 hour', sw_column = at) AS SELECT x, avg(n) AS n, avg(x) AS a, stddev(n) AS d, bool_and(x > 3) AS b, max(doc->>'at') AS m FROM s GROUP BY x;
	CREATE VIEW log AS SELECT k, x FROM s WHERE at > clock_timestamp() - interval '1 hour' AND at <= clock_timestamp();
	CREATE VIEW json WITH (step_factor = 50) AS SELECT count(*), sum(x) FROM s WHERE (doc->>'at')::timestamptz > now() - interval '2 hours';
	CREATE VIEW minutes WITH (ttl = '3 hours', ttl_column = m) AS SELECT date_trunc('minute', at) AS m, count(*) FROM s GROUP BY m));

# Ages that are not within a step of an edge.
sub insert
{
	my ($server, $db) = @_;
	$server->safe_psql($db || 'postgres', "INSERT INTO $_ SELECT i % 7, i, CASE WHEN i % 7 < 6 THEN i / 3.0 END, at, jsonb_build_object('at', at)
		FROM generate_series(1, 100) i, unnest(ARRAY[0, 10, 50, 100, 300, 1000]) age,
		LATERAL (SELECT weir.clock() - age * interval '1 minute' AS at) a") for ('s', 't');
}

my %batch = (
	hour => q(SELECT k, count(*), sum(x), avg(n), max(x), stddev(x) FROM t WHERE at > weir.clock() - interval '1 hour' GROUP BY k),
	log => q(SELECT k, x FROM t WHERE at > weir.clock() - interval '1 hour' AND at <= weir.clock()),
	json => q(SELECT count(*), sum(x) FROM t WHERE at > weir.clock() - interval '2 hours'));

sub check
{
	my ($server, $when, $db) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	same($server, "SELECT * FROM $_", $batch{$_}, "$when: $_", $db) for sort keys %batch;
	same($server, q(SELECT * FROM minutes WHERE m > weir.clock() - interval '3 hours'),
		q(SELECT date_trunc('minute', at), count(*) FROM t WHERE at > weir.clock() - interval '3 hours' GROUP BY 1),
		"$when: minutes", $db);
}

insert($node);
check($node, 'at first');

# Every plan gives the same.
my $parallel = 'SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0;
	SET min_parallel_index_scan_size = 0; SET max_parallel_workers_per_gather = 2;';
$node->safe_psql('postgres', 'ANALYZE hour_mrel');
like($node->safe_psql('postgres', "$parallel EXPLAIN (COSTS OFF) SELECT * FROM hour"),
	qr/Finalize.*Gather.*Partial/s, 'workers combine their parts');
is($node->safe_psql('postgres', "$parallel SELECT * FROM hour EXCEPT ALL $batch{hour}"), '', 'and give the same');
is($node->safe_psql('postgres', "$parallel SELECT avg(n) FROM many EXCEPT SELECT avg(n) FROM (SELECT avg(n) AS n FROM t WHERE at > weir.clock() - interval '1 hour' GROUP BY x) a"),
	'', 'with many groups too');
is($node->safe_psql('postgres', "SET enable_indexscan = off; SET enable_bitmapscan = off; SELECT * FROM hour EXCEPT ALL $batch{hour}"),
	'', 'as does reading the whole table');

# A crash ends the test clock, and loses nothing.
$node->stop('immediate');
$node->start;
is($node->safe_psql('postgres', q(SELECT weir.clock() < '2030-01-01')), 't', 'after a crash the time is the real one');
is($node->safe_psql('postgres', 'SELECT count(*) FROM log'), '0', 'and what comes from the future is not yet there');
$node->safe_psql('postgres', q(SELECT weir.set_clock('2030-01-01 12:00+00')));
check($node, 'after a crash');
insert($node);
check($node, 'rows after a crash');
my ($status, undef, $stderr) = $node->psql('postgres', q(SELECT weir.set_clock('infinity')));
isnt($status, 0, 'a clock needs a finite time');

# A dump has windows and ttl; a database has a clock of its own.
my $dir = PostgreSQL::Test::Utils::tempdir;
my $options = 'SELECT name, sw, step, ttl, ttl_column, query FROM weir.views ORDER BY name';
$node->command_ok([ 'pg_dump', '-d', $node->connstr('postgres'), '-f', "$dir/dump.sql" ], 'pg_dump');
$node->safe_psql('postgres', 'CREATE DATABASE restored TEMPLATE template0');
$node->command_ok([ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('restored'), '-f', "$dir/dump.sql" ], 'restore');
is($node->safe_psql('restored', q(SELECT weir.clock() < '2030-01-01')), 't', 'the real time there');
is($node->safe_psql('restored', $options), $node->safe_psql('postgres', $options), 'the same options');
$node->safe_psql('restored', q(SELECT weir.set_clock('2030-01-01 12:05+00')));
check($node, 'restored', 'restored');
insert($node, 'restored');
check($node, 'rows after restoring', 'restored');
$node->safe_psql('restored', q(SELECT weir.set_clock('2030-01-03 12:00+00')));
$node->safe_psql('restored', "SELECT weir.ttl_expire('$_')") for ('hour', 'log', 'json', 'minutes');
is($node->safe_psql('restored', "SELECT (SELECT count(*) FROM $_) || ' ' || (SELECT count(*) FROM ${_}_mrel)"),
	$_ eq 'json' ? '1 0' : '0 0', "$_ expires") for ('hour', 'log', 'json', 'minutes');
check($node, 'the other clock stands', 'postgres');

# A standby's readers have the standby's clock.
$node->backup('backup');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'backup', has_streaming => 1);
$standby->start;
insert($node);
$node->wait_for_catchup($standby);
$standby->safe_psql('postgres', q(SELECT weir.set_clock('2030-01-01 12:00+00')));
check($standby, 'standby');
$standby->safe_psql('postgres', q(SELECT weir.set_clock('2030-01-01 14:00+00')));
is($standby->safe_psql('postgres', 'SELECT count(*) FROM log'), '0', 'its clock moves by itself');
check($node, 'beside a standby');

$standby->safe_psql('postgres', q(SELECT weir.set_clock('2030-01-01 12:05+00')));

$node->stop('immediate');
$standby->promote;
wait_for_worker($standby, 'weir flush worker', 'postgres');
insert($standby);
check($standby, 'promoted');
$standby->safe_psql('postgres', q(SELECT weir.set_clock('2030-01-04')));
insert($standby);
ok($standby->poll_query_until('postgres', q(SELECT count(*) = 0 FROM minutes_mrel WHERE m < '2030-01-03')), 'and deletes what has expired');
check($standby, 'promoted, days later');
$standby->stop;
done_testing();
