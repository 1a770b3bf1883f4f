# UNION ALL of Kafka streams and an inserted one: exactly once over kill -9 and restarts, one watermark, a dump.
use strict;
use warnings;
use KafkaTest;
use PostgreSQL::Test::Utils;
use WeirTest;
use Test::More;

my ($bootstrap) = start_broker();
my $node = weir_cluster('union', conf => "weir.kafka_metadata_interval = 500\ntimezone = 'UTC'\nrestart_after_crash = on\n");
my $dir = PostgreSQL::Test::Utils::tempdir;
topic('create', 'web', 2);
topic('create', 'mobile', 1);
$node->safe_psql('postgres', qq(
	CREATE SERVER k FOREIGN DATA WRAPPER weir OPTIONS (bootstrap_servers '$bootstrap');
	CREATE FOREIGN TABLE web (site int, at timestamptz, bytes int) SERVER k
		OPTIONS (topic 'web', event_time 'at', watermark '5 seconds', idle_timeout '1 second');
	CREATE FOREIGN TABLE mobile (device text, ts timestamptz, size numeric) SERVER k OPTIONS (topic 'mobile', event_time 'ts');
	CREATE FOREIGN TABLE direct (site int, at timestamptz, bytes bigint) SERVER weir OPTIONS (event_time 'at');
	CREATE TABLE devices (device text PRIMARY KEY, site int);
	INSERT INTO devices SELECT 'd' || i, i % 3 FROM generate_series(0, 9) i;
	CREATE TABLE kept (stream text, site int, at timestamptz, bytes numeric)));
my $union = q((SELECT site, at, bytes, 'web' AS source FROM web UNION ALL
	SELECT d.site, m.ts, m.size, 'mobile' FROM mobile m JOIN devices d USING (device) UNION ALL
	SELECT site, at, bytes, 'direct' FROM direct WHERE bytes > 0) u);
$node->safe_psql('postgres', qq(
	CREATE VIEW traffic AS SELECT site, source, count(*), sum(bytes), count(DISTINCT bytes) AS d FROM $union GROUP BY 1, 2;
	CREATE VIEW log AS SELECT source, bytes FROM $union;
	CREATE VIEW minutes WITH (emit = final, late = divert) AS SELECT window_start, count(*), sum(bytes) FROM $union, weir.tumble(at, '1 minute') GROUP BY 1;
	CREATE VIEW lately WITH (sw = '1 day', sw_column = 'at') AS SELECT source, count(*) FROM $union GROUP BY 1));

# What is sent is noted in an ordinary table.
my $base = time() - 3600;
my $sent = 0;

sub stamp { my @t = gmtime($_[0]); return sprintf('%04d-%02d-%02dT%02d:%02d:%02d+00', $t[5] + 1900, $t[4] + 1, @t[3, 2, 1, 0]); }

sub send_all
{
	my ($round) = @_;
	my $from = $base + $round * 300;
	for my $partition (0, 1)
	{
		my @rows = map { [ $_ % 3, stamp($from + $_), $_ * 2 + $partition ] } 1 .. 200;
		$node->safe_psql('postgres', "INSERT INTO kept VALUES " . join(',', map { "('web', $_->[0], '$_->[1]', $_->[2])" } @rows));
		produce('web', join('', map { "{\"site\": $_->[0], \"at\": \"$_->[1]\", \"bytes\": $_->[2]}\n" } @rows), '-p', $partition);
	}
	my @rows = map { [ $_ % 10, stamp($from + $_), $_ / 4 ] } 1 .. 200;
	$node->safe_psql('postgres', "INSERT INTO kept VALUES " . join(',', map { "('mobile', " . ($_->[0] % 3) . ", '$_->[1]', $_->[2])" } @rows));
	produce('mobile', join('', map { "{\"device\": \"d$_->[0]\", \"ts\": \"$_->[1]\", \"size\": $_->[2]}\n" } @rows));
	$sent += 600;
	return;
}

sub insert_some
{
	my ($round) = @_;
	my $at = stamp($base + $round * 300);
	my $rows = "SELECT i % 3, '$at'::timestamptz + i * interval '1 second', i - 20 FROM generate_series(1, 100) i";
	$node->safe_psql('postgres', "BEGIN; INSERT INTO kept SELECT 'direct', * FROM ($rows) r (a, b, c) WHERE c > 0; INSERT INTO direct $rows; COMMIT");
	return;
}

my $offsets = 'SELECT coalesce(sum(next_offset), 0) FROM weir.source_offsets';
my $batch = q(SELECT site, stream, count(*), sum(bytes), count(DISTINCT bytes) FROM kept GROUP BY 1, 2);
my @victims = ('weir kafka worker', 'weir flush worker', 'weir ingest worker', 'weir kafka worker');
for my $round (0 .. $#victims)
{
	send_all($round);
	kill_worker($node, 'KILL', $victims[$round]);
	$node->poll_query_until('postgres', 'SELECT true') or die 'the server does not come back';
	insert_some($round);
	becomes($node, $offsets, $sent, "all is read after kill -9 of a $victims[$round]");
	same($node, 'TABLE traffic', $batch, 'each message and row counts once');
}
same($node, 'TABLE log', 'SELECT stream, bytes FROM kept', 'in a log, too');
same($node, 'TABLE lately', 'SELECT stream, count(*) FROM kept GROUP BY 1', 'and in a sliding window');

# One watermark: the least of the three.
my $least = q(SELECT weir.watermark('web', 'mobile', 'direct'));
becomes($node, "$least = (SELECT min(watermark) FROM weir.watermarks WHERE partition = -1)", 't', 'the least of three watermarks');
my $minutes = q(SELECT window_start, count(*), sum(bytes) FROM kept, weir.tumble(at, '1 minute') WHERE window_end <= weir.watermark('web', 'mobile', 'direct') GROUP BY 1);
is($node->safe_psql('postgres', q(SELECT count(*) FROM (TABLE minutes) m WHERE count > 0)),
	$node->safe_psql('postgres', "SELECT count(*) FROM ($minutes) m"), 'all minutes that it closed are shown');
is($node->safe_psql('postgres', 'SELECT (SELECT sum(count) FROM (TABLE minutes) m) + (SELECT count(*) FROM weir.late_rows l JOIN kept k ON k.stream = l.stream::text AND k.at = (coalesce(l.row::json ->> $$at$$, l.row::json ->> $$ts$$))::timestamptz AND k.bytes = (coalesce(l.row::json ->> $$bytes$$, l.row::json ->> $$size$$))::numeric WHERE date_trunc($$minute$$, k.at) + interval $$1 minute$$ <= weir.watermark($$web$$, $$mobile$$, $$direct$$))'),
	$node->safe_psql('postgres', "SELECT sum(count) FROM ($minutes) m"), 'with each row, or it was diverted');

# A bad message is its own stream's.
produce('mobile', "{\"device\": \"d1\", \"ts\": \"nonsense\", \"size\": 1}\n");
$sent++;
becomes($node, q(SELECT stream, count(*) FROM weir.dead_letters GROUP BY 1), 'mobile|1', 'a dead letter of its stream');

# A restart, then a dump: what was counted is there, and inserts go on.
$node->restart;
$node->command_ok([ 'pg_dump', '-d', $node->connstr('postgres'), '-f', "$dir/dump.sql" ], 'pg_dump');
$node->safe_psql('postgres', 'DROP SERVER k CASCADE; DROP FOREIGN TABLE direct CASCADE');
is($node->safe_psql('postgres', 'SELECT count(*) FROM weir.views'), '0', 'views go with their streams');
$node->safe_psql('postgres', 'CREATE DATABASE restored TEMPLATE template0');
$node->command_ok([ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('restored'), '-f', "$dir/dump.sql" ], 'restore');
same($node, 'TABLE traffic', $batch, 'the same after a restore', 'restored');
$node->safe_psql('restored', q(BEGIN; INSERT INTO direct VALUES (2, now(), 7); INSERT INTO kept VALUES ('direct', 2, now(), 7); COMMIT));
same($node, 'TABLE traffic', $batch, 'and it goes on', 'restored');
$node->stop('fast');
done_testing();
