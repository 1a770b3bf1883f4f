# The memory of workers stays what it is over hundreds of epochs, with views of every kind.  WEIR_EPOCHS=N: over so many.
use strict;
use warnings;
use PostgreSQL::Test::Utils;
use WeirTest;
use Test::More;

my $epochs = $ENV{WEIR_EPOCHS} || 400;
my $warm_up = 250;
my $tolerance = 96 * 1024;

my $node = weir_cluster('flat', conf => "timezone = 'UTC'\nautovacuum = off\n");
$node->safe_psql('postgres', q(
	SELECT weir.set_clock('2030-01-01 00:00:00');
	CREATE TYPE mood AS ENUM ('low', 'high');
	CREATE TYPE pair AS (x int, m mood);
	CREATE TABLE names (k text PRIMARY KEY, name text);
	INSERT INTO names SELECT 'k' || i, 'name ' || i FROM generate_series(0, 4) i;
	CREATE FOREIGN TABLE s (k text, x int, n numeric, m mood, at timestamptz) SERVER weir OPTIONS (event_time 'at', watermark '10 seconds');
	CREATE FOREIGN TABLE other (k text, n numeric) SERVER weir;
	CREATE VIEW plain AS SELECT k, m, count(*), sum(x), avg(n), stddev(x), min(k), max(n), avg(x * interval '1 hour') AS i FROM s GROUP BY k, m;
	CREATE VIEW total AS SELECT count(*), avg(n) FROM s;
	CREATE VIEW differ AS SELECT DISTINCT ROW(x % 5, m)::pair FROM s;
	CREATE VIEW "values" AS SELECT k, count(DISTINCT x % 7), percentile_cont(0.5) WITHIN GROUP (ORDER BY x % 5) FROM s GROUP BY ROLLUP (k);
	CREATE VIEW kept AS SELECT k, weir.last(ROW(x, m)::pair, at), weir.top_n(3, k, n), weir.first(m, x) FROM s GROUP BY k;
	CREATE VIEW sketches AS SELECT k, weir.approx_count_distinct(x), weir.freq_total(weir.freq_agg(m)), weir.bloom_cardinality(weir.bloom_agg(x % 9)),
		weir.topk_freqs(weir.topk_agg(m, 2)) FROM s GROUP BY k;
	CREATE VIEW listed WITH (late = drop, retention = '1 minute') AS SELECT window_start, array_agg(m), string_agg(k, ','), json_agg(n), jsonb_agg(ROW(x, m)::pair)
		FROM s, weir.tumble(at, '10 seconds') GROUP BY window_start;
	CREATE VIEW sliding WITH (sw = '1 minute', sw_column = 'at', step_factor = 10) AS SELECT k, count(*), avg(n) FROM s GROUP BY k;
	CREATE VIEW blocks WITH (sw = '2 minutes', sw_column = 'at', step_factor = 1) AS SELECT k, count(*), avg(n), array_agg(x) FROM s GROUP BY k;
	CREATE VIEW hop WITH (emit = final, retention = '1 minute') AS SELECT window_start, k, count(*), avg(n) FROM s, weir.hop(at, '5 seconds', '20 seconds') GROUP BY 1, 2;
	CREATE VIEW sessions WITH (emit = final, late = divert, retention = '1 minute') AS SELECT k, window_start, window_end, count(*) FROM s, weir.session(at, '3 seconds') GROUP BY 1, 2, 3;
	CREATE VIEW parts WITH (partition_by = 'hour', partition_interval = '1 hour', retention = '3 hours') AS
		SELECT date_bin('1 minute', arrival_timestamp, '2000-01-01') AS hour, k, count(*) FROM s GROUP BY 1, 2;
	CREATE VIEW log WITH (ttl = '1 minute', ttl_column = 'at') AS SELECT k, x, at FROM s WHERE x % 3 = 0;
	CREATE VIEW joined AS SELECT n.name, count(*) FROM s LEFT JOIN names n USING (k) GROUP BY n.name;
	CREATE VIEW united AS SELECT k, avg(n) FROM (SELECT k, n FROM s UNION ALL SELECT k, n FROM other) u GROUP BY k;
	CREATE VIEW divided AS SELECT sum(10 / (x % 50)) FROM s));

# Each COMMIT waits for its epoch; one row in ten epochs is a dead letter, one is late.
my $done = 0;
sub epochs
{
	my ($n) = @_;
	$node->safe_psql('postgres', qq(
		DO \$\$
		BEGIN
			FOR e IN $done + 1 .. $done + $n LOOP
				INSERT INTO s SELECT 'k' || i % 6, e * 7 + i, i / 7.0, CASE WHEN i % 3 = 0 THEN 'low' ELSE 'high' END::mood, weir.clock() - i * interval '300 ms'
					FROM generate_series(1, 12) i WHERE (e * 7 + i) % 50 > 0 OR e % 10 = 0;
				IF e % 10 = 0 THEN
					INSERT INTO s VALUES ('k1', 1, 1, 'low', weir.clock() - interval '5 minutes');
					INSERT INTO other VALUES ('k1', e);
				END IF;
				COMMIT;
				PERFORM weir.advance_clock(CASE WHEN e % 20 = 0 THEN interval '30 minutes' ELSE interval '1 second' END);
			END LOOP;
		END \$\$));
	$done += $n;
}

# Bytes that a process uses by name of memory context, as it logs them; the sum of all under ''.
sub contexts
{
	my ($pid) = @_;
	my $from = -s $node->logfile;
	$node->safe_psql('postgres', "SELECT pg_log_backend_memory_contexts($pid)");
	my (%used, $log);
	for (1 .. 600)
	{
		$log = substr(slurp_file($node->logfile), $from);
		last if $log =~ /\[$pid\].*Grand total:/;
		select undef, undef, undef, 0.1;
	}
	$used{$1} += $2 while $log =~ /\[$pid\] .*?level: \d+; ([^:\n]+?): \d+ total in .*? (\d+) used/g;
	($used{''}) = $log =~ /\[$pid\] .*Grand total: .* (\d+) used/ or die 'no memory contexts in the log';
	return \%used;
}

# The least of some looks: a worker keeps its transaction open for the next rows.
sub memory
{
	my ($pid) = @_;
	my $least;
	for (1 .. 3)
	{
		my $now = contexts($pid);
		$least = $now if !$least || $now->{''} < $least->{''};
		$node->safe_psql('postgres', 'SELECT pg_sleep(0.2)');
	}
	my ($rss) = slurp_file("/proc/$pid/status") =~ /^RssAnon:\s+(\d+) kB/m;
	return ($least, $rss * 1024);
}

my %pid = map { $_ => wait_for_worker($node, "weir $_ worker", 'postgres') } 'ingest', 'flush';
my (%before, %rss);
epochs($warm_up);
($before{$_}, $rss{$_}) = memory($pid{$_}) for keys %pid;
my $flushes = $node->safe_psql('postgres', q(SELECT flushes FROM weir.stat_view WHERE view = 'plain'::regclass));
epochs($epochs);
cmp_ok($node->safe_psql('postgres', q(SELECT flushes FROM weir.stat_view WHERE view = 'plain'::regclass)) - $flushes, '>=', $epochs, "$epochs epochs");
for my $kind (sort keys %pid)
{
	my ($after, $rss) = memory($pid{$kind});
	my $grown = $after->{''} - $before{$kind}{''};
	is(worker_pid($node, "weir $kind worker", 'postgres'), $pid{$kind}, "the $kind worker is the same");
	note "$kind worker: $before{$kind}{''} bytes, then $after->{''}; resident $rss{$kind}, then $rss";
	cmp_ok($grown, '<=', $tolerance, "the $kind worker uses no more memory") or diag map {
		my $more = ($after->{$_} // 0) - ($before{$kind}{$_} // 0);
		abs($more) > 4096 ? "$_: $more\n" : ()
	} sort keys %$after;
	cmp_ok($rss - $rss{$kind}, '<=', 8 * $tolerance, "nor does its process");
}
is($node->safe_psql('postgres', q(SELECT string_agg(name || ': ' || reason, ', ') FROM weir.views WHERE state <> 'active')), '', 'no view is suspended');
is($node->safe_psql('postgres', 'SELECT count(*) > 0 FROM weir.dead_letters'), 't', 'there were dead letters');
is($node->safe_psql('postgres', 'SELECT count(*) > 0 FROM weir.late_rows'), 't', 'and late rows');
cmp_ok($node->safe_psql('postgres', q(SELECT count(*) FROM pg_inherits WHERE inhparent = 'parts_mrel'::regclass)), '<=', 6, 'partitions were dropped');
$node->stop;
done_testing();
