# Locks on what one view is kept in, held for long: the view waits, nobody else does, and nothing is lost or counted twice.
use strict;
use warnings;
use IPC::Run;
use WeirTest;
use Test::More;

my $node = weir_cluster('set_aside', conf => "weir.set_aside_limit = '2MB'\n");
$node->safe_psql('postgres', q(
	CREATE FOREIGN TABLE s (k int, x int, at timestamptz) SERVER weir OPTIONS (event_time 'at', watermark '0 s');
	CREATE FOREIGN TABLE other (x int) SERVER weir;
	CREATE TABLE t (k int, x int, at timestamptz);
	CREATE VIEW v AS SELECT k, count(*), sum(x), count(DISTINCT x) AS d, array_agg(x) AS xs FROM s GROUP BY k;
	CREATE VIEW l AS SELECT k, x FROM s;
	CREATE VIEW f WITH (emit = final) AS SELECT window_start, count(*), sum(x) FROM s, weir.tumble(at, '1 minute') GROUP BY 1;
	CREATE VIEW p WITH (partition_by = 'day', partition_interval = '1 day') AS
		SELECT date_trunc('day', at) AS day, k, count(*), percentile_disc(0.5) WITHIN GROUP (ORDER BY x) AS m FROM s GROUP BY 1, 2;
	CREATE VIEW beside AS SELECT k, count(*), sum(x) FROM s GROUP BY k;
	CREATE VIEW bystander AS SELECT count(*), sum(x) FROM other;

	-- rows of several transactions, which nobody waits for
	CREATE SEQUENCE batches;
	CREATE PROCEDURE fill(n int) LANGUAGE plpgsql AS $$
	DECLARE b int;
	BEGIN
		SET weir.synchronous_insert = off;
		FOR i IN 1 .. n LOOP
			b := nextval('batches');
			WITH new AS (INSERT INTO t SELECT g % 30, g % 77 + b, '2020-01-01'::timestamptz + b * interval '20 minutes' + g * interval '1 second'
				FROM generate_series(1, 300) g RETURNING *)
			INSERT INTO s SELECT * FROM new;
			COMMIT;
			PERFORM pg_sleep(0.03);
		END LOOP;
		RESET weir.synchronous_insert;
	END$$;
	-- the median of synchronous inserts into another stream, in ms
	CREATE FUNCTION median(float8[]) RETURNS float8 LANGUAGE sql AS 'SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY m) FROM unnest($1) m';
	CREATE TABLE latency (ms float8);
	CREATE PROCEDURE insert_beside(n int) LANGUAGE plpgsql AS $$
	DECLARE begun timestamptz; took float8[];
	BEGIN
		FOR i IN 1 .. n LOOP
			begun := clock_timestamp();
			INSERT INTO other VALUES (1);
			COMMIT;
			took := took || 1000 * extract(epoch FROM clock_timestamp() - begun)::float8;
		END LOOP;
		INSERT INTO latency VALUES (median(took));
	END$$;
	CALL fill(3)));
flush($node);

my %batch = (
	v => 'SELECT k, count(*), sum(x), count(DISTINCT x) AS d, array_agg(x ORDER BY at) AS xs FROM t GROUP BY k',
	l => 'SELECT k, x FROM t',
	f => q(SELECT window_start, count(*), sum(x) FROM t, weir.tumble(at, '1 minute') WHERE window_end <= (SELECT max(at) FROM t) GROUP BY 1),
	p => q(SELECT date_trunc('day', at) AS day, k, count(*), percentile_disc(0.5) WITHIN GROUP (ORDER BY x) AS m FROM t GROUP BY 1, 2),
	beside => 'SELECT k, count(*), sum(x) FROM t GROUP BY k');
my %shown = (v => 'SELECT k, count, sum, d, xs FROM v', map { $_ => "TABLE $_" } qw(l f p beside));

sub all_right
{
	my ($what) = @_;
	flush($node);
	same($node, $shown{$_}, $batch{$_}, "$what: $_") for sort keys %batch;
	is($node->safe_psql('postgres', q(SELECT count(*) FROM weir.views WHERE waits_since IS NOT NULL OR state <> 'active')), '0', "$what: no view waits");
	ok($node->poll_query_until('postgres', 'SELECT (SELECT count(*) FROM weir.set_aside) + (SELECT count(*) FROM weir.waiting) = 0'), "$what: nothing is left over");
}

# While rows come: the others go on, at their pace; the one that is locked shows what it showed, and who it waits for.
my $ms;
sub beside
{
	my ($what, $view, $pid, $readable) = @_;
	my $before = $readable ? $node->safe_psql('postgres', "SELECT * FROM $view ORDER BY 1, 2") : '';
	$node->safe_psql('postgres', 'DELETE FROM latency');
	my $load = IPC::Run::start([ 'psql', '-X', '-d', $node->connstr('postgres'), '-c', 'CALL fill(10)' ], '>', \my $out, '2>', \my $error);
	$node->safe_psql('postgres', 'CALL insert_beside(30)');
	$load->finish;
	my $latency = $node->safe_psql('postgres', 'SELECT round(ms) FROM latency');
	cmp_ok($latency, '<', 100 + 3 * $ms, "$what: inserts into another stream are not held up") or diag("$latency ms, $ms before");
	$node->poll_query_until('postgres', 'SELECT (SELECT sum(count) FROM beside) = (SELECT count(*) FROM t)') or die 'beside does not get on';
	same($node, $shown{beside}, $batch{beside}, "$what: another view of the stream");
	is($node->safe_psql('postgres', "SELECT * FROM $view ORDER BY 1, 2"), $before, "$what: the view shows what it showed") if $readable;
	is($node->safe_psql('postgres', q(SELECT string_agg(name || ' ' || (set_aside > 0) || ' ' || blocked_by::text || ' ' || (waits_for LIKE '%locked'), ',') FROM weir.views WHERE waits_since IS NOT NULL)),
		"$view true {$pid} true", "$what: it is told whom it waits for");
	is($node->safe_psql('postgres', q(SELECT count(*) FROM weir.views WHERE state <> 'active')), '0', "$what: nothing is suspended");
}

$node->safe_psql('postgres', 'CALL insert_beside(30)');
$ms = $node->safe_psql('postgres', 'SELECT round(ms) FROM latency');
my @locks = (
	[ 'its matrel', 'v', 'LOCK TABLE v_mrel IN EXCLUSIVE MODE' ],
	[ 'its values', 'v', 'LOCK TABLE v_vals1 IN SHARE MODE' ],
	[ 'some of its rows', 'v', 'SELECT count(*) FROM (SELECT FROM v WHERE k = 29 FOR UPDATE) r' ],
	[ 'an index being made', 'l', 'CREATE INDEX ON l (k)' ],
	[ 'its name being changed', 'f', 'ALTER VIEW f RENAME TO g' ],
	[ 'a partition', 'p', 'LOCK TABLE p_mrel_20200101 IN EXCLUSIVE MODE' ],
	[ 'being dropped', 'p', 'DROP VIEW p' ]);
for my $lock (@locks)
{
	my ($what, $view, $sql) = @$lock;
	my $session = $node->background_psql('postgres');
	my $pid = $session->query_safe('SELECT pg_backend_pid()');
	$session->query_safe("BEGIN; $sql");
	beside($what, $view, $pid, $sql !~ /^(ALTER|DROP)/);

	# Its transaction cannot wait for itself, and who waits for rows of the view waits for the lock.
	my $waiter = IPC::Run::start([ 'psql', '-X', '-d', $node->connstr('postgres'), '-c',
			q(WITH new AS (INSERT INTO t SELECT 0, 0, max(at) + interval '1 second' FROM t RETURNING *) INSERT INTO s TABLE new; SELECT count(*) FROM ) . $view ], '>', \my $out, '2>', \my $error)
	  if $what eq 'its matrel';
	if ($waiter)
	{
		$session->query_safe('SAVEPOINT a');
		my $refused = $session->query(q(DO $$BEGIN PERFORM weir.flush(); EXCEPTION WHEN deadlock_detected THEN CREATE TEMP TABLE refused (); END$$; SELECT to_regclass('refused')));
		is($refused, 'refused', 'weir.flush() in the transaction that is in its way is an error');
		is($node->safe_psql('postgres', q(SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'WITH new%' AND state = 'active')), '1', 'a synchronous insert waits');
	}
	$session->query_safe('ROLLBACK');
	$session->quit;
	ok($waiter->finish, 'until the lock is gone') if $waiter;
	all_right($what);
}

# What is set aside outlives a crash and a lock that does, too.
$node->safe_psql('postgres', q(BEGIN; LOCK TABLE v_mrel, f_mrel IN EXCLUSIVE MODE; PREPARE TRANSACTION 'lock'));
$node->safe_psql('postgres', 'CALL fill(5)');
$node->poll_query_until('postgres', 'SELECT (SELECT sum(count) FROM beside) = (SELECT count(*) FROM t)') or die 'beside does not get on';
kill_worker($node, 'KILL', 'weir flush worker');
$node->poll_query_until('postgres', 'SELECT true') or die 'no server';
$node->safe_psql('postgres', 'CALL fill(5)');
$node->poll_query_until('postgres', 'SELECT (SELECT sum(count) FROM beside) = (SELECT count(*) FROM t)') or die 'beside does not get on';
$node->poll_query_until('postgres', 'SELECT count(*) = 2 FROM weir.views WHERE waits_since IS NOT NULL') or die 'they do not wait';
is($node->safe_psql('postgres', q(SELECT name, blocked_by FROM weir.views WHERE waits_since IS NOT NULL ORDER BY name)), "f|{0}\nv|{0}", 'views wait for a prepared transaction');
{
	my $client = $node->background_psql('postgres');	# or the worker takes it for a shutdown
	kill_worker($node, 'TERM', 'weir flush worker');
	wait_for_worker($node, 'weir flush worker');
	$client->quit;
}
$node->safe_psql('postgres', "ROLLBACK PREPARED 'lock'");
all_right('after a crash');

# One that gets more columns: what was set aside has none of them.
{
	$node->safe_psql('postgres', 'CREATE VIEW r AS SELECT k, count(*) FROM s GROUP BY k; CREATE TABLE before AS TABLE t; CALL fill(2)');
	my $session = $node->background_psql('postgres');
	$session->query_safe('BEGIN; CREATE OR REPLACE VIEW r AS SELECT k, count(*), sum(x), max(x) FROM s GROUP BY k');
	$node->safe_psql('postgres', 'CALL fill(5)');
	$node->poll_query_until('postgres', q(SELECT count(*) = 1 FROM weir.views WHERE waits_since IS NOT NULL)) or die 'it does not wait';
	$session->query_safe('COMMIT');
	$session->quit;
	$node->safe_psql('postgres', 'CREATE TABLE until AS TABLE t; CALL fill(2)');
	flush($node);
	same($node, 'TABLE r', q(SELECT k, count, sum, max FROM (SELECT k, count(*) FROM (TABLE t EXCEPT ALL TABLE before) a GROUP BY k) a
		LEFT JOIN (SELECT k, sum(x), max(x) FROM (TABLE t EXCEPT ALL TABLE until) b GROUP BY k) b USING (k)), 'columns are added while it waits');
	$node->safe_psql('postgres', 'DROP VIEW r');
}

# One that is dropped while there is no flush worker, of which nobody knows then.
{
	$node->safe_psql('postgres', q(CREATE VIEW r AS SELECT k, count(*) FROM s GROUP BY k));
	my $session = $node->background_psql('postgres');
	$session->query_safe('BEGIN; LOCK TABLE r_mrel');
	$node->safe_psql('postgres', 'CALL fill(2)');
	$node->poll_query_until('postgres', q(SELECT count(*) = 1 FROM weir.views WHERE waits_since IS NOT NULL)) or die 'it does not wait';
	$session->query_safe('DROP VIEW r');
	my $worker = worker_pid($node, 'weir flush worker');
	kill 'STOP', $worker;
	$session->query_safe('COMMIT');
	kill 'TERM', $worker;
	kill_worker($node, 'CONT', 'weir flush worker');
	wait_for_worker($node, 'weir flush worker');
	$session->quit;
	$node->safe_psql('postgres', 'CALL fill(1)');
	all_right('dropped without a worker');
}

# Without bound it is not: the view is suspended; what was set aside of it is written all the same.
{
	my $session = $node->background_psql('postgres');
	$session->query_safe('BEGIN; LOCK TABLE l_mrel IN EXCLUSIVE MODE');
	$node->safe_psql('postgres', q(SET weir.synchronous_insert = off; INSERT INTO s SELECT 31, i, '2019-01-01' FROM generate_series(1, 300000) i));
	$node->poll_query_until('postgres', q(SELECT state = 'suspended' FROM weir.views WHERE name = 'l')) or die 'it is not suspended';
	like($node->safe_psql('postgres', q(SELECT reason FROM weir.views WHERE name = 'l')), qr/weir.set_aside_limit is set aside: "l_mrel" is locked/, 'the reason is told');
	$node->safe_psql('postgres', q(SET weir.synchronous_insert = off; INSERT INTO s SELECT 32, 1, '2019-01-01'));
	is($node->safe_psql('postgres', 'SELECT count FROM beside WHERE k = 31'), '300000', 'other views go on');
	$session->query_safe('COMMIT');
	$session->quit;
	flush($node);
	is($node->safe_psql('postgres', 'SELECT count(*) FROM l WHERE k = 31'), '300000', 'what was set aside is written');
	is($node->safe_psql('postgres', 'SELECT count(*) FROM l WHERE k = 32'), '0', 'what came later is not');
	$node->safe_psql('postgres', q(SELECT weir.activate('l'); INSERT INTO s VALUES (33, 1, '2019-01-01')));
	is($node->safe_psql('postgres', 'SELECT count(*) FROM l WHERE k = 33'), '1', 'the view counts again');
}

# Two that are locked by one session, one is dropped: who waits for it waits no more.
{
	my $session = $node->background_psql('postgres');
	$session->query_safe('BEGIN; DROP VIEW v; LOCK TABLE p_mrel IN SHARE MODE');
	my $waiter = IPC::Run::start([ 'psql', '-X', '-d', $node->connstr('postgres'), '-c', q(INSERT INTO s VALUES (34, 1, '2019-01-01')) ], '>', \my $out, '2>', \my $error);
	$node->poll_query_until('postgres', q(SELECT count(*) = 2 FROM weir.views WHERE waits_since IS NOT NULL)) or die 'they do not wait';
	$session->query_safe('COMMIT');
	$session->quit;
	ok($waiter->finish, 'a view that is dropped is waited for no more');
	flush($node);
	ok($node->poll_query_until('postgres', 'SELECT count(*) = 0 FROM weir.set_aside'), 'and what was set aside of it is gone');
}
unlike(PostgreSQL::Test::Utils::slurp_file($node->logfile), qr/deadlock detected(?!.*PERFORM)/, 'no deadlock');
$node->stop;
done_testing();
