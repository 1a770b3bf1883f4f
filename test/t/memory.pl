# Five million groups pass through a small weir.memory: exact, and never above it.
use strict;
use warnings;
use WeirTest;
use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;

my $groups = 5_000_000;
my $node = weir_cluster('memory', conf => "weir.memory = '64MB'\nmax_wal_size = '4GB'");
$node->safe_psql('postgres', q(
	CREATE FOREIGN TABLE s (k bigint) SERVER weir;
	CREATE VIEW v AS SELECT k, count(*), sum(k) FROM s GROUP BY k));

my ($out, $err) = ('', '');
my $insert = IPC::Run::start(
	[ 'psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('postgres'), '-c',
		"INSERT INTO s SELECT g FROM generate_series(1, $groups) g" ],
	'<', \undef, '>', \$out, '2>', \$err);

my $limit = 64 * 1024 * 1024;
my ($most, $polls) = (0, 0);
while ($insert->pumpable)
{
	my $used = $node->safe_psql('postgres', q(SELECT used FROM weir.stat_memory WHERE area = 'total'));
	$most = $used if $used > $most;
	$polls++;
	IPC::Run::pump_nb($insert);
	select undef, undef, undef, 0.1;
}
ok($insert->finish, 'the INSERT ends well') or diag $err;
$node->safe_psql('postgres', 'SELECT weir.flush()');

is($node->safe_psql('postgres', 'SELECT count(*), sum(count), min(count), max(count), sum(sum), min(k), max(k) FROM v'),
	join('|', $groups, $groups, 1, 1, $groups * ($groups + 1) / 2, 1, $groups), 'every group is there, once');
cmp_ok($most, '<=', $limit, "weir.stat_memory stays below the limit (highest of $polls polls: $most)");
cmp_ok($most, '>', 1024 * 1024, 'and shows something');
is($node->safe_psql('postgres', q(SELECT bool_and(peak <= "limit") FROM weir.stat_memory)), 't', 'no peak is above its limit');
is($node->safe_psql('postgres', q(SELECT "limit" FROM weir.stat_memory WHERE area = 'total')), $limit, 'the limit is shown');
$node->stop;
done_testing();
