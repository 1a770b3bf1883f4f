# A server that was down for a week has a week's rows to delete: it does so in small portions, each a transaction of its own,
# and what is read is right all the while.
use strict;
use warnings;
use WeirTest;
use Test::More;

my $rows = 45000;
my $node = weir_cluster('downtime', conf => "timezone = 'UTC'\n");
$node->safe_psql('postgres', qq(
	SELECT weir.set_clock('2030-01-01 12:00');
	CREATE FOREIGN TABLE s (k int, ts timestamptz) SERVER weir OPTIONS (event_time 'ts');
	CREATE VIEW sliding WITH (sw = '1 hour') AS SELECT k, count(*) FROM s GROUP BY k;
	CREATE VIEW living WITH (ttl = '1 day', ttl_column = 'ts') AS SELECT k, ts, count(*) FROM s GROUP BY k, ts;
	CREATE VIEW final WITH (emit = final, retention = '1 day') AS
		SELECT k, window_start, count(*) FROM s, weir.tumble(ts, '1 minute') GROUP BY k, window_start;
	CREATE VIEW hopping WITH (late = drop, retention = '1 day') AS
		SELECT k, window_start, count(*) FROM s, weir.hop(ts, '1 minute', '2 minutes') GROUP BY k, window_start;
	INSERT INTO s SELECT n, weir.clock() FROM generate_series(1, $rows) n));
my @views = qw(sliding living final hopping);
is($node->safe_psql('postgres', 'SELECT count(*) FROM sliding'), $rows, 'the window is full');
$node->restart;

# A reader that began before sees which transaction deleted what.
my $reader = $node->background_psql('postgres');
$reader->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ');
is($reader->query_safe("SELECT count(*) FROM ${_}_mrel"), $rows, "$_ keeps them over the restart") for @views;
$node->safe_psql('postgres', q(SELECT weir.set_clock('2030-01-08 12:00')));

# Rows come while it catches up; the old ones are seen no more from the first moment on.
my ($looks, $wrong) = (0, 0);
for my $n (1 .. 600)
{
	$node->safe_psql('postgres', "INSERT INTO s VALUES (-$n, weir.clock() + interval '1 hour')");
	$wrong++ if $node->safe_psql('postgres', 'SELECT count(*), min(k) FROM sliding') ne "$n|-$n";
	$wrong++ if $node->safe_psql('postgres', 'SELECT count(*) FROM hopping WHERE k > 0') ne '0';
	$looks = $n;
	last if $node->safe_psql('postgres', join(' AND ', map { "NOT EXISTS (SELECT FROM ${_}_mrel WHERE k > 0)" } @views) =~ s/^/SELECT /r) eq 't';
	select undef, undef, undef, 0.1;
}
cmp_ok($looks, '<', 600, 'all of it is deleted');
is($wrong, 0, "and never shown, in $looks looks");
for (@views)
{
	my ($most, $times) = split /\|/, $reader->query_safe(
		"SELECT max(n), count(*) FROM (SELECT count(*) AS n FROM ${_}_mrel WHERE k > 0 AND xmax <> '0' GROUP BY xmax) x");
	cmp_ok($most, '<=', 10000, "$_: at most $most rows a transaction");
	cmp_ok($times, '>=', $rows / 10000, "$_: in $times transactions");
}
$reader->query_safe('COMMIT');
$reader->quit;
is($node->safe_psql('postgres', q(SELECT count(*) FROM weir.views WHERE state <> 'active')), '0', 'no view is suspended');
$node->stop('fast');
done_testing();
