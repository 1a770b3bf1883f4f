# Views, rows and streams survive a restart; a clean stop loses no asynchronous row either.
use strict;
use warnings;
use WeirTest;
use IPC::Run;
use Test::More;

my $node = weir_cluster('restart', conf => "wal_level = logical\nmax_wal_senders = 4\nmax_replication_slots = 4");
$node->safe_psql('postgres', q(
	CREATE FOREIGN TABLE s (k int, x int) SERVER weir;
	CREATE VIEW v AS SELECT k, count(*), sum(x), avg(x), max(x) FROM s GROUP BY k;
	CREATE VIEW raw AS SELECT k, x FROM s;
	CREATE TABLE t (k int, x int);
	INSERT INTO s SELECT i % 7, i FROM generate_series(1, 1000) i;
	INSERT INTO t SELECT i % 7, i FROM generate_series(1, 1000) i));

my $batch = 'SELECT k, count(*), sum(x), avg(x), max(x) FROM t GROUP BY k';
for my $mode ('fast', 'smart', 'fast')
{
	# Far more than a flush interval's worth, so that the stop comes while they are under way.
	$node->safe_psql('postgres', q(
		SET weir.synchronous_insert = off;
		INSERT INTO s SELECT i % 11, i FROM generate_series(1, 200000) i;
		INSERT INTO t SELECT i % 11, i FROM generate_series(1, 200000) i));
	$node->stop($mode);
	$node->start;
	same($node, 'SELECT * FROM v', $batch, "grouped view after a $mode stop");
	same($node, 'SELECT k, x FROM raw', 'SELECT k, x FROM t', "append-only view after a $mode stop");
}

$node->safe_psql('postgres', 'INSERT INTO s VALUES (1, 1); INSERT INTO t VALUES (1, 1)');
same($node, 'SELECT * FROM v', $batch, 'rows go on');

# Nor does one that has to wait for a client, and in which logical replication goes on to the end.
sub background
{
	return IPC::Run::start([@_], '<', \undef, '>', \my $out, '2>', \my $err, IPC::Run::timeout(120));
}
$node->append_conf('postgresql.conf', 'weir.flush_interval = 1h');
$node->reload;
$node->safe_psql('postgres', q(CREATE PUBLICATION p FOR TABLE t; SELECT pg_create_logical_replication_slot('slot', 'pgoutput')));
my $replication = background('pg_recvlogical', '-d', $node->connstr('postgres'), '-S', 'slot', '--start', '-n', '-f', '/dev/null',
	'-o', 'proto_version=1', '-o', 'publication_names=p');
my $client = background('psql', '-XqAt', '-d', $node->connstr('postgres'), '-c', 'SELECT pg_sleep(3600)');
$node->poll_query_until('postgres', q(SELECT count(*) = 2 FROM pg_stat_activity WHERE datname = 'postgres'
	AND (backend_type = 'walsender' OR query LIKE 'SELECT pg_sleep%'))) or die;
my $pid = $node->safe_psql('postgres', q(SELECT pid FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'));
$node->safe_psql('postgres', 'SET weir.synchronous_insert = off; INSERT INTO s VALUES (2, 2); INSERT INTO t VALUES (2, 2)');
kill 'STOP', $pid;
kill 'INT', (split /\n/, PostgreSQL::Test::Utils::slurp_file($node->data_dir . '/postmaster.pid'))[0];
$node->wait_for_log(qr/weir launcher.* exited with exit code/);
# Longer than a worker that is ended alone looks whether clients are there.
sleep 2;
kill 'CONT', $pid;
$node->stop('fast');
eval { $_->finish } for $client, $replication;
$node->start;
same($node, 'SELECT * FROM v', $batch, 'a stop waits for a client that is slow to leave, and not for logical replication');

# Nor does one of a server whose synchronous standby is gone, while a flush waits for it.
$node->append_conf('postgresql.conf', "weir.flush_interval = 100ms\nsynchronous_standby_names = 'gone'");
$node->reload;
$node->safe_psql('postgres', 'SET synchronous_commit = local; SET weir.synchronous_insert = off; INSERT INTO s VALUES (3, 3); INSERT INTO t VALUES (3, 3)');
$node->poll_query_until('postgres', q(SELECT wait_event = 'SyncRep' FROM pg_stat_activity WHERE backend_type = 'weir flush worker')) or die;
$node->safe_psql('postgres', 'SET synchronous_commit = local; SET weir.synchronous_insert = off; INSERT INTO s VALUES (3, 3); INSERT INTO t VALUES (3, 3)');
$node->stop('fast');
$node->append_conf('postgresql.conf', "synchronous_standby_names = ''");
$node->start;
same($node, 'SELECT * FROM v', $batch, 'a stop does not wait for a synchronous standby that is gone');

$node->stop;
done_testing();
