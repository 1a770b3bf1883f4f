# Who may do what: owner's rights for the query, SELECT to define, INSERT to insert, GRANT to read.
use strict;
use warnings;
use WeirTest;
use Test::More;

my $node = weir_cluster('privileges');
$node->safe_psql('postgres', q(
	CREATE ROLE app; CREATE ROLE reader; CREATE ROLE writer; CREATE ROLE nobody_special;
	GRANT CREATE ON SCHEMA public TO app, nobody_special;
	CREATE FOREIGN TABLE s (k int, x int) SERVER weir;
	CREATE TABLE secret (k int);
	INSERT INTO secret VALUES (42);
	CREATE FUNCTION peek() RETURNS int STABLE LANGUAGE sql AS 'SELECT k FROM public.secret'));

sub as
{
	my ($role, $sql) = @_;
	my ($status, $out, $err) = $node->psql('postgres', "SET ROLE $role; $sql");
	return $status == 0 ? ($out =~ s/^\n//r) : $err;
}
my $denied = qr/permission denied/;

like(as('app', 'CREATE VIEW v AS SELECT k, count(*) FROM s GROUP BY k'), $denied, 'CREATE VIEW needs SELECT on the stream');
$node->safe_psql('postgres', 'GRANT SELECT ON s TO app');
is(as('app', 'CREATE VIEW v AS SELECT k, count(*), sum(x) FROM s GROUP BY k'), '', 'CREATE VIEW with it');
is($node->safe_psql('postgres', q(SELECT relowner::regrole FROM pg_class WHERE relname IN ('v', 'v_mrel') GROUP BY 1)), 'app',
	'view and matrel belong to their creator');

like(as('app', 'INSERT INTO s VALUES (1, 1)'), $denied, 'INSERT needs the privilege');
$node->safe_psql('postgres', 'GRANT INSERT ON s TO writer');
is(as('writer', 'INSERT INTO s VALUES (1, 1)'), '', 'INSERT with it');
is(as('app', 'SELECT * FROM v'), '1|1|1', 'and the row counts');
like(as('writer', 'SELECT * FROM v'), $denied, 'who inserts may not read');
like(as('reader', 'SELECT * FROM v'), $denied, 'SELECT on the view needs a grant');
$node->safe_psql('postgres', 'GRANT SELECT ON v TO reader');
is(as('reader', 'SELECT * FROM v'), '1|1|1', 'GRANT on the view is enough');
like(as('reader', 'SELECT * FROM v_mrel'), $denied, 'the matrel stays closed');

# The query runs as the view's owner, whoever inserts.
$node->safe_psql('postgres', 'REVOKE ALL ON FUNCTION peek() FROM PUBLIC; GRANT EXECUTE ON FUNCTION peek() TO app');
is(as('app', 'CREATE VIEW spy AS SELECT peek() AS k, count(*) FROM s GROUP BY 1'), '', 'a view with a function');
$node->psql('postgres', 'INSERT INTO s VALUES (1, 1)');
is($node->safe_psql('postgres', 'SELECT * FROM spy'), '', 'its owner may not read the table behind it, even when a superuser inserts');
is($node->safe_psql('postgres', 'SELECT count FROM v'), '2', 'other views get the row');
$node->safe_psql('postgres', q(CREATE VIEW me AS SELECT current_user::text AS u, count(*) FROM s GROUP BY 1; ALTER VIEW me OWNER TO app));
$node->psql('postgres', 'INSERT INTO s VALUES (2, 2)');
is($node->safe_psql('postgres', 'SELECT u FROM me'), 'app', 'current_user is the owner');

# Nor does a client's session reach into it.
$node->safe_psql('postgres', q(CREATE VIEW path AS SELECT current_setting('search_path') AS p, current_setting('TimeZone') AS z FROM s;
	SET search_path = nowhere, public; SET TimeZone = 'Asia/Tokyo'; INSERT INTO s VALUES (3, 3)));
is($node->safe_psql('postgres', q(SELECT z, p LIKE '%nowhere%' FROM path)), 'UTC|f', 'settings of the inserter do not count');

# Losing the right suspends the view, not the others.
$node->safe_psql('postgres', 'GRANT SELECT ON secret TO app; REVOKE SELECT ON s FROM app');
$node->psql('postgres', 'INSERT INTO s VALUES (4, 4)');
like($node->safe_psql('postgres', q(SELECT state || ' ' || reason FROM weir.views WHERE view = 'v'::regclass)),
	qr/^suspended .*permission denied/, 'without SELECT on the stream the view is suspended, and says why');
$node->safe_psql('postgres', q(GRANT SELECT ON s TO app; SELECT weir.activate('v'); INSERT INTO s VALUES (5, 5)));
is($node->safe_psql('postgres', 'SELECT count FROM v WHERE k = 5'), '1', 'weir.activate resumes it');

for my $function (q(weir.truncate('v')), q(weir.deactivate('v')), q(weir.activate('v')))
{
	like(as('reader', "SELECT $function"), qr/must be owner|$denied/, "$function is for the owner");
}
like(as('nobody_special', 'DROP VIEW v'), qr/must be owner/, 'DROP VIEW is for the owner');
like(as('nobody_special', 'INSERT INTO weir.continuous_view DEFAULT VALUES'), $denied, 'the catalog is closed');
like(as('nobody_special', 'SELECT * FROM weir.dead_letters'), $denied, 'dead letters are closed');
like(as('app', 'INSERT INTO v_mrel DEFAULT VALUES'), qr/cannot/, 'no one writes to a matrel');
is(as('reader', q(SELECT count(*) > 0 FROM weir.views)), 't', 'weir.views is for everyone');

# All statistics are for everyone, what errors quote of rows for pg_monitor, counts of dead letters too.
$node->safe_psql('postgres', q(CREATE ROLE mon IN ROLE pg_monitor;
	CREATE VIEW ratio AS SELECT 1 / x AS r FROM s; INSERT INTO s VALUES (1, 0)));
my @stats = split /\n/, $node->safe_psql('postgres', q(SELECT oid::regclass FROM pg_class
	WHERE relnamespace = 'weir'::regnamespace AND relkind = 'v' AND relname ~ '^stat_' ORDER BY 1));
cmp_ok(scalar(@stats), '>=', 5, 'statistics');
for my $view (@stats)
{
	for my $role ('mon', 'reader')
	{
		like(as($role, "SELECT count(*) FROM $view"), qr/^\d+$/, "$role reads $view");
	}
}
is(as('mon', q(SELECT stream, view, topic, sqlstate, letters, last >= first FROM weir.dead_letter_counts WHERE view = 'ratio'::regclass)),
	's|ratio||22012|1|t', 'counts of dead letters are for pg_monitor');
like(as('reader', 'SELECT * FROM weir.dead_letter_counts'), $denied, 'and not for everyone');
$node->safe_psql('postgres', q(INSERT INTO weir.source_stopped VALUES ('s', 'a message', now())));
is(as('mon', 'SELECT reason FROM weir.source_stopped'), 'a message', 'why a stream was stopped is for pg_monitor');
like(as('reader', 'SELECT reason FROM weir.source_stopped'), $denied, 'as it may quote a message');
is(as('reader', 'SELECT stream FROM weir.source_stopped'), 's', 'that it was is for everyone');
$node->safe_psql('postgres', 'DELETE FROM weir.source_stopped');
like(as('mon', 'SELECT * FROM weir.dead_letters'), $denied, 'dead letters are not');

$node->stop;
done_testing();
