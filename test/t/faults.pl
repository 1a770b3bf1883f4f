# Full disks, workers that stand still, a standby and a base backup under a load of many kinds: exact after each.
# WEIR_FAULT_ROUNDS: how often (make torture sets it); then workers stand still for 20 seconds, and are killed as well.
use strict;
use warnings;
use SmallDisks data => '600m', wal => '400m', temp => '250m';
use KafkaTest;
use WeirTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $rounds = $ENV{WEIR_FAULT_ROUNDS};
my %disk = %SmallDisks::dir;
# The emulation starts sooner; it would not outlive a kill.
my (undef, $dir, $broker_sh) = start_broker($rounds ? () : (brokers => 1));
my $node = weir_cluster('faults',
	%disk ? (data => "$disk{data}/pgdata") : (),
	init => [ allows_streaming => 1, extra => [ '--encoding=UTF8', '--no-locale', %disk ? ('--waldir', "$disk{wal}/pg_wal") : () ] ],
	conf => "shared_buffers = 64MB\nmax_connections = 40\nweir.memory = '16MB'\nweir.ingest_workers = 2\nweir.batch_rows = 20000\n"
	  . "wal_keep_size = 128MB\n");
ok(python($node, 'faults.py', $node->data_dir, $node->logfile, $rounds || 1, $ENV{WEIR_SEED} || '', $broker_sh, $dir,
		PostgreSQL::Test::Utils::tempdir, $rounds ? (20) : (0.5, 'short'), map { "$_=$disk{$_}" } sort keys %disk),
	'the faults end well');
# Where memory is full, rows go to files; now and then the area has no room in one piece.
cmp_ok(scalar(() = slurp_file($node->logfile) =~ /weir\.memory is /g), '<', 5, 'workers have the memory to do so');
SKIP: { skip $SmallDisks::reason, 3 unless %disk }
$node->stop('fast');
done_testing();
