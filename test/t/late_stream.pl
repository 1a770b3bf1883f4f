# Late rows that go to another stream: from Kafka with kills in between, from large transactions that run and roll back,
# in a restored dump and on a promoted standby.  A row is counted or diverted, once.
use strict;
use warnings;
use KafkaTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use WeirTest;
use Test::More;

my ($bootstrap) = start_broker();
my $node = weir_cluster('late_stream', init => [ allows_streaming => 1 ], conf => "weir.ingest_workers = 2\n");
my $dir = PostgreSQL::Test::Utils::tempdir;
my $views = q(
	CREATE TABLE p (n int, x int, ts timestamptz);
	CREATE FOREIGN TABLE late (n int, x int, ts timestamptz, via text DEFAULT 'diverted') SERVER weir OPTIONS (event_time 'ts', watermark '10 seconds');
	CREATE VIEW counted WITH (late_stream = late) AS SELECT window_start, count(*), sum(x) FROM s, weir.tumble(ts, '10 seconds') GROUP BY 1;
	CREATE VIEW shown WITH (emit = final, late_stream = late) AS SELECT window_start, count(*), sum(x) FROM s, weir.tumble(ts, '10 seconds') GROUP BY 1;
	CREATE VIEW dropping WITH (late = drop) AS SELECT window_start, count(*), sum(x) FROM s, weir.tumble(ts, '10 seconds') GROUP BY 1;
	CREATE VIEW late_rows AS SELECT n, x, ts, via FROM late;
	CREATE VIEW late_counts AS SELECT n, count(*) FROM late GROUP BY n;
	CREATE VIEW late_windows WITH (late = divert) AS SELECT window_start, count(*) FROM late, weir.tumble(ts, '10 seconds') GROUP BY 1);

sub check
{
	my ($name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	# Two views judge alike, so each late row is there twice.
	same($node, 'TABLE counted', q(SELECT date_bin('10 s', ts, '2024-01-01'), count(*), sum(x) FROM p
		WHERE NOT EXISTS (SELECT FROM late_rows l WHERE l.n = p.n) GROUP BY 1), "$name: counted or diverted");
	same($node, 'TABLE dropping', 'TABLE counted', "$name: diverted as others are dropped");
	same($node, 'SELECT n, x, ts, via FROM late_rows', q(SELECT n, x, ts, 'diverted' FROM p, generate_series(1, 2) WHERE n IN (SELECT n FROM late_rows)),
		"$name: diverted once by each view");
	same($node, 'TABLE late_counts', 'SELECT n, count(*) FROM late_rows GROUP BY n', "$name: in each view of the target");
	is($node->safe_psql('postgres', q(SELECT (SELECT sum(count) FROM late_windows) + (SELECT count(*) FROM weir.late_rows WHERE view = 'late_windows'::regclass)
		= (SELECT count(*) FROM late_rows))), 't', "$name: the target's own watermark");
	is($node->safe_psql('postgres', q(SELECT name, late_dropped, late_diverted - (SELECT count(*) / 2 FROM late_rows) FROM weir.stat_view
		WHERE name IN ('counted', 'shown') ORDER BY name)), "counted|0|0\nshown|0|0", "$name: the count of diverted rows");
	is($node->safe_psql('postgres', q(SELECT count(*) FROM weir.views WHERE state <> 'active')), '0', "$name: no view is suspended");
}

# Kafka, and kill -9 of its worker, the flush worker; a crash of the server.
topic('create', 'bids', 1);
$node->safe_psql('postgres', qq(
	CREATE SERVER k FOREIGN DATA WRAPPER weir OPTIONS (bootstrap_servers '$bootstrap');
	CREATE FOREIGN TABLE s (n int, x int, ts timestamptz) SERVER k OPTIONS (topic 'bids', event_time 'ts', watermark '5 seconds');
	$views));
my $n = 0;
my @rows;
srand(7);
for my $victim ('weir kafka worker', 'weir flush worker', 'server', 'weir kafka worker', '')
{
	my $lines = '';
	for (1 .. 1500)
	{
		my $at = $n / 10 - (rand() < 0.3 ? int(rand(40)) : 0);
		my $ts = sprintf('2024-01-01 %02d:%02d:%02d+00', 1 + int($at / 3600), int($at / 60) % 60, $at % 60);
		push @rows, "($n, " . ($n % 100) . ", '$ts')";
		$lines .= "{\"n\": $n, \"x\": " . ($n % 100) . ", \"ts\": \"$ts\"}\n";
		$n++;
	}
	produce('bids', $lines);
	if ($victim eq 'server')
	{
		$node->stop('immediate');
		$node->start;
	}
	elsif ($victim)
	{
		kill_worker($node, 'KILL', $victim);
		$node->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()') or die;
	}
}
$node->safe_psql('postgres', 'INSERT INTO p VALUES ' . join(', ', @rows));
becomes($node, 'SELECT sum(next_offset) FROM weir.source_offsets', $n, 'all messages are read');
check('Kafka with kills');
cmp_ok($node->safe_psql('postgres', 'SELECT count(*) FROM late_rows'), '>', 100, 'many were late');
# What fails in a view of the target is a row of the target, and its own dead letter.
$node->safe_psql('postgres', 'CREATE VIEW late_fails AS SELECT n, sum(100 / x) FROM late GROUP BY n');
produce('bids', "{\"n\": -1, \"x\": 0, \"ts\": \"2024-01-01 01:00:00+00\"}\n");
$node->safe_psql('postgres', q(INSERT INTO p VALUES (-1, 0, '2024-01-01 01:00:00+00')));
becomes($node, q(SELECT stream, view, partition, convert_from(payload, 'UTF8')::json ->> 'via' FROM weir.dead_letters),
	"late|late_fails||diverted\nlate|late_fails||diverted", 'dead letters of the target');
check('after a dead letter');
$node->safe_psql('postgres', 'DROP FOREIGN TABLE s, late CASCADE; DROP TABLE p; TRUNCATE weir.late_rows');

# Large transactions are taken in while they run; a row is judged by the watermark of its transaction's begin.
$node->safe_psql('postgres', "CREATE FOREIGN TABLE s (n int, x int, ts timestamptz) SERVER weir OPTIONS (event_time 'ts', watermark '5 seconds'); $views");
my $both = q(INSERT INTO s VALUES (0, 0, '2024-01-01 02:00:00+00'); INSERT INTO p VALUES (0, 0, '2024-01-01 02:00:00+00'));
my $many = q(SELECT n, n % 100, '2024-01-01 01:59:00+00'::timestamptz + n % 100 * interval '1 second' FROM generate_series(1, 250000) n);
$node->safe_psql('postgres', $both);
$node->safe_psql('postgres', "BEGIN; INSERT INTO s $many; ROLLBACK; SELECT weir.flush()");
is($node->safe_psql('postgres', 'SELECT (SELECT count(*) FROM late_rows), (SELECT sum(count) FROM counted), (SELECT count(*) FROM weir.late_counts)'),
	'0|1|0', 'a large transaction that rolls back diverts nothing');
$node->safe_psql('postgres', "BEGIN; INSERT INTO s $many; INSERT INTO p $many; COMMIT; SELECT weir.flush()");
check('a large transaction');
cmp_ok($node->safe_psql('postgres', 'SELECT count(*) FROM late_rows'), '>', 100000, 'half of it was late');

# A dump keeps the option; a promoted standby goes on diverting.
my $state = q(SELECT (SELECT count(*) FROM late_rows), (SELECT sum(count) FROM counted), (SELECT sum(diverted) FROM weir.late_counts));
my $late_row = q(INSERT INTO s VALUES (1000000, 1, '2024-01-01 01:00:00+00'));
$node->backup('backup');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'backup', has_streaming => 1);
$standby->start;
$node->wait_for_catchup($standby);
$node->command_ok([ 'pg_dump', '-d', $node->connstr('postgres'), '-f', "$dir/dump.sql" ], 'pg_dump');
$node->safe_psql('postgres', 'CREATE DATABASE restored TEMPLATE template0');
$node->command_ok([ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('restored'), '-f', "$dir/dump.sql" ], 'restore');
is($node->safe_psql('restored', $state), $node->safe_psql('postgres', $state), 'a restored dump shows the same');
$node->safe_psql('postgres', $late_row);
$node->safe_psql('restored', $late_row);
is($node->safe_psql('restored', $state), $node->safe_psql('postgres', $state), 'and diverts as before');
$node->poll_query_until('restored', q(SELECT count(*) = 2 FROM pg_depend WHERE refobjid = 'late'::regclass AND objid IN ('counted'::regclass, 'shown'::regclass)))
	or die 'no dependency';
my ($status, undef, $error) = $node->psql('restored', 'DROP VIEW late_rows, late_counts, late_windows; DROP FOREIGN TABLE late');
like($error, qr/cannot drop foreign table late.*view counted depends on/s, 'and needs its stream');
$standby->promote;
$standby->safe_psql('postgres', $late_row);
$node->safe_psql('postgres', $late_row);
is($standby->safe_psql('postgres', $state), $node->safe_psql('postgres', $state), 'as does a promoted standby');
$standby->stop('fast');
$node->stop('fast');
done_testing();
