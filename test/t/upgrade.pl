# pg_upgrade takes the views along, with their data, and they go on.
#
# To a cluster of the same server, which pg_upgrade allows; with WEIR_NEW_PG=PREFIX (see test/stage.sh) to that of a newer one.
use strict;
use warnings;
use KafkaTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use WeirTest;
use Test::More;

my ($bootstrap) = start_broker(brokers => 1);
topic('create', 'orders', 2);

my $conf = "timezone = 'UTC'\nweir.kafka_metadata_interval = 500\n";
my $old = weir_cluster('old', conf => $conf);
$old->safe_psql('postgres', qq(
	SELECT weir.set_clock('2030-01-01 12:00:00');
	CREATE ROLE reader;
	CREATE SCHEMA app;
	CREATE TYPE app.mood AS ENUM ('low', 'high', 'none');
	ALTER TYPE app.mood ADD VALUE 'middle' BEFORE 'high';
	CREATE TYPE app.pair AS (x int, m app.mood);
	CREATE DOMAIN app.short AS text CHECK (length(VALUE) < 10);
	CREATE TABLE app.t (phase int, id int, k app.short, x int, n numeric, b bigint, f float8, i interval, m app.mood, at timestamptz);
	CREATE TABLE app.names (k text PRIMARY KEY, name text);
	INSERT INTO app.names SELECT 'k' || i, 'name ' || i % 3 FROM generate_series(0, 4) i;
	CREATE FOREIGN TABLE app.s (id int, k app.short NOT NULL, x int, n numeric, b bigint, f float8, i interval, m app.mood, at timestamptz) SERVER weir;
	CREATE FOREIGN TABLE app.other (k text, n numeric) SERVER weir;
	CREATE FOREIGN TABLE app.clicks (x int, at timestamptz) SERVER weir OPTIONS (event_time 'at', watermark '1 minute');
	CREATE TABLE app.clicked (phase int, x int, at timestamptz, late bool);
	CREATE SERVER k FOREIGN DATA WRAPPER weir OPTIONS (bootstrap_servers '$bootstrap');
	CREATE FOREIGN TABLE app.orders (id int, price numeric) SERVER k OPTIONS (topic 'orders')));

# What a batch query puts in the place of a window that slides: its steps reach back to their beginning.
my $recent = sub { my ($step) = @_; "date_bin('$step', at, '1970-01-01 00:00+00') + interval '$step' > weir.clock() - interval '1 hour'" };
my $ordered = '(SELECT * FROM app.t ORDER BY k, phase, id) t';

# name, options and query of each view, and what differs in the batch query over app.t: text to replace, or the whole query.
my @views = (
	[ 'app.plain', '', 'SELECT k, count(*), sum(x) AS sx, sum(b) AS sb, avg(n) AS an, avg(b) AS ab, avg(x) AS ax, avg(f) AS af, sum(n) AS sn,
		stddev(n) AS dn, var_pop(b) AS vb, stddev(x) AS dx, var_samp(x::int2) AS v2, corr(f, x::float8)::numeric(12, 8) AS c, regr_slope(f, x)::numeric(12, 8) AS r,
		avg(i) AS ai, sum(i) AS si, min(k) AS mk, max(m) AS mm, bool_or(x > 90) AS o, bit_xor(x) AS bx, max(at) FILTER (WHERE x > 50) AS big FROM app.s GROUP BY k' ],
	[ 'app.moods', '', 'SELECT m, ROW(x % 3, m)::app.pair AS p, count(*), min(m) FROM app.s GROUP BY 1, 2 HAVING count(*) > 1' ],
	[ '"Total"', '', 'SELECT count(*), max(k), avg(n), sum(i) FROM app.s' ],
	[ 'app.log', '', 'SELECT id, k, i, m FROM app.s WHERE x > 90' ],
	[ 'app.differ', '', 'SELECT DISTINCT m, x % 4 AS x FROM app.s' ],
	[ 'app.sliding', "WITH (sw = '1 hour', sw_column = 'at', step_factor = 10)", 'SELECT k, count(*), avg(n), avg(i) AS ai, array_agg(m) FROM app.s GROUP BY k',
		[ 'FROM app.s' => "FROM (SELECT * FROM app.t ORDER BY k, date_bin('6 minutes', at, '1970-01-01 00:00+00'), phase, id) t WHERE " . $recent->('6 minutes') ] ],
	[ 'app.blocks', "WITH (sw = '1 hour', sw_column = 'at', step_factor = 1)", 'SELECT k, count(*), avg(n), stddev(b), weir.last(m, at) AS l, max(x) FROM app.s GROUP BY k',
		[ 'FROM app.s' => 'FROM app.t WHERE ' . $recent->('36 seconds') ] ],
	[ 'app.hop', '', "SELECT window_start, window_end, k, count(*), avg(n), stddev(x) FROM app.s, weir.hop(at, '10 minutes', '30 minutes') GROUP BY 1, 2, 3" ],
	[ 'app.cumulate', '', "SELECT window_end, count(*), avg(b) FROM app.s, weir.cumulate(at, '20 minutes', '1 hour') GROUP BY window_end" ],
	[ 'app.tumble', '', "SELECT weir.tumble(at, '1 day', zone => 'Europe/Berlin') AS w, m, sum(n), count(DISTINCT k) FROM app.s GROUP BY w, m" ],
	[ 'app.sessions', '', "SELECT k, window_start, window_end, count(*), avg(n) FROM app.s, weir.session(at, '3 minutes') GROUP BY k, window_start, window_end",
		"SELECT k, min(at), max(at) + interval '3 minutes', count(*), avg(n) FROM (
			SELECT *, sum(opens) OVER (PARTITION BY k ORDER BY at, phase, id) AS session FROM (
				SELECT *, CASE WHEN at - lag(at) OVER (PARTITION BY k ORDER BY at, phase, id) < interval '3 minutes' THEN 0 ELSE 1 END AS opens FROM app.t) a) b
			GROUP BY k, session" ],
	[ 'app.parts', "WITH (partition_by = 'day', partition_interval = '1 day')",
		"SELECT CASE WHEN x % 10 > 0 THEN (at - x % 3 * interval '1 day')::date END AS day, k, count(*), avg(n) FROM app.s GROUP BY 1, 2" ],
	[ 'app.valued', '', 'SELECT k, m, count(DISTINCT x) AS d, percentile_cont(0.5) WITHIN GROUP (ORDER BY n) AS p, mode() WITHIN GROUP (ORDER BY m) AS o,
		array_agg(x ORDER BY m, x) AS a, count(*), avg(n), grouping(k, m) FROM app.s GROUP BY ROLLUP (k, m)' ],
	[ 'app.kept', '', "SELECT k, array_agg(m) AS moods, array_agg(ROW(x, m)::app.pair) AS pairs, array_agg(ARRAY[x, id]) AS arrays, string_agg(k, ', ') AS strings,
		json_agg(ROW(x, m)::app.pair)::text AS json, jsonb_agg(n) AS jsonb, json_object_agg(k, x)::text AS object, jsonb_object_agg(k || x % 5, i) AS objectb,
		weir.first(ROW(x, m)::app.pair, n) AS first, weir.last(m, at) AS last, weir.top_n(3, k, n) AS tops, weir.first_values(2, i, ROW(x, m)::app.pair) AS firsts, weir.top_n(2, x, k) AS by_k
		FROM app.s GROUP BY k", [ 'FROM app.s' => "FROM $ordered" ] ],
	[ 'app.sketches', '', 'SELECT k, weir.approx_count_distinct(x) AS many, weir.hll_cardinality(weir.hll_agg(ROW(x, m)::app.pair)) AS pairs, weir.bloom_agg(m)::text AS bloom,
		weir.bloom_contains(weir.bloom_agg(x), 7) AS seven, weir.freq(weir.freq_agg(m), m_high) AS high, weir.topk_freqs(weir.topk_agg(m, 4)) AS moods, weir.topk_freqs(weir.topk_agg(ROW(x % 2, m)::app.pair, 8)) AS freqs,
		weir.bloom_cardinality(weir.bloom_agg(ARRAY[m])) AS labels FROM app.s, (VALUES (\'high\'::app.mood)) v (m_high) GROUP BY k, m_high',
		[ 'FROM app.s' => "FROM $ordered" ] ],
	[ 'app.grown', '', 'SELECT k, count(*), avg(n) FROM app.s GROUP BY k' ],
	[ 'app.joined', '', 'SELECT n.name, count(*), sum(s.n) AS sum FROM app.s LEFT JOIN app.names n USING (k) GROUP BY n.name',
		[ 'app.s ' => 'app.t s ' ] ],
	[ 'app.united', '', "SELECT k, count(*), avg(n) FROM (SELECT k::text, n FROM app.s UNION ALL SELECT k || '!', n FROM app.other) u GROUP BY k",
		[ 'app.other' => 'app.t' ] ],
	[ 'app.divided', '', 'SELECT count(*), sum(1000 / (x - 50)) AS sum FROM app.s', [ 'FROM app.s' => 'FROM app.t WHERE x <> 50' ] ],
	[ 'app.asleep', '', 'SELECT count(*) FROM app.s', 'SELECT 0::bigint' ],
	[ 'app.final', 'WITH (emit = final, late = divert)', "SELECT window_start, count(*), avg(x) FROM app.clicks, weir.tumble(at, '1 minute') GROUP BY window_start",
		"SELECT window_start, count(*), avg(x) FROM app.clicked, weir.tumble(at, '1 minute') WHERE NOT late GROUP BY window_start, window_end
			HAVING window_end <= weir.watermark('app.clicks')" ],
	[ 'app.dropping', 'WITH (late = drop)', "SELECT window_start, count(*) FROM app.clicks, weir.hop(at, '30 seconds', '1 minute') GROUP BY window_start",
		"SELECT window_start, count(*) FROM app.clicked, weir.hop(at, '30 seconds', '1 minute') WHERE NOT late GROUP BY window_start" ],
	[ 'app.bought', '', 'SELECT id % 3 AS k, count(*), avg(price), sum(price) FROM app.orders GROUP BY 1',
		"SELECT id % 3 AS k, count(*), avg(round(id / 4.0, 2)), sum(round(id / 4.0, 2)) FROM generate_series(1, 100 * (SELECT max(phase) FROM app.t)) id GROUP BY 1" ],
	[ 'app.ended', "WITH (ttl = '1 day', ttl_column = 'at')", 'SELECT k, max(at) AS at, count(*) FROM app.s GROUP BY k' ]);

my %batch;
for (@views)
{
	my ($name, $options, $query, $batch) = @$_;
	$old->safe_psql('postgres', "CREATE VIEW $name $options AS $query");
	if (ref $batch) { $query =~ s/\Q$batch->[0]\E/$batch->[1]/ or die $name; $batch = undef }
	$query =~ s/app\.s\b/app.t/g;
	$batch{$name} = $batch // $query;
}
$old->safe_psql('postgres', q(
	CREATE OR REPLACE VIEW app.grown AS SELECT k, count(*), avg(n), stddev(b), array_agg(x) AS a FROM app.s GROUP BY k;
	CREATE VIEW app.combined AS SELECT k > 'k3' AS upper, weir.combine(dn) AS dn, weir.combine(ai) AS ai FROM app.plain GROUP BY 1;
	CREATE VIEW app.half AS SELECT k, an FROM app.plain WHERE count > 3;
	CREATE INDEX plain_sx ON app.plain (sx);
	COMMENT ON VIEW app.plain IS 'a comment';
	GRANT USAGE ON SCHEMA app TO reader;
	GRANT SELECT ON app.plain TO reader;
	SELECT weir.deactivate('app.asleep')));
$batch{'app.grown'} = "SELECT k, count(*), avg(n), stddev(b), array_agg(x) FROM $ordered GROUP BY k";
$batch{'app.combined'} = q(SELECT k > 'k3', stddev(n), avg(i) FROM app.t GROUP BY 1);
$batch{'app.half'} = 'SELECT k, avg(n) FROM app.t GROUP BY k HAVING count(*) > 3';

# Rows of a phase: for all views, by INSERT and from Kafka, some of them late.
sub insert
{
	my ($node, $phase) = @_;
	$node->safe_psql('postgres', qq(
		INSERT INTO app.t SELECT $phase, i, 'k' || i % 7, (i * 7919 + $phase * 13) % 100, i / 7.0, i * 1000000000000, i / 4.0, i % 9 * interval '1 month 1 day 1 hour',
			(enum_range(NULL::app.mood))[1 + (i + $phase) % 4], weir.clock() - i % 110 * interval '70 seconds' FROM generate_series(1, 300) i;
		BEGIN;
		INSERT INTO app.s (id, k, x, n, b, f, i, m, at) SELECT id, k, x, n, b, f, i, m, at FROM app.t WHERE phase = $phase ORDER BY id;
		INSERT INTO app.other SELECT k, n FROM app.t WHERE phase = $phase;
		COMMIT;
		INSERT INTO app.clicked SELECT $phase, i, weir.clock() - (200 - i) * interval '3 seconds', false FROM generate_series(1, 200) i;
		INSERT INTO app.clicks SELECT x, at FROM app.clicked WHERE phase = $phase;
		INSERT INTO app.clicked SELECT $phase, i, weir.clock() - interval '1 hour' + i * interval '1 second', true FROM generate_series(1, 5) i;
		INSERT INTO app.clicks SELECT x, at FROM app.clicked WHERE phase = $phase AND late));
	my @ids = (100 * ($phase - 1) + 1 .. 100 * $phase);
	for my $partition (0, 1)
	{
		produce('orders', join('', map { '{"id": ' . $_ . ', "price": ' . $_ / 4 . "}\n" } grep { $_ % 2 == $partition } @ids), '-p', $partition);
	}
	becomes($node, q(SELECT sum(next_offset) FROM weir.source_offsets), scalar(@ids) * $phase, "phase $phase: Kafka is read");
	flush($node);
}

sub compare
{
	my ($node, $when) = @_;
	same($node, "SELECT * FROM $_", $batch{$_}, "$when: $_") for sort keys %batch;
}

# Everything that shall be after the upgrade what it was before, as text.
sub everything
{
	my ($node) = @_;
	# The text of a query is not the same in all versions.
	my %all = map { $_ => $node->safe_psql('postgres', "SELECT to_jsonb(t) - 'query' FROM $_ t ORDER BY 1") } keys %batch,
	  map { "weir.$_" } qw(continuous_view views source_offsets watermarks late_counts late_rows dead_letters source_stopped);
	return \%all;
}

insert($old, 1);
$old->safe_psql('postgres', q(SELECT weir.advance_clock('10 minutes')));
insert($old, 2);
compare($old, 'before');
my $before = everything($old);
is($old->safe_psql('postgres', 'SELECT count(*) > 0 FROM weir.dead_letters'), 't', 'there are dead letters');
is($old->safe_psql('postgres', 'SELECT sum(dropped), sum(diverted) FROM weir.late_counts'), '10|10', 'there are late rows');
is($old->safe_psql('postgres', q(SELECT count(*) > 0 FROM pg_attribute WHERE attrelid = 'app.blocks_mrel'::regclass AND attname ~ 'block')), 't', 'there are blocks');
is($old->safe_psql('postgres', q(SELECT count(*) FROM pg_inherits WHERE inhparent = 'app.parts_mrel'::regclass)), '4', 'there are partitions');
my $checksums = $old->safe_psql('postgres', 'SHOW data_checksums') eq 'on';
my $clock = $old->safe_psql('postgres', 'SELECT weir.clock()');
$old->stop;

my $prefix = $ENV{WEIR_NEW_PG};
my $new = PostgreSQL::Test::Cluster->new('new', $prefix ? (install_path => $prefix) : ());
my $version = do { my ($v) = $new->config_data('--version') =~ /(\d+)/; $v };
note "to PostgreSQL $version";
$new->init(extra => [ '--encoding=UTF8', '--no-locale', $checksums ? '-k' : $version >= 18 ? '--no-data-checksums' : () ]);
$new->append_conf('postgresql.conf', $conf);
chdir PostgreSQL::Test::Utils::tempdir or die;
my $bin = $old->config_data('--bindir');
my @upgrade = ('pg_upgrade', '--no-sync', '-d', $old->data_dir, '-D', $new->data_dir, '-b', $bin, '-B', $new->config_data('--bindir'),
	'-s', $new->host, '-p', $old->port, '-P', $new->port);
for my $run ([ '--check' ], [])
{
	$new->command_ok([ @upgrade, @$run ], "pg_upgrade @$run");
	next if Test::More->builder->is_passing;
	my $output = $new->data_dir . '/pg_upgrade_output.d';
	diag(`grep -rhE 'ERROR|FATAL|error:|could not|fail' -A 3 $output | head -n 60`) if -d $output;
	die 'nothing to go on with';
}

$new->start;
$new->safe_psql('postgres', "SELECT weir.set_clock('$clock')");
wait_for_worker($new, 'weir flush worker');
my $after = everything($new);
is($after->{$_}, $before->{$_}, "$_ is as it was") for sort keys %$before;
compare($new, 'after');
is($new->safe_psql('postgres', q(SELECT obj_description('app.plain'::regclass))), 'a comment', 'comment');
is($new->safe_psql('postgres', q(SELECT string_agg(indexrelid::regclass::text, ', ') FROM pg_index i WHERE indrelid = 'app.plain_mrel'::regclass AND indexrelid::regclass::text ~ 'sx')),
	'app.plain_sx', 'index');
is($new->safe_psql('postgres', 'SET ROLE reader; SELECT sum(count) FROM app.plain'), '600', 'privileges');
isnt($new->psql('postgres', 'SET ROLE reader; SELECT * FROM app.moods'), 0, 'and no more than before');
isnt($new->psql('postgres', 'DELETE FROM app.plain_mrel'), 0, 'a matrel is guarded');

# They go on, in the groups that were there and in new ones.
$new->safe_psql('postgres', q(SELECT weir.advance_clock('25 minutes')));
insert($new, 3);
compare($new, 'more rows');
$new->restart;
$new->safe_psql('postgres', "SELECT weir.set_clock('$clock'::timestamptz + interval '2 hours')");
insert($new, 4);
compare($new, 'after a restart, two hours later');
is($new->safe_psql('postgres', q(SELECT count(*) FROM weir.views WHERE state <> 'active')), '1', 'one view is inactive, none is suspended');
$new->safe_psql('postgres', 'CREATE VIEW app.new AS SELECT k, avg(n) AS an, avg(i) AS ai FROM app.s GROUP BY k; CREATE OR REPLACE VIEW app.moods AS
	SELECT m, ROW(x % 3, m)::app.pair AS p, count(*), min(m), avg(n) FROM app.s GROUP BY 1, 2 HAVING count(*) > 1');
$new->safe_psql('postgres', q(SELECT weir.advance_clock('15 minutes')));
insert($new, 5);
$batch{'app.new'} = 'SELECT k, avg(n), avg(i) FROM app.t WHERE phase = 5 GROUP BY k';
$batch{'app.moods'} = 'SELECT m, ROW(x % 3, m)::app.pair, count(*), min(m), avg(n) FILTER (WHERE phase = 5) FROM app.t GROUP BY 1, 2 HAVING count(*) > 1';
compare($new, 'views made and grown there');

# What was made before belongs together as ever.
$new->safe_psql('postgres', "DROP VIEW $_ CASCADE") for grep { !/combined|half/ } sort keys %batch;
is($new->safe_psql('postgres', q(SELECT string_agg(oid::regclass::text, ', ') FROM pg_class
	WHERE relnamespace::regnamespace::text IN ('app', 'weir', 'public') AND relname ~ '_(mrel|vals|def)' AND relkind <> 'i')), '',
	'DROP VIEW leaves nothing');
$new->stop;
done_testing();
