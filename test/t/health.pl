# Who waits, creates or looks is told what stands still and why.
use strict;
use warnings;
use WeirTest;
use File::Basename;
use PostgreSQL::Test::Utils;
use Test::More;

# A session that runs statements; its output is read when it is done.
sub begin_psql
{
	my ($node, @sql) = @_;
	my %session = (out => '', err => '');
	$session{run} = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres'), map { ('-c', $_) } @sql ],
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
my $node = weir_cluster('slots', conf => "max_worker_processes = 2\nweir.flush_warning = 5s");
sub warns
{
	my ($sql) = @_;
	my ($status, $out, $err) = $node->psql('postgres', $sql);
	die $err if $status != 0;
	return $err;
}
my $no_slot = qr/WARNING:  a weir flush worker of this database could not be started: all 2 of max_worker_processes are in use.*HINT:  Increase max_worker_processes, which is 2: Weir needs 3 now/s;
like(warns('DROP EXTENSION weir; CREATE EXTENSION weir'), $no_slot, 'CREATE EXTENSION warns');
$node->safe_psql('postgres', 'CREATE FOREIGN TABLE s (x int) SERVER weir; CREATE ROLE app; GRANT INSERT ON s TO app; CREATE ROLE mon IN ROLE pg_monitor');
sub problems { return $node->safe_psql('postgres', 'SET ROLE mon; SELECT object, problem FROM weir.health() ORDER BY 1, 2') }
like(warns('CREATE VIEW v AS SELECT count(*) FROM s'), $no_slot, 'CREATE VIEW warns');
is($node->safe_psql('postgres', q(SELECT kind, state, since <= now(), last_error FROM weir.stat_worker ORDER BY kind)),
	"flush|no slot|t|all 2 of max_worker_processes are in use\ningest|no slot|t|all 2 of max_worker_processes are in use",
	'weir.stat_worker has the workers that should be there');
$node->poll_query_until('postgres', q(SELECT count(*) = 2 FROM weir.health())) or die 'missing workers are no problem';
is(problems(), "flush worker|no_worker_slot\ningest worker 0|no_worker_slot", 'and weir.health() the problem, once it has lasted for a second');
is($node->safe_psql('postgres', 'SELECT count(*) FROM weir.health() WHERE since > now() OR reason IS NULL OR remedy IS NULL'), '0', 'with all that is to be known');
my ($status, undef, $stderr) = $node->psql('postgres', 'SET ROLE app; SELECT * FROM weir.health()');
like($stderr, qr/permission denied/, 'which is not for everyone');
$node->wait_for_log(qr/no free slot for a weir flush worker/);

my $insert = begin_psql($node, 'SET ROLE app; INSERT INTO s VALUES (1)');
ok(wait_for_stderr($insert, qr/still waiting for the flush of stream rows: a weir flush worker could not be started.*HINT:  Increase max_worker_processes/s),
	'a COMMIT that waits says why');
$node->safe_psql('postgres', 'CREATE DATABASE another');
($status) = $node->psql('postgres', 'DROP DATABASE another', extra_params => [ '-v', 'ON_ERROR_STOP=1' ], timeout => 20, timed_out => \my $timed_out);
ok(!$timed_out && $status == 0, 'and keeps no other database from being dropped');
$node->safe_psql('postgres', q(SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query LIKE '%INSERT INTO s%' AND pid <> pg_backend_pid()));
$insert->{run}->finish;
like($insert->{err}, qr/canceling wait/, 'and can be cancelled');

$node->append_conf('postgresql.conf', 'max_worker_processes = 4');
$node->restart;
$node->safe_psql('postgres', 'INSERT INTO s VALUES (2)');
is($node->safe_psql('postgres', q(SELECT kind, state FROM weir.stat_worker ORDER BY kind)), "flush|running\ningest|running",
	'with more slots the workers are there');
is(warns('CREATE VIEW w AS SELECT count(*) FROM s'), '', 'and nobody warns');
is(problems(), '', 'or has a problem');

# ---------------------------------------------------------------- however many Kafka workers there shall be
$node->safe_psql('postgres', q(
	SET client_min_messages = error;
	CREATE SERVER k FOREIGN DATA WRAPPER weir OPTIONS (bootstrap_servers '127.0.0.1:1');
	DO $$BEGIN FOR i IN 1 .. 6 LOOP
		EXECUTE format('CREATE FOREIGN TABLE k%s (a int) SERVER k OPTIONS (topic %L, workers %L)', i, 't', 16);
		EXECUTE format('CREATE VIEW k%s_v AS SELECT count(*) FROM k%1$s', i);
	END LOOP; END$$));
ok($node->poll_query_until('postgres', q(SELECT count(*) = 96 AND count(DISTINCT stream) = 6
	FROM weir.stat_worker WHERE kind = 'kafka')), 'weir.stat_worker has them all');
my $before = $node->safe_psql('postgres', 'SELECT count FROM v');
$node->safe_psql('postgres', 'INSERT INTO s VALUES (3)');
is($node->safe_psql('postgres', 'SELECT count FROM v'), $before + 1, 'and other streams go on');
$node->safe_psql('postgres', 'SET client_min_messages = error; DROP SERVER k CASCADE');

# ---------------------------------------------------------------- the manual's queries, in order
my $manual = slurp_file(dirname(__FILE__) . '/../../doc/monitoring.md');
my @queries = ($manual =~ /^```sql\n(.*?)^```/gms, map { s/\\"/"/gr } $manual =~ /^  query: "(.*)"$/gm);
cmp_ok(scalar(@queries), '>', 10, 'the manual has queries');
for my $query (@queries)
{
	my $role = $query =~ /CREATE ROLE/ ? '' : 'SET ROLE mon;';
	my ($status, undef, $err) = $node->psql('postgres', "$role $query");
	is($err, '', $query =~ s/\n.*//sr);
}

# ---------------------------------------------------------------- what weir.stat_view says of views
sub of_view
{
	my ($columns, $view) = @_;
	return $node->safe_psql('postgres', "SELECT $columns FROM weir.stat_view WHERE name = '$view'");
}
$node->safe_psql('postgres', q(
	CREATE FOREIGN TABLE other (x int) SERVER weir; GRANT INSERT ON other TO app;
	CREATE VIEW o AS SELECT count(*) FROM other;
	CREATE VIEW ratio AS SELECT 1 / x AS r FROM other;
	INSERT INTO s VALUES (1); INSERT INTO other VALUES (1)));
is(of_view('freshness, errors, last_flush IS NOT NULL', $_), '0|0|t', "$_ is fresh") for 'v', 'o';

# The flush fails as a whole: two dead letters of one SQLSTATE are not allowed here.
$node->safe_psql('postgres', 'CREATE UNIQUE INDEX one ON weir.dead_letters (sqlstate)');
my $last = of_view('last_flush, flushes', 'o');
my $bad = begin_psql($node, 'SET ROLE app; INSERT INTO other VALUES (0), (0)');
$node->poll_query_until('postgres', q(SELECT count(*) = 1 FROM weir.stat_worker WHERE kind = 'flush' AND state = 'failing'
	AND errors > 1 AND last_error LIKE '%unique%')) or die 'the flush does not fail';
is(of_view('freshness > 0, errors > 0', 'o'), 't|t', 'a view whose flush fails is not fresh and has errors');
is(of_view('last_flush, flushes', 'o'), $last, 'and had no flush');
is(of_view('freshness, errors', 'v'), '0|0', 'one that waits for nothing is fresh');
like($node->safe_psql('postgres', 'SET ROLE mon; SELECT object, problem, reason FROM weir.health()'),
	qr/^flush worker\|flush_fails\|.* fails and tries again: duplicate key value/, 'weir.health() says what fails');
$node->poll_query_until('postgres', q(SELECT since < clock_timestamp() - interval '1 second' FROM weir.stat_worker WHERE kind = 'flush')) or die;
like(warns('CREATE VIEW w2 AS SELECT count(*) FROM s'), qr/WARNING:  a weir flush worker of this database fails and tries again: duplicate key/, 'CREATE VIEW warns');
my $age = of_view('freshness', 'o');
cmp_ok(of_view('freshness', 'o'), '>', $age, 'it grows older');
$node->safe_psql('postgres', 'SELECT weir.stat_reset()');
is(of_view('freshness > 0, flushes', 'o'), 't|0', 'resetting counters makes nothing fresh');
ok(wait_for_stderr($bad, qr/still waiting for the flush of stream rows: the weir flush worker \(process \d+\) fails/), 'its COMMIT says so');
unlike($bad->{err}, qr/unique/, 'and what the error says of rows is not for everyone');
$node->safe_psql('postgres', 'DROP INDEX weir.one');
kill_worker($node, 'TERM', 'weir flush worker', 'postgres');    # another one does not wait before it tries
$bad->{run}->finish;
is(of_view('freshness, flushes', 'o'), '0|1', 'then it is written, and fresh');
is(problems(), 'public.ratio|dead_letters', 'the dead letters are told of for an hour');
$node->safe_psql('postgres', 'DELETE FROM weir.dead_letters');

# Rows wait for a worker that stands still.
my $ingest = worker_pid($node, 'weir ingest worker', 'postgres');
kill 'STOP', $ingest;
$node->safe_psql('postgres', 'SET weir.synchronous_insert = off; INSERT INTO other VALUES (1)');
is(of_view('freshness > 0', 'o'), 't', 'a row in the queue is not visible');
is(of_view('freshness', 'v'), '0', 'which is nothing to views of other streams');
$node->poll_query_until('postgres', q(SELECT object = 'public.other' AND problem = 'rows_wait' FROM weir.health())) or die 'rows do not wait';
kill 'CONT', $ingest;
flush($node);
is(problems(), '', 'then nothing is wrong');

$node->safe_psql('postgres', q(SELECT weir.deactivate('o')));
is(of_view('freshness IS NULL', 'o'), 't', 'of an inactive view nobody says that it is fresh');
$node->safe_psql('postgres', q(CREATE FUNCTION f(int) RETURNS int LANGUAGE plpgsql AS 'BEGIN RAISE undefined_table; END';
	CREATE VIEW broken AS SELECT f(x) FROM other));
my $twice = begin_psql($node, 'SET ROLE app; INSERT INTO s VALUES (1);', 'INSERT INTO other VALUES (1)', 'INSERT INTO other VALUES (1)');
$twice->{run}->finish;
is(of_view('freshness > 0, errors', 'broken'), 't|1', 'a suspended one is not');
is(problems(), 'public.broken|view_suspended', 'and is a problem');
is(() = $twice->{err} =~ /WARNING:  continuous view public.broken is suspended and may lack rows/g, 1,
	'who inserts is told, once in a session');
$node->restart;
like(warns('INSERT INTO other VALUES (1)'), qr/public.broken is suspended/, 'also when it has been for long');
is(warns('INSERT INTO s VALUES (1)'), '', 'but not who inserts into another stream');
$node->safe_psql('postgres', q(DROP VIEW broken));
is(warns('INSERT INTO other VALUES (1)'), '', 'and not of a view that is gone');

# ---------------------------------------------------------------- without the library
$node->append_conf('postgresql.conf', "shared_preload_libraries = ''");
$node->restart;
is(problems(), 'server|not_preloaded', 'weir.health() works where nothing else does');
$node->stop;

done_testing();
