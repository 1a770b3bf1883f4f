# The system's clock jumps, ahead and back: workers go on with all that they do, and who waits waits no longer than else.
use strict;
use warnings;
use PostgreSQL::Test::Utils;
use WeirTest;
use Test::More;

# A library before the server's own, which adds to the system's time what a file says.
my $dir = PostgreSQL::Test::Utils::tempdir;
append_to_file("$dir/clock.c", <<'C');
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
static volatile long *ahead;
static int (*real_gettime) (clockid_t, struct timespec *);
__attribute__((constructor)) static void begin(void)
{
	ahead = mmap(NULL, sizeof(long), PROT_READ, MAP_SHARED, open(getenv("WEIR_TEST_CLOCK"), O_RDONLY), 0);
	real_gettime = dlsym(RTLD_NEXT, "clock_gettime");
}
int clock_gettime(clockid_t clock, struct timespec *now)
{
	int		result = real_gettime(clock, now);
	if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)
		now->tv_sec += *ahead;
	return result;
}
int gettimeofday(struct timeval *now, void *zone)
{
	struct timespec t;
	real_gettime(CLOCK_REALTIME, &t);
	now->tv_sec = t.tv_sec + *ahead;
	now->tv_usec = t.tv_nsec / 1000;
	return 0;
}
C
$ENV{WEIR_TEST_CLOCK} = "$dir/ahead";
sub set_clock
{
	open(my $file, -e $ENV{WEIR_TEST_CLOCK} ? '+<' : '>', $ENV{WEIR_TEST_CLOCK}) or die;
	print $file pack('l!', $_[0]);
	close $file or die;
	return;
}
set_clock(0);
my ($cc) = split ' ', `pg_config --cc`;
plan skip_all => 'no C compiler to make a clock with'
  if system("$cc -shared -fPIC -o $dir/clock.so $dir/clock.c -ldl") != 0;

my $node = do { local $ENV{LD_PRELOAD} = "$dir/clock.so"; weir_cluster('clock') };
my $hour = 3600;
sub seconds_ahead
{
	return $node->safe_psql('postgres', "SELECT round(extract(epoch FROM clock_timestamp()) - " . time . ")");
}
$node->safe_psql('postgres', q(
	CREATE FOREIGN TABLE s (k int, x int) SERVER weir;
	CREATE TABLE t (k int, x int);
	CREATE VIEW v AS SELECT k, count(*), sum(x) FROM s GROUP BY k;
	CREATE VIEW short WITH (ttl = '1 second', ttl_column = arrival_timestamp) AS SELECT k, arrival_timestamp FROM s;
	CREATE VIEW days WITH (partition_by = 'day', partition_interval = '1 day', retention = '1 day') AS
		SELECT date_trunc('day', arrival_timestamp, 'UTC') AS day, count(*) FROM s GROUP BY 1;
	CREATE FOREIGN TABLE ev (at timestamptz, k int) SERVER weir OPTIONS (event_time 'at', watermark '0 s');
	CREATE VIEW final WITH (emit = final, retention = '1 second') AS SELECT window_start, count(*) FROM ev, weir.tumble(at, '1 s') GROUP BY 1;));

# What must happen within seconds, wherever the clock stands.
my $times = 0;
sub all_goes_on
{
	my ($when) = @_;
	my $start = time;
	$times++;
	$node->safe_psql('postgres', qq(
		SET statement_timeout = '10s';
		INSERT INTO s SELECT i % 3, i FROM generate_series(1, 10) i;
		INSERT INTO t SELECT i % 3, i FROM generate_series(1, 10) i;
		SET weir.synchronous_insert = off;
		INSERT INTO s VALUES (1, 1);
		INSERT INTO t VALUES (1, 1);
		INSERT INTO ev SELECT '2026-01-0$times'::timestamptz + i * interval '1 s', 1 FROM generate_series(1, 10) i));
	ok($node->poll_query_until('postgres', 'SELECT sum(count) = (SELECT count(*) FROM t) FROM v'), "$when: rows that nobody waits for");
	same($node, 'TABLE v', 'SELECT k, count(*), sum(x) FROM t GROUP BY k', "$when: views are right");
	ok($node->poll_query_until('postgres', "SELECT count(*) = 0 FROM short_mrel WHERE arrival_timestamp < clock_timestamp()"), "$when: rows expire");
	ok($node->poll_query_until('postgres', 'SELECT count(*) < 3 FROM final_mrel'), "$when: closed windows go");
	kill_worker($node, 'TERM', 'weir ingest worker');
	wait_for_worker($node, 'weir ingest worker');
	cmp_ok(time - $start, '<', 15, "$when: in time");
	return;
}

all_goes_on('at first');
set_clock(10 * 24 * $hour);
cmp_ok(seconds_ahead(), '>', 9 * 24 * $hour, 'the clock is ahead');
all_goes_on('ten days ahead');
is($node->safe_psql('postgres', q(SELECT count(*) FROM pg_inherits WHERE inhparent = 'days_mrel'::regclass)), '1', 'the old partition is dropped');
set_clock(0);
all_goes_on('set back by ten days');
set_clock(-24 * $hour);
all_goes_on('set back by a day more');
# Later, but not as late as it has been.
set_clock(5 * 24 * $hour);
all_goes_on('ahead again');
ok($node->poll_query_until('postgres', q(SELECT count(*) = 2 FROM pg_inherits WHERE inhparent = 'days_mrel'::regclass)),
	'partitions are dropped, but for the one in the future');
is($node->safe_psql('postgres', q(SELECT count(*) FROM weir.views WHERE state <> 'active')), '0', 'no view is suspended');
$node->stop;
done_testing();
