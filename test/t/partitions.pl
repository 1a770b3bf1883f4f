# Views in partitions: a long reader, a NULL key while one reads, a restart; days of 23 and 25 hours; dump and restore.
use strict;
use warnings;
use WeirTest;
use Test::More;

my $node = weir_cluster('partitions', conf => "jit = off\n");
ok(python($node, 'partition_load.py', $ENV{WEIR_LOOPS} || 8), 'the script ends well');

# With a default partition, a long reader keeps others from being attached: rows go there.
$node->safe_psql('postgres', q(INSERT INTO s VALUES (NULL, 1)));
my $reader = $node->background_psql('postgres');
$reader->query_safe('BEGIN; SELECT count(*) FROM v');
$node->safe_psql('postgres', q(SELECT weir.advance_clock('1 day'); INSERT INTO s VALUES (weir.clock(), 1)));
is($node->safe_psql('postgres', q(SELECT count(*) FROM v_mrel_default)), '2', 'the new day is in the default partition');
$reader->query_safe('COMMIT');
$reader->quit;
$node->safe_psql('postgres', q(INSERT INTO s VALUES (weir.clock(), 2)));
is($node->safe_psql('postgres', q(SELECT count FROM v WHERE day = (SELECT max(day) FROM v))), '2', 'and stays there');
my $before = $node->safe_psql('postgres', 'SELECT * FROM v ORDER BY day');
$node->restart;
is($node->safe_psql('postgres', 'SELECT * FROM v ORDER BY day'), $before, 'the same after a restart');

# A matrel that is read for long gets no partition, its values relation does: they fit each other all the same.
$node->safe_psql('postgres', q(INSERT INTO s VALUES (NULL, 1)));
my $look = 'SELECT day, count, d FROM u ORDER BY day';
$reader = $node->background_psql('postgres');
$reader->query_safe('BEGIN; SELECT count(*) FROM u_mrel');
$node->safe_psql('postgres', q(SELECT weir.set_clock('2030-03-01 12:00+00'); INSERT INTO s SELECT weir.clock(), i % 4 FROM generate_series(1, 12) i));
is($node->safe_psql('postgres', "SELECT count, d FROM u WHERE day = '2030-03-01'"), '12|4', 'a group in the default partition, its values in one of their own');
$reader->query_safe('COMMIT');
$reader->quit;
$node->safe_psql('postgres', q(INSERT INTO s SELECT weir.clock(), i % 6 FROM generate_series(1, 12) i));
is($node->safe_psql('postgres', "SELECT count, d FROM u WHERE day = '2030-03-01'"), '24|6', 'goes on there');
$node->safe_psql('postgres', q(SELECT weir.set_clock('2030-03-09 12:00+00'); INSERT INTO s VALUES (weir.clock(), 1)));
$node->safe_psql('postgres', q(SELECT weir.ttl_expire('u')));
is($node->safe_psql('postgres', q(SELECT count(*) FROM u_vals1 WHERE day < '2030-03-09')), '0', 'and both expire');

# Boundaries are midnights of the database's zone: with clocks set, days have 23 and 25 hours.
$node->append_conf('postgresql.conf', "timezone = 'Europe/Berlin'");
$node->restart;
$node->safe_psql('postgres', q(
	SELECT weir.set_clock('2030-12-01');
	CREATE FOREIGN TABLE z (at timestamptz, k int, x int) SERVER weir;
	CREATE TABLE pz (at timestamptz, k int, x int);
	CREATE VIEW berlin WITH (partition_by = 'window_start', partition_interval = '1 day') AS
		SELECT k, window_start, window_end, count(*), count(DISTINCT x % 50) AS d, percentile_disc(0.5) WITHIN GROUP (ORDER BY x) AS m
		FROM z, weir.hop(at, '1 day', '2 days', zone => 'Europe/Berlin') GROUP BY 1, 2, 3;
	CREATE VIEW months WITH (partition_by = 'h', partition_interval = '1 month') AS
		SELECT date_trunc('hour', at, 'UTC') AS h, string_agg(x::text, ',' ORDER BY x) AS l FROM z GROUP BY 1;
	INSERT INTO pz SELECT t.start + i * interval '37 minutes', i % 3, i
		FROM (VALUES ('2030-03-30 12:00+01'::timestamptz), ('2030-10-26 12:00+02')) t (start), generate_series(0, 100) i;
	INSERT INTO z TABLE pz));
my $berlin = q(SELECT k, window_start, window_end, count(*), count(DISTINCT x % 50) AS d, percentile_disc(0.5) WITHIN GROUP (ORDER BY x) AS m
	FROM pz, weir.hop(at, '1 day', '2 days', zone => 'Europe/Berlin') GROUP BY 1, 2, 3);
my $months = q(SELECT date_trunc('hour', at, 'UTC') AS h, string_agg(x::text, ',' ORDER BY x) AS l FROM pz GROUP BY 1);
same($node, 'TABLE berlin', $berlin, 'windows of days over days of 23 and 25 hours');
same($node, 'TABLE months', $months, 'months');
my $lengths = q(SELECT b[2]::timestamptz - b[1]::timestamptz AS length, count(*) FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid,
	regexp_match(pg_get_expr(c.relpartbound, c.oid), $$'([^']*)'.*'([^']*)'$$) b WHERE inhparent = '%s'::regclass GROUP BY 1 ORDER BY 1);
for my $relation ('berlin_mrel', 'berlin_vals1')
{
	is($node->safe_psql('postgres', sprintf($lengths, $relation)), "23:00:00|1\n1 day|6\n1 day 01:00:00|1", "$relation has the days of the calendar");
}

# Another zone and then a dump: what is there stays, and what comes finds its place.
$node->safe_psql('postgres', q(ALTER SYSTEM SET timezone = 'UTC'));
$node->restart;
my $add = q(SELECT '2030-03-29 12:00+00'::timestamptz + i * interval '47 minutes', i % 3, i FROM generate_series(0, 100) i);
$node->safe_psql('postgres', "SELECT weir.set_clock('2030-12-01'); INSERT INTO pz $add; INSERT INTO z $add");
same($node, 'TABLE berlin', $berlin, 'with partitions of two zones');
my $dir = PostgreSQL::Test::Utils::tempdir;
$node->command_ok([ 'pg_dump', '-Fc', '-d', $node->connstr('postgres'), '-f', "$dir/dump" ], 'pg_dump');
$node->safe_psql('postgres', 'CREATE DATABASE restored TEMPLATE template0');
$node->command_ok([ 'pg_restore', '-e', '-d', $node->connstr('restored'), "$dir/dump" ], 'restore');
same($node, 'TABLE berlin', $berlin, 'the same after a restore', 'restored');
$node->safe_psql('restored', "INSERT INTO pz $add; INSERT INTO z $add; INSERT INTO pz VALUES ('2031-05-05', 1, 1); INSERT INTO z VALUES ('2031-05-05', 1, 1)");
same($node, 'TABLE berlin', $berlin, 'and it goes on', 'restored');
same($node, 'TABLE months', $months, 'as does the other', 'restored');
is($node->safe_psql('restored', q(SELECT count(*) FROM pg_inherits WHERE inhparent = 'months_vals1'::regclass)), '4', 'with partitions of its own');
$node->stop;
done_testing();
