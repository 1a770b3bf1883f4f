# What tests with a Kafka broker share: one broker in a private directory, ended with the test.
package KafkaTest;

use strict;
use warnings;
use Cwd 'abs_path';
use Exporter 'import';
use File::Basename;
use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;

our @EXPORT = qw(start_broker other_cluster emulated broker topic produce becomes);

my $broker_sh = abs_path(dirname(__FILE__) . '/../kafka/broker.sh');
my ($dir, $kind);
my @started;

# Start the broker; returns (bootstrap address, directory, path of broker.sh).
# With brokers => N it is librdkafka's emulation of N brokers in any case, else Apache Kafka where it can be had.
sub start_broker
{
	my (%opt) = @_;
	local $ENV{WEIR_KAFKA} = 'mock' if $opt{brokers};
	local $ENV{WEIR_KAFKA_BROKERS} = $opt{brokers} if $opt{brokers};
	$dir = PostgreSQL::Test::Utils::tempdir;
	push @started, $dir;
	system($broker_sh, 'start', $dir) == 0 or die 'the broker does not start';
	chomp($kind = PostgreSQL::Test::Utils::slurp_file("$dir/kind"));
	note "broker: $kind";
	chomp(my $address = PostgreSQL::Test::Utils::slurp_file("$dir/bootstrap"));
	return ($address, $dir, $broker_sh);
}

# Another cluster beside the broker, emulated; code is called for topic and produce to go there.  Returns its address.
sub other_cluster
{
	my ($code) = @_;
	my @broker = ($dir, $kind);
	my ($address) = start_broker(brokers => 1);
	$code->();
	($dir, $kind) = @broker;
	return $address;
}

# The emulation keeps topics in memory only, adds no partitions and deletes no records.
sub emulated { return $kind !~ /Apache/; }

# broker.sh VERB DIR WORDS
sub broker
{
	my ($verb, @words) = @_;
	system($broker_sh, $verb, $dir, @words) == 0 or die "broker.sh $verb @words failed";
	return;
}

# topic(VERB, NAME, ...): see broker.sh.
sub topic
{
	my ($verb, @words) = @_;
	system($broker_sh, 'topic', $verb, $dir, @words) == 0 or die "broker.sh topic $verb @words failed";
	return;
}

# Lines into a topic; options are ktool's.
sub produce
{
	my ($topic, $lines, @options) = @_;
	IPC::Run::run([ $broker_sh, 'produce', $dir, $topic, @options ], '<', \$lines)
	  or die "could not produce into $topic";
	return;
}

# One test: a query comes to this result within a minute.
sub becomes
{
	my ($node, $query, $expected, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $got = '';
	for (1 .. 600)
	{
		$got = $node->safe_psql('postgres', $query);
		last if $got eq $expected;
		select undef, undef, undef, 0.1;
	}
	my $ok = is($got, $expected, $name);
	diag $node->safe_psql('postgres', 'SELECT * FROM weir.stat_kafka') unless $ok;
	return $ok;
}

END
{
	my $exit = $?;
	system($broker_sh, 'stop', $_) for @started;
	$? = $exit;
}

1;
