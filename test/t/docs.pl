# Every SQL block of README.md and doc/ runs as written, page by page, from top to bottom, in a fresh database.
use strict;
use warnings;
use WeirTest;
use PostgreSQL::Test::Utils;
use Test::More;

# No broker answers at the addresses that pages give; what is created does not need one.
my $node = weir_cluster('docs', conf => "wal_level = logical\nmax_worker_processes = 64");
$node->safe_psql('postgres', 'CREATE ROLE alice');

my @pages = ('README.md', sort glob 'doc/*.md');
my $n = 0;
for my $page (@pages)
{
	open my $in, '<', $page or die "$page: $!";
	my $text = do { local $/; <$in> };
	my @blocks = $text =~ /^```sql\n(.*?)^```/msg;
	next unless @blocks;
	my $db = 'page' . ++$n;
	my $sql = join "\n", @blocks;
	$sql =~ s/'a:9092,b:9092'/'localhost:9092'/;
	$node->safe_psql('postgres', "CREATE DATABASE $db");
	$node->safe_psql($db, 'CREATE EXTENSION weir') unless $sql =~ /CREATE EXTENSION weir/;
	my ($ret, $out, $err) = $node->psql($db, $sql, on_error_stop => 1, timeout => 60);
	$err = join "\n", grep { !/NOTICE|HINT|DETAIL/ } split /\n/, $err // '';
	ok($ret == 0, "the SQL of $page runs") or diag $err;
	$node->safe_psql('postgres', "DROP DATABASE $db");
}
ok($n > 5, 'pages have SQL');
done_testing();
