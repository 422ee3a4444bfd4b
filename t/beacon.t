#!/usr/bin/perl

# check: alone
#
# The browser scripts in Chromium; t/browser/beacon.py speaks TAP.

use strict;
use warnings;

use FindBin;

for my $program (qw(/usr/bin/chromium /usr/bin/chromedriver /usr/bin/python3))
{
    next if -x $program;
    print "1..0 # SKIP $program is not installed\n";
    exit 0;
}

exec '/usr/bin/python3', "$FindBin::Bin/browser/beacon.py"
    or die "python3: $!";
