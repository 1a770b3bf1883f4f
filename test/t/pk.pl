# A primary key (option pk) makes a materialization table's changes ready for logical replication.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use WeirTest;
use Test::More;

my $node = weir_cluster('publisher', init => [ allows_streaming => 'logical' ]);
$node->safe_psql('postgres', q(
	CREATE FOREIGN TABLE s (k int, t text, x int, at timestamp) SERVER weir;
	CREATE TABLE p (k int, t text, x int, at timestamp);
	CREATE VIEW hits WITH (pk = 't, k') AS SELECT k, t, count(*), sum(x), max(x) FROM s GROUP BY k, t;
	CREATE VIEW days WITH (pk = 'day, k', partition_by = 'day', partition_interval = '1 day', ttl = '3 days', ttl_column = 'day') AS
		SELECT date_trunc('day', at) AS day, k, count(*), min(x) FROM s GROUP BY 1, 2;
	SELECT weir.set_clock('2030-01-02 12:00+00');
	CREATE PUBLICATION pub FOR TABLE hits_mrel, days_mrel WITH (publish_via_partition_root = true)));

# A server without Weir has the tables as they are.
my $subscriber = PostgreSQL::Test::Cluster->new('subscriber');
$subscriber->init(extra => [ '--encoding=UTF8', '--no-locale' ]);
$subscriber->append_conf('postgresql.conf', "shared_preload_libraries = ''");
$subscriber->start;
$subscriber->safe_psql('postgres', q(
	CREATE TABLE hits_mrel (k int, t text, count bigint, sum bigint, max int, PRIMARY KEY (t, k));
	CREATE TABLE days_mrel (day timestamp, k int, count bigint, min int, PRIMARY KEY (day, k))));
my $connstr = $node->connstr . ' dbname=postgres';
$subscriber->safe_psql('postgres', "CREATE SUBSCRIPTION sub CONNECTION '$connstr' PUBLICATION pub");
$subscriber->wait_for_subscription_sync($node, 'sub');

sub insert
{
	my ($first, $last) = @_;
	$node->safe_psql('postgres', "INSERT INTO $_ SELECT i % 7, 'text ' || i % 5, i, timestamp '2030-01-01' + i * interval '1 minute'
		FROM generate_series($first, $last) i") for ('p', 's');
}

my %batch = (
	hits_mrel => 'SELECT k, t, count(*), sum(x), max(x) FROM p GROUP BY k, t',
	days_mrel => q(SELECT date_trunc('day', at), k, count(*), min(x) FROM p GROUP BY 1, 2));

sub compare
{
	my ($what, $where) = @_;
	$node->wait_for_catchup('sub');
	for my $table (sort keys %batch)
	{
		my $filter = $where && $table eq 'days_mrel' ? $where : '';
		is($subscriber->safe_psql('postgres', "SELECT * FROM $table ORDER BY $table"),
			$node->safe_psql('postgres', "SELECT * FROM ($batch{$table}) q $filter ORDER BY q"), "$what: $table");
	}
}

insert(1, 1000);
compare('new groups');
insert(500, 2000);
compare('updated and new groups, one more partition');
# What has expired on the publisher is deleted or truncated there only: partitions go by DROP.
$node->safe_psql('postgres', q(SELECT weir.truncate('hits')));
$node->wait_for_catchup('sub');
is($subscriber->safe_psql('postgres', 'SELECT count(*) FROM hits_mrel'), '0', 'truncated');
$node->safe_psql('postgres', q(INSERT INTO s VALUES (NULL, 'a', 1, '2030-01-01'), (1, 'a', 5, '2030-01-01'), (1, 'a', 6, NULL)));
$node->wait_for_catchup('sub');
is($subscriber->safe_psql('postgres', 'SELECT * FROM hits_mrel'), '1|a|2|11|6', 'a row without key is not there');
is($node->safe_psql('postgres', 'SELECT view, count(*) FROM weir.dead_letters GROUP BY 1 ORDER BY 1'), "hits|1\ndays|2", 'but a dead letter');

$subscriber->stop;
$node->stop;
done_testing();
