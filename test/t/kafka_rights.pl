# librdkafka has a shell run the command for Kerberos tickets.  Nothing that others than its author have set becomes part of it.
use strict;
use warnings;
use WeirTest;
use Test::More;

my $node = weir_cluster('kafka_rights');
my $trace = $node->basedir . '/ran';
$node->safe_psql('postgres', qq{
	CREATE SERVER k FOREIGN DATA WRAPPER weir OPTIONS (bootstrap_servers 'localhost:1', "kafka.security.protocol" 'sasl_plaintext',
		"kafka.sasl.mechanisms" 'GSSAPI', "kafka.sasl.kerberos.keytab" '/dev/null', "kafka.sasl.kerberos.principal" 'weir\@EXAMPLE.COM',
		"kafka.sasl.kerberos.kinit.cmd" 'echo ran %{client.id} >> $trace');
	CREATE ROLE mallory; GRANT USAGE ON FOREIGN SERVER k TO mallory; GRANT CREATE ON SCHEMA public TO mallory;
	CREATE FOREIGN TABLE other (x int) SERVER weir; CREATE VIEW bystander AS SELECT count(*) FROM other;
	SET ROLE mallory;
	CREATE FOREIGN TABLE good (x int) SERVER k OPTIONS (topic 't', "kafka.client.id" 'good');
	CREATE FOREIGN TABLE bad (x int) SERVER k OPTIONS (topic 't', "kafka.client.id" 'bad; echo pwned');
});
for my $place ('CREATE USER MAPPING FOR mallory SERVER k OPTIONS (', 'ALTER FOREIGN TABLE good OPTIONS (ADD ')
{
	my ($code, undef, $error) = $node->psql('postgres', qq{SET ROLE mallory; $place "kafka.sasl.kerberos.principal" 'x; echo pwned >> $trace; #')});
	isnt($code, 0, "refused: $place");
	like($error, qr/permission denied to set option|is not one of a stream/, 'with the reason');
}
$node->safe_psql('postgres', 'SET ROLE mallory; CREATE VIEW gv AS SELECT count(*) FROM good; CREATE VIEW bv AS SELECT count(*) FROM bad');
ok($node->poll_query_until('postgres', qq{SELECT count(*) > 0 FROM weir.stat_kafka
	WHERE stream = 'bad'::regclass AND last_error LIKE '%value of client.id cannot be part of the command%'}), 'the other stream says why it does not start');
ok($node->poll_query_until('postgres', "SELECT size > 0 FROM pg_stat_file('$trace', true)"), 'the command of the administrator runs');
$node->safe_psql('postgres', 'INSERT INTO other VALUES (1)');
is($node->safe_psql('postgres', 'TABLE bystander'), '1', 'another stream goes on');
unlike($node->safe_psql('postgres', "SELECT pg_read_file('$trace')"), qr/pwned|bad/, 'nothing of others became part of it');
$node->stop;
done_testing();
