# File systems that can be full:  use SmallDisks data => '600m', temp => '100m';
#
# The test goes on in a mount namespace of its own (user namespaces; no rights are needed), where each is a tmpfs of that
# size; they are gone when its last process is.  %SmallDisks::dir has their places; it is empty, and
# $SmallDisks::reason says why, where the system refuses namespaces.
package SmallDisks;

use strict;
use warnings;
use Cwd 'abs_path';
use File::Path 'make_path';

our (%dir, $reason);

# At compile time: PostgreSQL's modules take over stdout at INIT.
sub import
{
	my (undef, %size) = @_;
	my $root = $ENV{TESTDATADIR} . '/disks';
	make_path(map { "$root/$_" } keys %size);
	$root = abs_path($root);
	if (!$ENV{WEIR_SMALL_DISKS})
	{
		my @enter = ('unshare', '--user', '--map-root-user', '--mount');
		my @leave = ('unshare', '--user', "--map-user=$>", '--map-group=' . ($) + 0));
		my $mounts = join ' && ', map { "mount -t tmpfs -o size=$size{$_},mode=755 tmpfs '$root/$_'" } sort keys %size;
		my $said = `@enter sh -c "$mounts && @leave true" 2>&1`;
		if ($? != 0)
		{
			chomp($reason = "no small file systems: $said");
			$reason =~ s/\s+/ /g;
			return;
		}
		$ENV{WEIR_SMALL_DISKS} = 1;
		exec @enter, 'sh', '-c', "$mounts && exec " . join(' ', @leave) . ' "$@"', 'sh', $^X, (map { "-I$_" } @INC), $0, @ARGV
		  or die "exec: $!";
	}
	%dir = map { $_ => "$root/$_" } keys %size;
	return;
}

1;
