# Watermarks: of Kafka partitions, idle and behind; of transactions that run while others commit; after a restart, in a
# restored dump, on a standby.
use strict;
use warnings;
use KafkaTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use WeirTest;
use Test::More;

my ($bootstrap) = start_broker();
my $node = weir_cluster('event_time', init => [ allows_streaming => 1 ],
	conf => "weir.kafka_metadata_interval = 500\nweir.ingest_workers = 2\ntimezone = 'UTC'\n");
my $dir = PostgreSQL::Test::Utils::tempdir;

# A partition holds the watermark back until it is idle.
topic('create', 'clicks', 2);
$node->safe_psql('postgres', qq(
	SELECT weir.set_clock('2024-01-01 12:00:00');
	CREATE SERVER k FOREIGN DATA WRAPPER weir OPTIONS (bootstrap_servers '$bootstrap');
	CREATE FOREIGN TABLE clicks (k int, ts timestamptz) SERVER k
		OPTIONS (topic 'clicks', event_time 'ts', watermark '10 seconds', idle_timeout '30 seconds');
	CREATE VIEW minutes WITH (emit = final, late = divert) AS
		SELECT window_start, count(*), sum(k) FROM clicks, weir.tumble(ts, '1 minute') GROUP BY window_start));

sub click
{
	my ($partition, @rows) = @_;
	produce('clicks', join('', map { "{\"k\": $_->[0], \"ts\": \"2024-01-01 $_->[1]+00\"}\n" } @rows), '-p', $partition);
}

sub offsets { return q(SELECT coalesce(sum(next_offset), 0) FROM weir.source_offsets) }
my $watermarks = 'SELECT partition, watermark FROM weir.watermarks ORDER BY 1';

click(0, [ 1, '10:00:30' ], [ 2, '10:05:00' ]);
becomes($node, offsets(), 2, 'the first partition is read');
is($node->safe_psql('postgres', q(SELECT weir.watermark('clicks'))), '', 'the other one is waited for');
click(1, [ 4, '10:01:30' ]);
becomes($node, offsets(), 3, 'the second partition is read');
is($node->safe_psql('postgres', $watermarks),
	"-1|2024-01-01 10:01:20+00\n0|2024-01-01 10:04:50+00\n1|2024-01-01 10:01:20+00", 'the watermark is the least of both');
is($node->safe_psql('postgres', 'SELECT * FROM minutes'), '2024-01-01 10:00:00+00|1|1', 'one window is closed');
$node->restart;
is($node->safe_psql('postgres', q(SELECT weir.watermark('clicks'))), '2024-01-01 10:01:20+00', 'a restart keeps it');
$node->safe_psql('postgres', q(SELECT weir.set_clock('2024-01-01 12:00:00')));
# The partition that is behind is remembered as well: its rows do not become late.
click(0, [ 8, '10:06:00' ]);
becomes($node, offsets(), 4, 'a row after the restart');
is($node->safe_psql('postgres', $watermarks),
	"-1|2024-01-01 10:01:20+00\n0|2024-01-01 10:05:50+00\n1|2024-01-01 10:01:20+00", 'and waits for the other partition');
click(1, [ 16, '10:01:45' ], [ 32, '10:02:10' ]);
becomes($node, offsets(), 6, 'rows that are behind');
becomes($node, 'SELECT * FROM minutes ORDER BY 1', "2024-01-01 10:00:00+00|1|1\n2024-01-01 10:01:00+00|2|20",
	'none of them was late');
# Both are silent for long: nothing moves.  One goes on: the other is idle.
# Silence counts from when the worker has found that all is read, which it looks for twice a second.
$node->safe_psql('postgres', 'SELECT pg_sleep(3)');
$node->safe_psql('postgres', q(SELECT weir.set_clock('2024-01-01 12:01:00')));
$node->safe_psql('postgres', 'SELECT pg_sleep(1.5)');
is($node->safe_psql('postgres', q(SELECT weir.watermark('clicks'))), '2024-01-01 10:02:00+00', 'all idle: it stays');
click(0, [ 64, '10:07:00' ]);
becomes($node, q(SELECT weir.watermark('clicks')), '2024-01-01 10:06:50+00', 'an idle partition is not waited for');
becomes($node, 'SELECT * FROM minutes ORDER BY 1',
	"2024-01-01 10:00:00+00|1|1\n2024-01-01 10:01:00+00|2|20\n2024-01-01 10:02:00+00|1|32\n2024-01-01 10:05:00+00|1|2", 'its windows are closed');
# It comes back with old rows: late, and diverted with where they came from.
click(1, [ 128, '10:02:30' ], [ 256, '10:06:30' ]);
becomes($node, offsets(), 9, 'the idle partition is back');
becomes($node, q(SELECT view, partition, "offset", "row"::json ->> 'k' FROM weir.late_rows), 'minutes|1|3|128', 'with a late row');
# Idleness alone moves the watermark: partition 1 falls silent, later than 0.
$node->safe_psql('postgres', 'SELECT pg_sleep(3)');
$node->safe_psql('postgres', q(SELECT weir.set_clock('2024-01-01 12:01:20')));
click(0, [ 512, '10:09:00' ]);
becomes($node, offsets(), 10, 'one goes on');
is($node->safe_psql('postgres', q(SELECT weir.watermark('clicks'))), '2024-01-01 10:06:50+00', 'it waits');
like($node->safe_psql('postgres', q(SELECT object, problem, reason, since FROM weir.health())),
	qr/^public\.clicks\|watermark_held\|its watermark waits for partition 1, .*\|2024-01-01 12:01:00\+00$/, 'and weir.health() says for whom');
$node->safe_psql('postgres', q(SELECT weir.set_clock('2024-01-01 12:01:40')));
becomes($node, q(SELECT weir.watermark('clicks')), '2024-01-01 10:08:50+00', 'until the other is idle, though no row comes');
is($node->safe_psql('postgres', 'SELECT sum(count) + (SELECT count(*) FROM weir.late_rows) FROM minutes'), '9',
	'each row of closed windows is counted or diverted');
$node->safe_psql('postgres', 'DROP FOREIGN TABLE clicks CASCADE; SELECT weir.set_clock(NULL)');
becomes($node, 'SELECT count(*) FROM weir.watermarks', '0', 'a dropped stream leaves no watermark');

# A large transaction is taken in while it runs.  What it was judged by holds until it commits.
$node->safe_psql('postgres', q(
	CREATE FOREIGN TABLE s (k int, ts timestamp) SERVER weir OPTIONS (event_time 'ts');
	CREATE TABLE p (k int, ts timestamp);
	CREATE VIEW f WITH (emit = final) AS SELECT k, window_start, count(*) FROM s, weir.hop(ts, '10 seconds', '30 seconds') GROUP BY 1, 2;
	INSERT INTO s VALUES (0, '2024-01-01 00:00:00')));
my $shown = q(SELECT count(*), coalesce(sum(count), 0) FROM f);
my $big = $node->background_psql('postgres', on_error_stop => 0);
$big->query_safe('BEGIN');
$big->query_safe(q(COPY s FROM PROGRAM 'for i in $(seq 1 400000); do echo "1,2024-01-01 00:00:07"; done' (FORMAT csv)));
$node->safe_psql('postgres', q(INSERT INTO s VALUES (2, '2024-01-01 01:00:00')));
is($node->safe_psql('postgres', q(SELECT weir.watermark('s'))), '2024-01-01 00:00:00+00', 'others do not close the windows of an open transaction');
is($node->safe_psql('postgres', $shown), '0|0', 'no window it has rows for is shown');
$big->query_safe('COMMIT');
$node->safe_psql('postgres', 'SELECT weir.flush()');
is($node->safe_psql('postgres', q(SELECT weir.watermark('s'))), '2024-01-01 01:00:00+00', 'its commit lets them');
is($node->safe_psql('postgres', $shown), '6|1200003', 'and its rows are there');
is($node->safe_psql('postgres', q(SELECT count(*) FROM weir.late_counts)), '0', 'none was late');
$big->query_safe('BEGIN');
$big->query_safe(q(COPY s FROM PROGRAM 'for i in $(seq 1 400000); do echo "1,2024-01-01 01:00:07"; done' (FORMAT csv)));
$node->safe_psql('postgres', q(INSERT INTO s VALUES (2, '2024-01-01 02:00:00')));
$big->query_safe('ROLLBACK');
$big->quit;
$node->safe_psql('postgres', q(INSERT INTO s VALUES (2, '2024-01-01 02:00:00')));
becomes($node, q(SELECT weir.watermark('s')), '2024-01-01 02:00:00+00', 'a rollback lets go as well');
is($node->safe_psql('postgres', $shown), '9|1200006', 'and leaves no row');
$node->safe_psql('postgres', q(INSERT INTO s VALUES (3, '2024-01-01 00:30:00')));
is($node->safe_psql('postgres', q(SELECT dropped, diverted FROM weir.late_counts WHERE view = 'f'::regclass)), '1|0', 'a late row');

# A worker that is killed lets go.
$node->safe_psql('postgres', q(INSERT INTO s VALUES (2, '2024-01-01 03:00:00')));
kill_worker($node, 'TERM', 'weir ingest worker');
wait_for_worker($node, 'weir ingest worker');
$node->safe_psql('postgres', q(INSERT INTO s VALUES (2, '2024-01-01 04:00:00')));
is($node->safe_psql('postgres', q(SELECT weir.watermark('s'))), '2024-01-01 04:00:00+00', 'the watermark goes on without a worker that ended');

# A dump restores the watermark and what was counted; a standby shows the same.
my $state = q(SELECT weir.watermark('s'), (SELECT count(*) FROM f), (SELECT sum(dropped) FROM weir.late_counts));
$node->backup('backup');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'backup', has_streaming => 1);
$standby->start;
$node->wait_for_catchup($standby);
is($standby->safe_psql('postgres', $state), $node->safe_psql('postgres', $state), 'a standby shows the same windows');
$node->command_ok([ 'pg_dump', '-d', $node->connstr('postgres'), '-f', "$dir/dump.sql" ], 'pg_dump');
$node->safe_psql('postgres', 'CREATE DATABASE restored TEMPLATE template0');
$node->command_ok([ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('restored'), '-f', "$dir/dump.sql" ], 'restore');
is($node->safe_psql('restored', $state), $node->safe_psql('postgres', $state), 'a restored dump shows the same windows');
$node->safe_psql('restored', q(INSERT INTO s VALUES (9, '2024-01-01 03:30:00'), (9, '2024-01-01 05:00:00')));
is($node->safe_psql('restored', $state), '2024-01-01 05:00:00+00|18|2', 'and goes on from there');
$standby->promote;
$standby->safe_psql('postgres', q(INSERT INTO s VALUES (9, '2024-01-01 03:30:00'), (9, '2024-01-01 05:00:00')));
is($standby->safe_psql('postgres', $state), '2024-01-01 05:00:00+00|18|2', 'as does a promoted standby');
$standby->stop('fast');

# A stream keeps its event time while views need it.
my ($status, undef, $error) = $node->psql('postgres', 'ALTER FOREIGN TABLE s OPTIONS (DROP event_time)');
like($error, qr/cannot change option "event_time".*view public\.f depends on/s, 'the event time stays while a view needs it');
$node->stop('fast');
done_testing();
