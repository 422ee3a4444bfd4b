#!/usr/bin/perl

# check: alone
#
# The test itself is t/lib/crtest/outage.py: it needs an origin, a load and a
# clock at the same time.

use strict;
use warnings;

use FindBin qw($Bin);

$ENV{PYTHONPATH} = "$Bin/lib";
$ENV{PYTHONDONTWRITEBYTECODE} = 1;

exec 'python3', '-m', 'crtest.outage' or die "python3: $!";
