# More views than the server's lock table has room for: each counts all the same, and others hardly notice.
use strict;
use warnings;
use Time::HiRes qw(time);
use WeirTest;
use Test::More;

my $views = 150;
my $node = weir_cluster('lock_table');

$node->safe_psql('postgres', q(
	CREATE FOREIGN TABLE innocent (i int) SERVER weir;
	CREATE VIEW innocent_v AS SELECT count(*), sum(i) FROM innocent;
	CREATE FOREIGN TABLE s (k int, x int) SERVER weir;));
$node->safe_psql('postgres',
	join('', map { "CREATE VIEW v$_ AS SELECT k, count(*), count(DISTINCT x) AS d, sum(x) FROM s GROUP BY k;\n" } 1 .. $views));
$node->append_conf('postgresql.conf', "max_locks_per_transaction = 10\nmax_connections = 10\nmax_worker_processes = 6\n" .
	"max_wal_senders = 0\nautovacuum_max_workers = 1\nmax_prepared_transactions = 0");
$node->restart;

# Thirty rows for all views, and meanwhile one after the other for the innocent one.
sub insert
{
	my ($name) = @_;
	my ($err, $longest) = ('', 0);
	my $busy = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-c',
		'INSERT INTO s SELECT g % 3, g FROM generate_series(1, 30) g' ], '<', \undef, '2>', \$err);

	for (1 .. 10)
	{
		my $start = time();

		$node->safe_psql('postgres', 'INSERT INTO innocent VALUES (1)');
		$longest = time() - $start if time() - $start > $longest;
	}
	$busy->finish;
	is($err, '', $name);
	cmp_ok($longest, '<', 5, "... and nobody else waits for long");
	return;
}

# What all views show, as one.
sub shown
{
	my @rows = split /\n/, $node->safe_psql('postgres',
		join('', map { "SELECT count(*), sum(count), sum(d), sum(sum) FROM v$_;\n" } 1 .. $views));
	my %different = map { $_ => 1 } @rows;

	return join ' ', sort keys %different;
}

insert('rows for more views than there are locks');
is(shown(), '3|30|30|465', 'are in all of them');
insert('and again');
is(shown(), '3|60|30|930', 'once');
is($node->safe_psql('postgres', 'SELECT * FROM innocent_v'), '20|20', 'so are others');
is($node->safe_psql('postgres', q(SELECT count(*) FROM weir.views WHERE state <> 'active')), '0', 'no view is suspended');
$node->stop;
done_testing();
