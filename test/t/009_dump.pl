# A dump restores views that work, with their data.
use strict;
use warnings;
use PostgreSQL::Test::Utils;
use WeirTest;
use Test::More;

my $node = weir_cluster('dump');
$node->safe_psql('postgres', q(
	CREATE SCHEMA app;
	CREATE TABLE app.t (k text, x int, n numeric);
	CREATE FOREIGN TABLE app.s (k text NOT NULL, x int DEFAULT 5 CHECK (x < 1000), n numeric) SERVER weir;
	CREATE VIEW app.v AS SELECT k, count(*), sum(x), avg(n), stddev(n) FROM app.s GROUP BY k;
	CREATE VIEW "Total" AS SELECT count(*), max(k) FROM app.s;
	CREATE VIEW raw AS SELECT k, x FROM app.s WHERE x > 90;
	CREATE VIEW window_v WITH (sw = '1 hour') AS SELECT k, count(*) FROM app.s GROUP BY k;
	CREATE VIEW plain AS SELECT k, avg + 1 AS more FROM app.v WHERE count > 3;
	CREATE FOREIGN TABLE "Other" (k text, n numeric) SERVER weir;
	CREATE VIEW united AS SELECT k, count(*), avg(n) FROM (SELECT k, n FROM app.s UNION ALL SELECT k || '!', n FROM "Other") u GROUP BY k;
	CREATE VIEW app.valued AS SELECT k, count(DISTINCT x) AS d, percentile_cont(0.5) WITHIN GROUP (ORDER BY n) AS p,
		grouping(k) FROM app.s GROUP BY ROLLUP (k);
	CREATE VIEW combined AS SELECT k > 'k5' AS upper, weir.combine(avg) AS a, weir.combine(stddev) AS s FROM app.v GROUP BY 1;
	CREATE VIEW parts WITH (partition_by = 'day', partition_interval = '1 day', fillfactor = 80) AS
		SELECT date '2030-01-01' + x % 3 + CASE WHEN x = 7 THEN NULL ELSE 0 END AS day, k, count(*) FROM app.s GROUP BY 1, 2;
	CREATE VIEW app.keyed WITH (pk = 'k') AS SELECT k, count(*), sum(x) FROM app.s GROUP BY k;
	CREATE VIEW "Key parts" WITH (pk = 'half, day', partition_by = 'day', partition_interval = '1 day') AS
		SELECT date '2030-01-01' + x % 3 AS day, x % 2 AS "half", count(*) FROM app.s GROUP BY 1, 2;
	CREATE VIEW grown AS SELECT k, count(*), avg(n) FROM app.s GROUP BY k;
	CREATE OR REPLACE VIEW grown AS SELECT k, count(*), avg(n), sum(x), stddev(n) FROM app.s GROUP BY k;
	CREATE TYPE app.mood AS ENUM ('low', 'high');
	CREATE TYPE app.pair AS (x int, m app.mood);
	CREATE VIEW app.kept AS SELECT k, array_agg(CASE WHEN x < 50 THEN 'low' ELSE 'high' END::app.mood) AS moods,
		array_agg(ROW(x, 'low')::app.pair) AS pairs, string_agg(k, ', ') AS strings, json_agg(ROW(x, 'low')::app.pair)::text AS json,
		weir.last(ROW(x, 'high')::app.pair, n) AS last, weir.top_n(3, k, n) AS tops, weir.approx_count_distinct(x) AS many,
		weir.topk_freqs(weir.topk_agg(CASE WHEN x < 50 THEN 'low' ELSE 'high' END::app.mood, 2)) AS freqs,
		weir.freq(weir.freq_agg(x), 7) AS seven, weir.bloom_cardinality(weir.bloom_agg(x)) AS seen FROM app.s GROUP BY k;
	CREATE INDEX ON app.v (k);
	COMMENT ON VIEW app.v IS 'a comment';
	CREATE VIEW asleep AS SELECT count(*) FROM app.s;
	SELECT weir.deactivate('asleep')));

sub insert
{
	my ($db) = @_;
	$node->safe_psql($db, "INSERT INTO app.$_ SELECT 'k' || i % 13, i % 100, i / 7.0 FROM generate_series(1, 500) i")
	  for ('s', 't');
	$node->safe_psql($db, q(INSERT INTO "Other" SELECT 'k' || i % 13, i / 7.0 FROM generate_series(1, 500) i));
}

my %batch = (
	'app.v' => 'SELECT k, count(*), sum(x), avg(n), stddev(n) FROM app.t GROUP BY k',
	'app.kept' => q(SELECT k, array_agg(CASE WHEN x < 50 THEN 'low' ELSE 'high' END::app.mood),
		array_agg(ROW(x, 'low')::app.pair), string_agg(k, ', '), json_agg(ROW(x, 'low')::app.pair)::text,
		weir.last(ROW(x, 'high')::app.pair, n), weir.top_n(3, k, n), weir.approx_count_distinct(x),
		weir.topk_freqs(weir.topk_agg(CASE WHEN x < 50 THEN 'low' ELSE 'high' END::app.mood, 2)),
		weir.freq(weir.freq_agg(x), 7), weir.bloom_cardinality(weir.bloom_agg(x)) FROM (SELECT * FROM app.t ORDER BY k, ctid) t GROUP BY k),
	'"Total"' => 'SELECT count(*), max(k) FROM app.t',
	'raw' => 'SELECT k, x FROM app.t WHERE x > 90',
	'window_v' => 'SELECT k, count(*) FROM app.t GROUP BY k',
	'plain' => 'SELECT k, avg(n) + 1 FROM app.t GROUP BY k HAVING count(*) > 3',
	'united' => q(SELECT k, count(*), avg(n) FROM (SELECT k, n FROM app.t UNION ALL SELECT k || '!', n FROM app.t) u GROUP BY k),
	'combined' => q(SELECT k > 'k5', avg(n), stddev(n) FROM app.t GROUP BY 1),
	'parts' => q(SELECT date '2030-01-01' + x % 3 + CASE WHEN x = 7 THEN NULL ELSE 0 END, k, count(*) FROM app.t GROUP BY 1, 2),
	'grown' => 'SELECT k, count(*), avg(n), sum(x), stddev(n) FROM app.t GROUP BY k',
	'app.keyed' => 'SELECT k, count(*), sum(x) FROM app.t GROUP BY k',
	'"Key parts"' => q(SELECT date '2030-01-01' + x % 3, x % 2, count(*) FROM app.t GROUP BY 1, 2),
	'app.valued' => 'SELECT k, count(DISTINCT x), percentile_cont(0.5) WITHIN GROUP (ORDER BY n), grouping(k) FROM app.t GROUP BY ROLLUP (k)',
	'asleep' => 'SELECT 0::bigint');

insert('postgres');
my $dir = PostgreSQL::Test::Utils::tempdir;
my $from = $node->connstr('postgres');
$node->command_ok([ 'pg_dump', '-d', $from, '-f', "$dir/dump.sql" ], 'pg_dump');
$node->command_ok([ 'pg_dump', '-d', $from, '-Fc', '-f', "$dir/dump.custom" ], 'pg_dump -Fc');

for my $way ('plain', 'custom')
{
	my $db = "restored_$way";
	$node->safe_psql('postgres', "CREATE DATABASE $db TEMPLATE template0");
	$node->command_ok(
		$way eq 'plain'
		? [ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr($db), '-f', "$dir/dump.sql" ]
		: [ 'pg_restore', '-e', '-j2', '-d', $node->connstr($db), "$dir/dump.custom" ],
		"restore of a $way dump");
	same($node, "SELECT * FROM $_", $batch{$_}, "$way: $_ has its data", $db) for sort keys %batch;
	insert($db);
	flush($node, $db);
	same($node, "SELECT * FROM $_", $batch{$_}, "$way: $_ goes on", $db) for sort keys %batch;
	is($node->safe_psql($db, q(SELECT obj_description('app.v'::regclass))), 'a comment', "$way: comment");
	isnt($node->psql($db, q(INSERT INTO app.s VALUES ('a', 1000, 1))), 0, "$way: CHECK is there");
	is($node->safe_psql($db, q(SELECT count(*) FROM pg_constraint WHERE conrelid IN ('app.keyed_mrel'::regclass, '"Key parts_mrel"'::regclass) AND contype = 'p')),
		'2', "$way: primary keys");
	is($node->safe_psql($db, q(SELECT count(*) = count(i.indexrelid) AND count(*) = 3 FROM pg_inherits h
			LEFT JOIN pg_index i ON i.indrelid = h.inhrelid AND i.indisprimary WHERE h.inhparent = '"Key parts_mrel"'::regclass)), 't', "$way: of partitions too");
	is($node->safe_psql($db, q(SELECT state FROM weir.views WHERE view::text LIKE '%asleep')), 'inactive',
		"$way: a view deactivated stays so");
	ok($node->poll_query_until($db, q(
			SELECT count(*) = (SELECT count(*) FROM weir.continuous_view) FROM pg_depend d
			JOIN weir.continuous_view v ON d.objid = v.matrel AND d.refobjid = v.def
			WHERE d.classid = 'pg_class'::regclass AND d.deptype = 'a')), "$way: views are adopted while workers run");
	$node->safe_psql($db, 'DROP VIEW app.valued');
	is($node->safe_psql($db, q(SELECT count(*) FROM pg_class WHERE relname ~ '^valued_')), '0', "$way: values are dropped with their view");
	$node->safe_psql($db, 'DROP VIEW app.v CASCADE');
	is($node->safe_psql($db, q(SELECT to_regclass('app.v_mrel') IS NULL)), 't', "$way: DROP VIEW drops all of it");
}

# First the definitions, then the data.
$node->safe_psql('postgres', 'CREATE DATABASE in_two TEMPLATE template0');
my $two = $node->connstr('in_two');
$node->command_ok([ 'pg_dump', '--schema-only', '-d', $from, '-f', "$dir/schema.sql" ], 'pg_dump --schema-only');
$node->command_ok([ 'pg_dump', '--data-only', '-d', $from, '-f', "$dir/data.sql" ], 'pg_dump --data-only');
$node->command_ok([ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-d', $two, '-f', "$dir/schema.sql" ], 'restore of the definitions');
$node->command_ok([ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-d', $two, '-f', "$dir/data.sql" ], 'restore of the data');
my ($ret, $out, $err) = $node->psql('in_two', "INSERT INTO app.s VALUES ('a', 1, 1)");
like($err, qr/ERROR:  cannot insert into stream "s" while its continuous views are being restored/, 'in two steps: no end of the restore is seen');
is($node->safe_psql('in_two', 'SELECT problem, count(*) FROM weir.health() GROUP BY 1'), 'view_restoring|12', 'weir.health() says so');
is($node->safe_psql('in_two', 'SELECT count(*), count(missing) FROM weir.adopt()'), '12|0', 'but said');
is($node->safe_psql('in_two', 'SELECT * FROM weir.health()'), '', 'then all is well');
same($node, "SELECT * FROM $_", $batch{$_}, "in two steps: $_ has its data", 'in_two') for sort keys %batch;
insert('in_two');
flush($node, 'in_two');
same($node, "SELECT * FROM $_", $batch{$_}, "in two steps: $_ goes on", 'in_two') for sort keys %batch;

# One matrel is a table as any: its data can be dumped and looked at elsewhere.
$node->safe_psql('postgres', 'CREATE DATABASE one_table TEMPLATE template0');
my $one = $node->connstr('one_table');
$node->safe_psql('one_table', 'CREATE EXTENSION weir; CREATE SCHEMA app');
$node->command_ok([ 'pg_dump', '-t', 'app.v_mrel', '-d', $from, '-f', "$dir/one.sql" ], 'pg_dump -t');
$node->command_ok([ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-d', $one, '-f', "$dir/one.sql" ], 'restore of one table');
is($node->safe_psql('one_table', 'SELECT sum(count) FROM app.v_mrel'), $node->safe_psql('postgres', 'SELECT sum(count) FROM app.v'), 'has its rows');

same($node, 'SELECT * FROM app.v', $batch{'app.v'}, 'the original is untouched');
$node->stop;
done_testing();
