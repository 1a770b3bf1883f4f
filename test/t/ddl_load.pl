# DDL under load: no deadlock, no wrong count, no error on the inserters.
# WEIR_SECONDS: how long (make torture sets it).
use strict;
use warnings;
use IPC::Run;
use WeirTest;
use Test::More;

my $node = weir_cluster('ddl_load', conf => "deadlock_timeout = '20ms'\nlog_lock_waits = off");

# A transaction that drops one view, and then, while groups of it are set aside, another one that the flush writes too.
for my $order ([ 'v1', 'v2' ], [ 'v2', 'v1' ])
{
	my ($first, $second) = @$order;
	$node->safe_psql('postgres', q(CREATE FOREIGN TABLE t (k int) SERVER weir;
		CREATE VIEW v1 AS SELECT k, count(*) FROM t GROUP BY k;
		CREATE VIEW v2 AS SELECT k, mode() WITHIN GROUP (ORDER BY k) FROM t GROUP BY k;
		CREATE VIEW v3 AS SELECT k, count(*) FROM t GROUP BY k; INSERT INTO t VALUES (1)));
	my $ddl = IPC::Run::start([ 'psql', '-X', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('postgres'),
			'-c', "BEGIN; DROP VIEW $first",
			'-c', q(DO $$BEGIN
				WHILE NOT EXISTS (SELECT FROM weir.view_troubles_raw() WHERE waits_since < clock_timestamp() - interval '0.3 s') LOOP
					PERFORM pg_sleep(0.01);
				END LOOP;
			END$$),
			'-c', "DROP VIEW $second; COMMIT" ], '>', \my $out, '2>', \my $error);
	$node->poll_query_until('postgres', "SELECT count(*) > 0 FROM pg_locks WHERE relation = '${first}_mrel'::regclass AND mode = 'AccessExclusiveLock' AND granted")
		or die 'nothing is locked';
	$node->safe_psql('postgres', 'SET weir.synchronous_insert = off; INSERT INTO t VALUES (1)');
	ok($ddl->finish, "$first and $second are dropped while the first waits") or diag($error);
	flush($node);
	is($node->safe_psql('postgres', q(SELECT name, (SELECT count FROM v3) FROM weir.views WHERE name LIKE 'v_')), 'v3|2', 'the flush goes on');
	$node->safe_psql('postgres', 'DROP FOREIGN TABLE t CASCADE');
}

# The flush worker builds anew what it knows of a view, for which it opens the def view; DROP VIEW has locked that before it wants the matrel.
$node->safe_psql('postgres', q(CREATE FOREIGN TABLE t (k int) SERVER weir;
	CREATE VIEW v1 AS SELECT k, count(*) FROM t GROUP BY k; CREATE VIEW v2 AS SELECT count(*) FROM t; INSERT INTO t VALUES (1)));
$node->safe_psql('postgres', $_) for "ALTER SYSTEM SET weir.flush_interval = '2s'", 'SELECT pg_reload_conf()';
{
	my $ddl = $node->background_psql('postgres', on_error_stop => 1);
	$node->safe_psql('postgres', 'SET weir.synchronous_insert = off; INSERT INTO t VALUES (1)');
	$node->poll_query_until('postgres', q(SELECT sum(rows) = 2 FROM weir.stat_stream WHERE name = 't')) or die 'not taken in';
	$ddl->query_safe('BEGIN; LOCK TABLE weir.v1_def');
	$node->safe_psql('postgres', 'CREATE TYPE something AS (x int)');
	sleep 3;
	$ddl->query_safe('LOCK TABLE v2_mrel, v1_mrel');
	$ddl->query_safe('COMMIT');
	$ddl->quit;
	flush($node);
	is($node->safe_psql('postgres', q(SELECT v1.count, v2.count FROM v1, v2)), '2|2', 'what a flush opens is locked in one order');
	$node->safe_psql('postgres', 'DROP FOREIGN TABLE t CASCADE');
}
$node->safe_psql('postgres', $_) for 'ALTER SYSTEM RESET weir.flush_interval', 'SELECT pg_reload_conf()';

ok(python($node, 'ddl_load.py', $ENV{WEIR_SECONDS} || 20), 'the script ends well');
my $log = PostgreSQL::Test::Utils::slurp_file($node->logfile);
unlike($log, qr/deadlock detected/, 'no deadlock');
is($node->safe_psql('postgres', q(SELECT count(*) FROM weir.views WHERE state <> 'active')), '0', 'no view is suspended');
$node->stop;
done_testing();
