# Over 10,000 windows the matrels of views with ttl, or emit = final and retention, and shared memory stay as small as after the first few.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use WeirTest;
use Test::More;

my $node = weir_cluster('bounded');
$node->safe_psql('postgres', q(
	SELECT weir.set_clock('2030-01-01 00:00+00');
	CREATE FOREIGN TABLE s (k int, ts timestamptz) SERVER weir OPTIONS (event_time 'ts', watermark '1 second');
	CREATE VIEW final WITH (emit = final, retention = '1 minute') AS
		SELECT k, window_start, count(*) FROM s, weir.tumble(ts, '1 second') GROUP BY 1, 2;
	CREATE VIEW sessions WITH (emit = final, retention = '1 minute') AS
		SELECT k, window_start, window_end, count(*) FROM s, weir.session(ts, '300 milliseconds') GROUP BY 1, 2, 3;
	CREATE VIEW living WITH (ttl = '1 minute', ttl_column = 'window_start') AS
		SELECT k, window_start, count(*) FROM s, weir.tumble(ts, '1 second') GROUP BY 1, 2));

my @used;
for my $portion (0 .. 9)
{
	my $begin = "'2030-01-01 00:00+00'::timestamptz + $portion * interval '1000 seconds'";

	$node->safe_psql('postgres', qq(
		INSERT INTO s SELECT j % 3, $begin + j * interval '500 ms' FROM generate_series(0, 1999) j;
		SELECT weir.set_clock($begin + interval '1000 seconds'), weir.flush()));
	# What the views keep: the last minute and what the window is long; everything else goes with the next looks of the flush worker.
	$node->poll_query_until('postgres', q(
		SELECT (SELECT count(*) FROM final_mrel) < 300 AND (SELECT count(*) FROM sessions_mrel) < 300 AND (SELECT count(*) FROM living_mrel) < 300))
		or BAIL_OUT("state is not deleted after portion $portion");
	flush($node);
	push @used, $node->safe_psql('postgres', q(SELECT used FROM weir.stat_memory WHERE area = 'groups'));
}
my ($most) = sort { $b <=> $a } @used;
cmp_ok($most, '<=', $used[0] + 65536, "shared memory after each portion: $used[0] at first, never more than $most");
is($node->safe_psql('postgres', q(SELECT count(*), sum(count) FROM living WHERE window_start >= '2030-01-01 02:46:00+00')), '80|80',
	'what is left is right');
is($node->safe_psql('postgres', q(SELECT count(*) FROM weir.views WHERE state <> 'active')), '0', 'no view is suspended');
$node->stop('fast');
done_testing();
