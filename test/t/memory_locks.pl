# Who waits for memory holds no lock that DDL waits for, and does nothing meanwhile.
use strict;
use warnings;
use WeirTest;
use Test::More;

my $node = weir_cluster('memory_locks', conf => "weir.memory = '16MB'\nweir.batch_rows = 30000\nweir.ingest_workers = 1\n");
$node->safe_psql('postgres', q(
	CREATE FOREIGN TABLE s (k int) SERVER weir;
	CREATE VIEW v AS SELECT k, count(*) FROM s GROUP BY k;
	CREATE FOREIGN TABLE other (k int) SERVER weir;
	CREATE VIEW other_v AS SELECT count(*), sum(k) FROM other));

# Nothing is freed while the flush worker stands still.
my $flush = wait_for_worker($node, 'weir flush worker');
my $ingest = wait_for_worker($node, 'weir ingest worker');
kill 'STOP', $flush;
my $waiting = "SELECT count(*) FROM pg_stat_activity WHERE pid = $ingest AND query = 'waiting for memory'";
my $rows = 0;
until ($rows == 300_000 || $node->safe_psql('postgres', $waiting))
{
	$node->safe_psql('postgres', join(';', 'SET weir.synchronous_insert = off',
		map { "INSERT INTO s SELECT g FROM generate_series($rows + $_ * 5000 + 1, $rows + $_ * 5000 + 5000) g" } 0 .. 5));
	$rows += 30000;
}
is($node->safe_psql('postgres', $waiting), '1', "the ingest worker waits for memory after $rows groups");

sub cpu_ticks
{
	open my $stat, '<', "/proc/$ingest/stat" or die "stat of $ingest: $!";
	return (split ' ', <$stat>)[13];
}
my $before = cpu_ticks();
my ($code, $out, $err) = $node->psql('postgres', q(SET statement_timeout = '5s';
	ALTER FOREIGN TABLE s ALTER k SET DEFAULT 1; ALTER FOREIGN TABLE s ADD COLUMN more int;
	CREATE VIEW w AS SELECT count(*) FROM s; DROP VIEW w));
is("$code $err", '0 ', 'DDL on the stream goes through');
sleep 1;
is($node->safe_psql('postgres', $waiting), '1', 'the worker still waits');
cmp_ok(cpu_ticks() - $before, '<', 50, 'and does not try all the time');
kill 'CONT', $flush;

$node->safe_psql('postgres', 'INSERT INTO other VALUES (1), (2)');
flush($node);
is($node->safe_psql('postgres', 'SELECT * FROM other_v'), '2|3', 'another stream');
is($node->safe_psql('postgres', 'SELECT count(*), sum(count), min(k), max(k) FROM v'), "$rows|$rows|1|$rows", 'every row counts once');
$node->stop;
done_testing();
