# Dumps of every kind restore views that work, with their data, or say what they lack; rows that come meanwhile are refused.
use strict;
use warnings;
use KafkaTest;
use PostgreSQL::Test::Utils;
use WeirTest;
use Test::More;

my ($bootstrap) = start_broker(brokers => 1);
topic('create', 'orders', 2);
my $node = weir_cluster('dump', conf => "max_worker_processes = 100\nweir.memory = '512MB'\n");
my $dir = PostgreSQL::Test::Utils::tempdir;
$node->safe_psql('postgres', qq(
	CREATE SCHEMA app;
	CREATE SCHEMA zeta;
	CREATE TABLE app.t (k text, x int, n numeric);
	CREATE FOREIGN TABLE app.s (k text NOT NULL, x int DEFAULT 5 CHECK (x < 1000), n numeric) SERVER weir;
	CREATE VIEW app.v AS SELECT k, count(*), sum(x), avg(n), stddev(n) FROM app.s GROUP BY k;
	CREATE VIEW "Total" AS SELECT count(*), max(k) FROM app.s;
	CREATE VIEW raw AS SELECT k, x FROM app.s WHERE x > 90;
	CREATE VIEW app.window_v WITH (sw = '1 hour') AS SELECT k, count(*) FROM app.s GROUP BY k;
	CREATE VIEW plain AS SELECT k, avg + 1 AS more FROM app.v WHERE count > 3;
	CREATE FOREIGN TABLE "Other" (k text, n numeric) SERVER weir;
	CREATE VIEW united AS SELECT k, count(*), avg(n) FROM (SELECT k, n FROM app.s UNION ALL SELECT k || '!', n FROM "Other") u GROUP BY k;
	CREATE VIEW app.valued AS SELECT k, count(DISTINCT x) AS d, percentile_cont(0.5) WITHIN GROUP (ORDER BY n) AS p,
		grouping(k) FROM app.s GROUP BY ROLLUP (k);
	CREATE VIEW combined AS SELECT k > 'k5' AS upper, weir.combine(avg) AS a, weir.combine(stddev) AS s FROM app.v GROUP BY 1;
	CREATE MATERIALIZED VIEW kept_combined AS TABLE combined;
	CREATE VIEW parts WITH (partition_by = 'day', partition_interval = '1 day', fillfactor = 80) AS
		SELECT date '2030-01-01' + x % 3 + CASE WHEN x = 7 THEN NULL ELSE 0 END AS day, k, count(*) FROM app.s GROUP BY 1, 2;
	CREATE VIEW app.keyed WITH (pk = 'k') AS SELECT k, count(*), sum(x) FROM app.s GROUP BY k;
	CREATE VIEW app."Key parts" WITH (pk = 'half, day', partition_by = 'day', partition_interval = '1 day') AS
		SELECT date '2030-01-01' + x % 3 AS day, x % 2 AS "half", count(*) FROM app.s GROUP BY 1, 2;
	CREATE VIEW app.grown AS SELECT k, count(*), avg(n) FROM app.s GROUP BY k;
	CREATE OR REPLACE VIEW app.grown AS SELECT k, count(*), avg(n), sum(x), stddev(n) FROM app.s GROUP BY k;
	CREATE TYPE app.mood AS ENUM ('low', 'high');
	CREATE TYPE app.pair AS (x int, m app.mood);
	CREATE VIEW app.kept AS SELECT k, array_agg(CASE WHEN x < 50 THEN 'low' ELSE 'high' END::app.mood) AS moods,
		array_agg(ROW(x, 'low')::app.pair) AS pairs, string_agg(k, ', ') AS strings, json_agg(ROW(x, 'low')::app.pair)::text AS json,
		weir.last(ROW(x, 'high')::app.pair, n) AS last, weir.top_n(3, k, n) AS tops, weir.approx_count_distinct(x) AS many,
		weir.topk_freqs(weir.topk_agg(CASE WHEN x < 50 THEN 'low' ELSE 'high' END::app.mood, 2)) AS freqs,
		weir.freq(weir.freq_agg(x), 7) AS seven, weir.bloom_cardinality(weir.bloom_agg(x)) AS seen FROM app.s GROUP BY k;
	CREATE INDEX ON app.v (k);
	COMMENT ON VIEW app.v IS 'a comment';
	CREATE VIEW app.total AS SELECT count(*) FROM app.s;
	CREATE VIEW app.asleep AS SELECT count(*) FROM app.s;
	SELECT weir.deactivate('app.asleep');

	-- names have changed since the views were created
	CREATE FOREIGN TABLE app.old_clicks (a int, at timestamptz) SERVER weir OPTIONS (event_time 'at', watermark '1 minute');
	CREATE TABLE app.clicked (x int, at timestamptz, late bool);
	CREATE VIEW app.closed WITH (emit = final, late = divert) AS SELECT window_start, count(*), avg(a) FROM app.old_clicks, weir.tumble(at, '1 minute') GROUP BY window_start;
	CREATE VIEW app.dropping WITH (late = drop) AS SELECT window_start, count(*) FROM app.old_clicks, weir.hop(at, '30 seconds', '1 minute') GROUP BY window_start;
	ALTER FOREIGN TABLE app.old_clicks RENAME a TO x;
	ALTER FOREIGN TABLE app.old_clicks RENAME TO clicks;
	ALTER VIEW app.closed RENAME TO final;

	CREATE FOREIGN TABLE zeta.s (k int) SERVER weir;
	CREATE VIEW zeta.v AS SELECT count(*) FROM app.s;
	CREATE VIEW zeta.own AS SELECT count(*) FROM zeta.s;
	CREATE VIEW zeta.failed AS SELECT k, sum(x) FROM app.s GROUP BY k;
	INSERT INTO zeta.s VALUES (1);

	CREATE SERVER k FOREIGN DATA WRAPPER weir OPTIONS (bootstrap_servers '$bootstrap');
	CREATE FOREIGN TABLE orders (id int) SERVER k OPTIONS (topic 'orders');
	CREATE VIEW ordered AS SELECT id % 3 AS k, count(*), sum(id) FROM orders GROUP BY 1));

# What each view shows after this number of rounds of rows, which app.t, app.clicked and the topic hold as well.
my $t_in_order = '(SELECT * FROM app.t ORDER BY k, ctid) t';
my %batch = (
	'app.v' => 'SELECT k, count(*), sum(x), avg(n), stddev(n) FROM app.t GROUP BY k',
	'app.kept' => qq(SELECT k, array_agg(CASE WHEN x < 50 THEN 'low' ELSE 'high' END::app.mood),
		array_agg(ROW(x, 'low')::app.pair), string_agg(k, ', '), json_agg(ROW(x, 'low')::app.pair)::text,
		weir.last(ROW(x, 'high')::app.pair, n), weir.top_n(3, k, n), weir.approx_count_distinct(x),
		weir.topk_freqs(weir.topk_agg(CASE WHEN x < 50 THEN 'low' ELSE 'high' END::app.mood, 2)),
		weir.freq(weir.freq_agg(x), 7), weir.bloom_cardinality(weir.bloom_agg(x)) FROM $t_in_order GROUP BY k),
	'"Total"' => 'SELECT count(*), max(k) FROM app.t',
	'app.total' => 'SELECT count(*) FROM app.t',
	'raw' => 'SELECT k, x FROM app.t WHERE x > 90',
	'app.window_v' => 'SELECT k, count(*) FROM app.t GROUP BY k',
	'plain' => 'SELECT k, avg(n) + 1 FROM app.t GROUP BY k HAVING count(*) > 3',
	'united' => q(SELECT k, count(*), avg(n) FROM (SELECT k, n FROM app.t UNION ALL SELECT k || '!', n FROM app.t) u GROUP BY k),
	'combined' => q(SELECT k > 'k5', avg(n), stddev(n) FROM app.t GROUP BY 1),
	'parts' => q(SELECT date '2030-01-01' + x % 3 + CASE WHEN x = 7 THEN NULL ELSE 0 END, k, count(*) FROM app.t GROUP BY 1, 2),
	'app.grown' => 'SELECT k, count(*), avg(n), sum(x), stddev(n) FROM app.t GROUP BY k',
	'app.keyed' => 'SELECT k, count(*), sum(x) FROM app.t GROUP BY k',
	'app."Key parts"' => q(SELECT date '2030-01-01' + x % 3, x % 2, count(*) FROM app.t GROUP BY 1, 2),
	'app.valued' => 'SELECT k, count(DISTINCT x), percentile_cont(0.5) WITHIN GROUP (ORDER BY n), grouping(k) FROM app.t GROUP BY ROLLUP (k)',
	'app.asleep' => 'SELECT 0::bigint',
	'app.final' => q(SELECT window_start, count(*), avg(x) FROM app.clicked, weir.tumble(at, '1 minute') WHERE NOT late GROUP BY window_start, window_end
		HAVING window_end <= (SELECT max(at) FROM app.clicked) - interval '1 minute'),
	'app.dropping' => q(SELECT window_start, count(*) FROM app.clicked, weir.hop(at, '30 seconds', '1 minute') WHERE NOT late GROUP BY window_start));
$batch{'zeta.v'} = $batch{'app.total'};
$batch{'zeta.failed'} = 'SELECT k, sum(x) FROM app.t GROUP BY k';
$batch{'zeta.own'} = 'SELECT 1::bigint';
my @all = sort keys %batch;
my @app = grep { /^app/ } @all;
my @but_zeta = grep { !/^zeta/ } @all;

# A round of rows, in a database whose tables have $round - 1.
sub round_of_rows
{
	my ($round, $others) = @_;
	return qq(
		INSERT INTO app.t SELECT 'k' || i % 13, i % 100, i / 7.0 FROM generate_series(1, 300) i;
		INSERT INTO app.s SELECT 'k' || i % 13, i % 100, i / 7.0 FROM generate_series(1, 300) i;
		INSERT INTO app.clicked SELECT i, timestamptz '2020-01-01' + interval '1 hour' * $round + i * interval '3 seconds', false FROM generate_series(1, 100) i;
		INSERT INTO app.clicks SELECT x, at FROM app.clicked WHERE at > timestamptz '2020-01-01' + interval '1 hour' * $round;
		INSERT INTO app.clicks SELECT i, timestamptz '2020-01-01' + interval '10 minutes' * $round FROM generate_series(1, 5) i;)
	  . ($others ? q(INSERT INTO "Other" SELECT 'k' || i % 13, i / 7.0 FROM generate_series(1, 300) i;) : '')
	  . 'DO $$BEGIN PERFORM weir.flush(); END$$;';
}

# Names of those views that do not show what the batch query gives.
sub differing
{
	my ($label, @views) = @_;
	return "SELECT '$label', string_agg(name, ' ' ORDER BY name) FROM (\n" . join("\nUNION ALL\n", map {
		my $name = s/'/''/gr;
		"SELECT '$name' AS name WHERE EXISTS ((SELECT * FROM $_ EXCEPT ALL ($batch{$_})) UNION ALL (($batch{$_}) EXCEPT ALL SELECT * FROM $_))" } @views) . ") d;\n";
}

# What is looked at in a restored database, as a file of statements.
my $files = 0;
sub checks
{
	my (@views) = @_;
	my $others = grep { $_ eq 'united' } @views;
	my $file = "$dir/check" . $files++ . '.sql';
	append_to_file($file, differing('data differ:', @views) . round_of_rows(2, $others) . differing('goes on, differ:', @views)
		  . "SELECT 'not active:', string_agg(coalesce(name, '?') || ' ' || state, ', ' ORDER BY name) FROM weir.views WHERE state <> 'active';\n"
		  . "SELECT 'late:', sum(dropped), sum(diverted) FROM weir.late_counts;\n");
	return $file;
}

# The same with what they shall show.
sub well
{
	my ($late, @not_active) = @_;
	return "data differ:|\ngoes on, differ:|\nnot active:|" . join(', ', @not_active) . "\nlate:|$late|$late\n";
}

# One test for each of these: name, shell command, what it prints.  All run at once.
sub in_parallel
{
	my @runs = map { [ @$_, '' ] } @_;
	$_->[4] = IPC::Run::start([ 'bash', '-c', "exec 2>&1; $_->[1]" ], '>', \$_->[3]) for @runs;
	$_->[4]->finish for @runs;
	is($_->[3], $_->[2], $_->[0]) for @runs;
	return;
}

produce('orders', join('', map { "{\"id\": $_}\n" } 1 .. 500), '-p', 0);
my $pad = 'x' x 300;
produce('orders', join('', map { "{\"id\": \"$pad\"}\n" } 1 .. 3000), '-p', 1);
$node->safe_psql('postgres', round_of_rows(1, 1));
becomes($node, 'SELECT sum(next_offset) FROM weir.source_offsets', '3500', 'Kafka is read');
flush($node);
is($node->safe_psql('postgres', differing('', @all)), '|', 'the source');

my $from = $node->connstr('postgres');
in_parallel(map { [ "pg_dump $_->[1]", "pg_dump -d '$from' $_->[1] -f $dir/$_->[0]", '' ] } ([ 'dump.sql', '' ], [ 'dump.custom', '-Fc' ], [ 'dump.dir', '-Fd -j2' ],
	[ 'inserts.sql', '--inserts' ], [ 'schema.sql', '--schema-only' ], [ 'data.sql', '--data-only' ], [ 'but_zeta.sql', '-N zeta' ], [ 'but_view.sql', '-T app.total' ],
	[ 'app.sql', '-n app' ], [ 'tables.sql', q(-t app.s -t 'app.valued*' -t app.total -t app.total_mrel) ], [ 'no_weir.sql', q(--exclude-table-data='weir.*') ]));
system("pg_restore -l $dir/dump.custom | grep -v 'MATERIALIZED VIEW DATA weir' >$dir/list") == 0 or die 'no list';

# DB is the database; WHOLE and APP look at it.
my $psql = 'psql -Xqo /dev/null -v ON_ERROR_STOP=1 -d DB';
my $restore = "pg_restore -e -d DB";
my $insert = q(psql -Xq -d DB -c "BEGIN; INSERT INTO app.s VALUES ('a', 1, 1); ROLLBACK" 2>&1 | grep -oE '^(ERROR|WARNING):.*');
my $refused = qq(ERROR:  cannot insert into stream "s" while its continuous views are being restored\n);
my $adopt = q(psql -XqtA -d DB -c "SELECT 'missing:', string_agg(missing, ', ') FROM weir.adopt()" 2>&1 | grep -E '^(WARNING|missing)');
my $health = q(psql -XqtA -d DB -c "SELECT problem, count(*) FROM weir.health() WHERE problem ~ 'view' GROUP BY 1");
my $adopted = "missing:|\n";
my $extension = "$psql -c 'CREATE EXTENSION weir'";
my $whole_well = well(10, 'asleep inactive');
my $without_data = "WARNING:  19 continuous views were restored without their data and do not count yet\n";

my @ways = (
	[ 'plain', "$psql -f $dir/dump.sql && WHOLE", $whole_well ],
	[ 'plain, in one transaction', "$psql -1 -f $dir/dump.sql && WHOLE", $whole_well ],
	[ 'custom, parallel', "$restore -j3 $dir/dump.custom && WHOLE", $whole_well ],
	[ 'directory, in one transaction', "$restore -1 $dir/dump.dir && WHOLE", $whole_well ],
	[ 'over what is there', "$psql -f $dir/dump.sql && pg_restore -d DB -c --if-exists -O -x $dir/dump.custom >/dev/null 2>&1; WHOLE", $whole_well ],
	[ 'INSERT statements', "$psql -f $dir/inserts.sql && WHOLE", $whole_well ],
	[ 'by sections', "$restore --section=pre-data $dir/dump.custom && $insert && $restore --section=data $dir/dump.custom && $insert && "
		  . "$restore --section=post-data $dir/dump.custom && WHOLE", "$refused$refused$whole_well" ],
	[ 'schema, then data', "$psql -f $dir/schema.sql 2>&1 | grep -o 'WARNING.*'; $psql -f $dir/data.sql && $insert; $health; $adopt && WHOLE",
		"$without_data${refused}view_restoring|19\n$adopted$whole_well" ],
	[ 'without the end', "$restore -L $dir/list $dir/dump.custom && $insert; $adopt && WHOLE", "$refused$adopted$whole_well" ]);
my @databases;
sub run_ways
{
	in_parallel(map {
		my ($name, $command, $expected) = @$_;
		my $db = 'db' . @databases;
		push @databases, $db;
		my $to = "'" . $node->connstr($db) . "'";
		my %files = (WHOLE => checks(@all), APP => checks(@app));
		$node->safe_psql('postgres', "CREATE DATABASE $db TEMPLATE template0");
		$command =~ s/(WHOLE|APP)/PGOPTIONS=--client-min-messages=error psql -XqtA -v ON_ERROR_STOP=1 -d DB -f $files{$1}/g;
		$command =~ s/\bDB\b/$to/g;
		[ "restored: $name", $command, $expected ] } @_);
	return;
}
run_ways(@ways);

# Dumps of a part, and what they lack.
my $said = q(2>&1 | grep -oE '(ERROR|WARNING): .*' | sort);
my $absent = sub { join '', map { "WARNING:  relation \"$_\" does not exist\n" } @_ };
my $lacks = sub { my ($def, $what) = @_; "WARNING:  the continuous view defined by $def was not restored as a whole and does not count: $what\n" };
my $uncounted = qq(WARNING:  a continuous view over stream "s" does not count rows\n);
my $no_zeta = qq(ERROR:  relation "weir.own_def" does not exist\nERROR:  relation "zeta.s" does not exist\n);
my $app_well = well(5, 'asleep inactive');
my $no_watermark = qq(WARNING:  the watermark of stream "clicks" was not restored\n);
my $app_hidden = $app_well =~ s/differ:\|/differ:|app.final/r;
run_ways(
	[ 'all but a schema', "psql -Xqo /dev/null -d DB -f $dir/but_zeta.sql $said; $insert; APP", $no_zeta . "WARNING:  a continuous view was not restored: its definition is not there\n"
		  . $absent->(qw(weir.own_def zeta.failed zeta.failed_mrel zeta.own zeta.own_mrel zeta.s zeta.v zeta.v_mrel))
		  . $lacks->('weir.failed_def', 'the view is not there') . $lacks->('weir.v_def1', 'the view is not there') . $uncounted x 2 . well(10, 'asleep inactive, ? incomplete', '? incomplete') ],
	[ 'all but a schema, by pg_restore', "pg_restore -N zeta -d DB $dir/dump.custom $said; $insert; APP", $no_zeta . $uncounted x 2 . well(10, 'asleep inactive', '? incomplete', '? incomplete') ],
	[ 'all but a view', "$psql -f $dir/but_view.sql $said; $insert; $adopt && APP",
		$absent->('app.total') . $lacks->('weir.total_def', 'the view is not there') . $uncounted . $adopted . $whole_well ],
	[ 'one schema', "$extension; $psql -f $dir/app.sql $said; $insert; $adopt && APP", $refused . $no_watermark x 2 . $adopted . $app_hidden ],
	[ 'one schema, by pg_restore', "$extension; $psql -c 'CREATE SCHEMA app'; pg_restore -n app -d DB $dir/dump.custom $said; $insert; $adopt && APP",
		$refused . $no_watermark x 2 . $adopted . $app_hidden ],
	[ 'some tables', "$extension; $psql -c 'CREATE SCHEMA app'; $psql -f $dir/tables.sql $said; $insert; $adopt && psql -XqAt -d DB -c "
		  . q("INSERT INTO app.s VALUES ('a', 1, 1)" -c 'SELECT count - 300 FROM app.total' | tail -n 1), "${refused}${adopted}1\n" ],
	[ 'without the data of schema weir', "psql -Xqo /dev/null -d DB -f $dir/no_weir.sql $said; $insert; $adopt && APP",
		qq(ERROR:  weir.combine needs an aggregate column of a continuous view\n$refused) . $no_watermark x 2
		  . qq(WARNING:  stream "orders" is stopped: where it stands in its topic was not restored\n$adopted$app_hidden) ],
	[ 'definitions', "$psql -f $dir/schema.sql $said; $insert; $adopt && APP", $without_data . $refused . $adopted . $app_well ]);

# Kafka goes on where the dump stood in all that have it, once each; not where that is not known.
produce('orders', join('', map { "{\"id\": $_}\n" } 501 .. 600), '-p', 0);
$batch{ordered} = 'SELECT id % 3, count(*), sum(id) FROM generate_series(1, 600) id GROUP BY 1';
append_to_file("$dir/kafka.sql", 'DO $$BEGIN FOR i IN 1 .. 600 LOOP EXIT WHEN (SELECT sum(next_offset) = 3600 FROM weir.source_offsets); COMMIT; PERFORM pg_sleep(0.1); END LOOP; END$$;'
	  . differing('Kafka differs:', 'ordered') . 'SELECT count(*) FROM weir.dead_letters');
my @reading = grep { $node->safe_psql($databases[$_], q(SELECT to_regclass('ordered') IS NOT NULL AND NOT EXISTS (SELECT FROM weir.source_stopped))) eq 't' } 0 .. $#databases;
is("@reading", '0 1 2 3 4 5 6 7 8 9 10 11 16', 'databases that read from Kafka');
in_parallel(map { [ "Kafka goes on in $databases[$_]", "psql -XqtA -d '" . $node->connstr($databases[$_]) . "' -f $dir/kafka.sql", "Kafka differs:|\n3000\n" ] } @reading);

# A copy of the database as it is has nothing to wait for.
$node->safe_psql('postgres', 'CREATE DATABASE copied TEMPLATE db0');
$node->safe_psql('copied', q(INSERT INTO app.s VALUES ('k1', 1, 1); INSERT INTO app.t VALUES ('k1', 1, 1)));
same($node, 'SELECT * FROM app.v', $batch{'app.v'}, 'a copy of the database counts', 'copied');

$node->stop;
done_testing();
