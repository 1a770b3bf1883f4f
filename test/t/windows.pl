# Every kind of window over NEXMark events, shuffled within the watermark and beyond it, in random portions, with
# restarts and kills in between: equal to batch, every late row accounted for, and what emit = final showed never changes.
# WEIR_EVENTS: how many (make torture sets it).
use strict;
use warnings;
use WeirTest;
use Test::More;

my $node = weir_cluster('windows', conf => "weir.ingest_workers = 2\nmax_wal_size = 4GB\n");
ok(python($node, 'windows.py', $node->data_dir, $node->logfile, $ENV{WEIR_EVENTS} || 20000, $ENV{WEIR_SEED} || ''),
	'the events end well');
$node->stop('fast');
done_testing();
