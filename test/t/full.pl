# With weir.memory full: DDL gets through, dead letters go to disk, and nobody waits for ever.
use strict;
use warnings;
use WeirTest;
use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = weir_cluster('full', conf => "weir.memory = '8MB'");
$node->safe_psql('postgres', q(
	CREATE FOREIGN TABLE s (x int) SERVER weir;
	CREATE VIEW v AS SELECT count(*) FROM s));

# Inserters that hold a lock on the stream wait for memory, DDL for them, and the worker for the DDL.
my $worker = wait_for_worker($node, 'weir ingest worker', 'postgres');
kill 'STOP', $worker;
my $script = $node->basedir . '/inserts.sql';
append_to_file($script, "SET weir.synchronous_insert = off;\n" . "INSERT INTO s VALUES (1);\n" x 8000);
my @inserters = map {
	IPC::Run::start([ 'psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('postgres'), '-f', $script ],
		'<', \undef, '>', '/dev/null', '2>&1');
} 1 .. 4;
for (1 .. 1200)
{
	last if $node->safe_psql('postgres',
		q(SELECT count(*) FROM pg_locks l JOIN pg_class c ON l.relation = c.oid, weir.stat_memory m
		  WHERE c.relname = 's' AND m.area = 'queue' AND m.used > m."limit" - 1000)) == 4;
	select undef, undef, undef, 0.05;
}
my $out = '';
my $ddl = IPC::Run::start([ 'psql', '-XqAt', '-d', $node->connstr('postgres'), '-c', 'ALTER FOREIGN TABLE s ADD COLUMN y int' ],
	'<', \undef, '>', \$out, '2>&1', IPC::Run::timeout(60));
$node->poll_query_until('postgres', q(SELECT count(*) = 1 FROM pg_locks l JOIN pg_class c ON l.relation = c.oid
	WHERE c.relname = 's' AND NOT l.granted)) or die;
kill 'CONT', $worker;
ok(eval { $ddl->finish }, 'ALTER FOREIGN TABLE ends') or diag $@ || $out;
ok($_->finish, 'an inserter ends') for @inserters;
flush($node);
is($node->safe_psql('postgres', 'TABLE v'), 4 * 8000, 'all rows count, once');

# More dead letters than fit.
$node->safe_psql('postgres', q(
	CREATE FOREIGN TABLE d (x int, t text) SERVER weir;
	CREATE VIEW inverse AS SELECT sum(1 / x) FROM d;
	CREATE VIEW number AS SELECT count(*) FROM d;
	SET statement_timeout = '60s';
	INSERT INTO d SELECT 0, repeat('x', 1024 * 1024) FROM generate_series(1, 10);
	INSERT INTO d VALUES (1)));
is($node->safe_psql('postgres', 'TABLE inverse'), '1', 'rows behind dead letters count');
is($node->safe_psql('postgres', 'TABLE number'), '11', 'and those of other views');
is($node->safe_psql('postgres', q(SELECT count(*) FROM weir.dead_letters WHERE length(payload) > 1024 * 1024)),
	'10', 'all dead letters are kept, whole');
$node->stop;
done_testing();
