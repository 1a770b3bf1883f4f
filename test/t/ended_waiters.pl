# Sessions that end while they wait for a flush leave nothing behind that others stumble over.
use strict;
use warnings;
use WeirTest;
use IPC::Run;
use Test::More;

my $node = weir_cluster('ended');
$node->safe_psql('postgres', q(
	CREATE FOREIGN TABLE s (x int) SERVER weir;
	CREATE VIEW v AS SELECT count(*) FROM s));

sub background
{
	my ($sql, $buffer) = @_;
	return IPC::Run::start([ 'psql', '-XqAt', '-d', $node->connstr('postgres'), map { ('-c', $_) } split /; /, $sql ],
		'<', \undef, '>', \$$buffer, '2>&1', IPC::Run::timeout(60));
}

# The flush waits for a lock; a session that waits for the flush is terminated.
my ($lock, $wait) = ('', '');
my $locker = background('BEGIN; LOCK TABLE v_mrel IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(3600)', \$lock);
$node->poll_query_until('postgres', q(SELECT count(*) = 1 FROM pg_locks WHERE relation = 'v_mrel'::regclass AND granted
	AND mode = 'AccessExclusiveLock')) or die;
$node->safe_psql('postgres', 'SET weir.synchronous_insert = off; INSERT INTO s VALUES (1)');
my $waiter = background('SELECT weir.flush()', \$wait);
$node->poll_query_until('postgres', q(SELECT count(*) = 1 FROM pg_stat_activity WHERE query = 'SELECT weir.flush()')) or die;
$node->safe_psql('postgres', q(SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE query = 'SELECT weir.flush()'));
eval { $waiter->finish };

# Those who come next, one of them in its place, get their turn.
my @outs = ('') x 3;
my @inserters = map { background('INSERT INTO s VALUES (1)', \$outs[$_]) } 0 .. 2;
$node->poll_query_until('postgres', q(SELECT count(*) = 3 FROM pg_stat_activity WHERE query = 'INSERT INTO s VALUES (1)' AND wait_event IS NOT NULL)) or die;
$node->safe_psql('postgres', q(SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(3600)' AND pid <> pg_backend_pid()));
eval { $locker->finish };
ok(eval { $_->finish }, 'a synchronous insert ends') for @inserters;
is($node->safe_psql('postgres', 'TABLE v'), '4', 'all rows count');

# Rows that no worker is there to take in would be lost in a shutdown: their COMMIT waits, whatever was asked for.
my $launcher = wait_for_worker($node, 'weir launcher');
kill 'STOP', $launcher;
$node->safe_psql('postgres', q(SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity WHERE backend_type = 'weir ingest worker'));
my $alone = '';
my $insert = background('SET weir.synchronous_insert = off; INSERT INTO s VALUES (2)', \$alone);
ok($node->poll_query_until('postgres', q(SELECT count(*) = 1 FROM pg_stat_activity WHERE query = 'INSERT INTO s VALUES (2)' AND wait_event_type = 'Extension')),
	'an asynchronous insert waits while there is no ingest worker');
kill 'CONT', $launcher;
ok(eval { $insert->finish }, 'and ends when there is one');
is($node->safe_psql('postgres', 'TABLE v'), '5', 'its row is visible at once');
$node->stop;
done_testing();
