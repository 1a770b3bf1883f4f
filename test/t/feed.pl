# Large transactions hand their rows to a worker while they run: seen by nobody before the commit, gone with a
# rollback, and nobody waits for them.
use strict;
use warnings;
use WeirTest;
use Test::More;

for my $workers (1, 2)
{
	my $node = weir_cluster("feed$workers", conf => "weir.ingest_workers = $workers\nweir.memory = '64MB'\n");
	note "$workers ingest worker(s)";
	ok(python($node, 'feed.py'), 'the script ends well');
	$node->stop('fast');
}
done_testing();
