# Who waits, creates or looks is told what stands still and why.
use strict;
use warnings;
use WeirTest;
use Test::More;

# A session that runs one statement; its output is read when it is done.
sub begin_psql
{
	my ($node, $sql) = @_;
	my %session = (out => '', err => '');
	$session{run} = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-c', $sql ],
		'<', \undef, '>', \$session{out}, '2>', \$session{err});
	return \%session;
}

sub wait_for_stderr
{
	my ($session, $pattern) = @_;
	for (1 .. 600)
	{
		$session->{run}->pump_nb;
		return 1 if $session->{err} =~ $pattern;
		select undef, undef, undef, 0.05;
	}
	return 0;
}

# ---------------------------------------------------------------- no slot for any worker
my $node = weir_cluster('slots', conf => 'max_worker_processes = 2');
sub warns
{
	my ($sql) = @_;
	my ($status, $out, $err) = $node->psql('postgres', $sql);
	die $err if $status != 0;
	return $err;
}
my $no_slot = qr/WARNING:  a weir flush worker of this database could not be started: all 2 of max_worker_processes are in use.*HINT:  Increase max_worker_processes, which is 2: Weir needs 3 now/s;
like(warns('DROP EXTENSION weir; CREATE EXTENSION weir'), $no_slot, 'CREATE EXTENSION warns');
$node->safe_psql('postgres', 'CREATE FOREIGN TABLE s (x int) SERVER weir; CREATE ROLE app; GRANT INSERT ON s TO app');
like(warns('CREATE VIEW v AS SELECT count(*) FROM s'), $no_slot, 'CREATE VIEW warns');
is($node->safe_psql('postgres', q(SELECT kind, state, since <= now(), last_error FROM weir.stat_worker ORDER BY kind)),
	"flush|no slot|t|all 2 of max_worker_processes are in use\ningest|no slot|t|all 2 of max_worker_processes are in use",
	'weir.stat_worker has the workers that should be there');
$node->wait_for_log(qr/no free slot for a weir flush worker/);

my $insert = begin_psql($node, 'SET ROLE app; INSERT INTO s VALUES (1)');
ok(wait_for_stderr($insert, qr/still waiting for the flush of stream rows: a weir flush worker could not be started.*HINT:  Increase max_worker_processes/s),
	'a COMMIT that waits says why');
$node->safe_psql('postgres', q(SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query LIKE '%INSERT INTO s%' AND pid <> pg_backend_pid()));
$insert->{run}->finish;
like($insert->{err}, qr/canceling wait/, 'and can be cancelled');

$node->append_conf('postgresql.conf', 'max_worker_processes = 4');
$node->restart;
$node->safe_psql('postgres', 'INSERT INTO s VALUES (2)');
is($node->safe_psql('postgres', q(SELECT kind, state FROM weir.stat_worker ORDER BY kind)), "flush|running\ningest|running",
	'with more slots the workers are there');
is(warns('CREATE VIEW w AS SELECT count(*) FROM s'), '', 'and nobody warns');
$node->stop;

done_testing();
