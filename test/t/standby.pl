# A physical standby reads the views, and takes over when promoted.
use strict;
use warnings;
use WeirTest;
use PostgreSQL::Test::Cluster;
use Test::More;

my $primary = weir_cluster('primary', init => [ allows_streaming => 1 ]);
$primary->safe_psql('postgres', q(
	CREATE FOREIGN TABLE s (k int, x int) SERVER weir;
	CREATE TABLE t (k int, x int);
	CREATE VIEW v AS SELECT k, count(*), sum(x) FROM s GROUP BY k));

sub insert { $_[0]->safe_psql('postgres', "INSERT INTO $_ SELECT i % 5, i FROM generate_series(1, 100) i") for ('s', 't') }
my $batch = 'SELECT k, count(*), sum(x) FROM t GROUP BY k';

insert($primary);
$primary->backup('backup');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'backup', has_streaming => 1);
$standby->start;

insert($primary);
$primary->wait_for_catchup($standby);
same($standby, 'SELECT * FROM v', $batch, 'the standby shows the view');
is($standby->safe_psql('postgres', 'SELECT count(*) FROM v'), '5', 'with its rows');
my ($status, undef, $stderr) = $standby->psql('postgres', 'INSERT INTO s VALUES (1, 1)');
isnt($status, 0, 'INSERT into a stream is refused');
like($stderr, qr/read-only|recovery/, 'as a standby says it');
is($standby->safe_psql('postgres', q(SELECT count(*) FROM pg_stat_activity
	WHERE backend_type IN ('weir flush worker', 'weir ingest worker', 'weir kafka worker'))), '0', 'no worker runs there');

$primary->stop('immediate');
$standby->promote;
wait_for_worker($standby, 'weir flush worker', 'postgres');
same($standby, 'SELECT * FROM v', $batch, 'after promotion');
insert($standby);
same($standby, 'SELECT * FROM v', $batch, 'rows go on');
$standby->restart;
insert($standby);
same($standby, 'SELECT * FROM v', $batch, 'and after a restart');
$standby->stop;
done_testing();
