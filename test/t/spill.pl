# Groups that went to several files are merged when they are flushed: every kind of key, an empty matrel and a full one.
# The limit of temporary files is of sessions, not of workers.
use strict;
use warnings;
use WeirTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = weir_cluster('spill', conf => "weir.memory = '16MB'\nweir.batch_rows = 20000\nmax_wal_size = '4GB'\ntemp_file_limit = '64kB'");
$ENV{PGOPTIONS} = '-c temp_file_limit=-1';
my %views = (
	int_key => q(SELECT k, count(*), sum(k), min(x), max(x), avg(x), stddev(x) FROM %s GROUP BY k),
	two_keys => q(SELECT d, k, count(*), sum(x) FROM %s GROUP BY d, k),
	descending => q(SELECT u, count(*), max(x) FROM %s GROUP BY u),
	text_key => q(SELECT t, count(*), sum(k), bool_or(k %% 2 = 0) FROM %s GROUP BY t),
	nothing_but_keys => q(SELECT DISTINCT k, d FROM %s),
	ungrouped => q(SELECT count(*), sum(x), avg(k) FROM %s),
	rows_as_they_are => q(SELECT k, t FROM %s WHERE k %% 7 = 0),
	in_order => q(SELECT (x * 8)::int AS i FROM %s));
my $columns = 'k int, d date, t text, u uuid, x numeric';
$node->safe_psql('postgres', "CREATE FOREIGN TABLE s ($columns) SERVER weir; CREATE TABLE r ($columns)");
$node->safe_psql('postgres', sprintf "CREATE VIEW $_ AS $views{$_}", 's') for sort keys %views;

# Keys come again in another order in each part of a transaction; some are NULL.
sub rows
{
	my ($n, $groups) = @_;
	return qq(SELECT nullif(k, 5), nullif(date '2020-01-01' + k % 50, '2020-01-08'), nullif(repeat('key ', k % 9) || k, '11'),
			md5(k::text)::uuid, i / 8.0
		FROM (SELECT i, (i * 7919 % $n * 31 % $groups)::int - 1000 AS k FROM generate_series(1, ${n}::bigint) i) g);
}

sub files
{
	return scalar grep { /groups\d/ } split /\n/, `find @{[ $node->data_dir ]}/base -name 'groups*' 2>/dev/null`;
}

# i grows within a transaction, and begins anew in each of so many.
sub compare
{
	my ($transactions, $when) = @_;
	for my $view (sort keys %views)
	{
		my $batch = sprintf $views{$view}, 'r';
		is($node->safe_psql('postgres', qq(
			SELECT count(*) FROM ((TABLE $view EXCEPT ALL ($batch)) UNION ALL (($batch) EXCEPT ALL TABLE $view)) d)),
			'0', "$view is as batch, $when");
	}
	is($node->safe_psql('postgres', 'SET synchronize_seqscans = off; SELECT count(*) + 1 FROM (SELECT i, lag(i) OVER () AS before FROM in_order) q WHERE i < before'),
		$transactions, "rows are in the order of their transactions, $when");
	is($node->safe_psql('postgres', q(SELECT count(*) FROM weir.views WHERE state <> 'active')), '0', "all are active, $when");
}

# What an open transaction has handed over is in files.
sub insert_in_files
{
	my ($least, $n, $groups) = @_;
	my $client = $node->background_psql('postgres');
	$client->query_safe('SET client_min_messages = error');	# the flush may take its time
	$client->query_safe('BEGIN');
	$client->query_safe('INSERT INTO s ' . rows($n, $groups));
	my $files = files();
	cmp_ok($files, ">", $least, "groups went to more than $least files ($files)");
	$client->query_safe('COMMIT');
	$client->quit;
	$node->safe_psql('postgres', 'INSERT INTO r ' . rows($n, $groups));
}

insert_in_files(3, 120_000, 40_000);
compare(1, 'into empty matrels');

# A transaction that has an id takes the way by its own file.
$node->safe_psql('postgres', 'BEGIN; CREATE TABLE has_xid (); INSERT INTO s ' . rows(60_000, 50_000) . '; COMMIT');
$node->safe_psql('postgres', 'INSERT INTO r ' . rows(60_000, 50_000));
compare(2, 'into full ones');

# More files than are merged at once.
$node->safe_psql('postgres', "ALTER SYSTEM SET weir.memory = '8MB'");
$node->safe_psql('postgres', "ALTER SYSTEM SET weir.batch_rows = 1000");
$node->restart;
$node->safe_psql('postgres', "SELECT weir.truncate('$_')") for keys %views;
$node->safe_psql('postgres', 'TRUNCATE r');
insert_in_files(16, 220_000, 200_000);
compare(1, 'of very many files');
$node->stop;
done_testing();
