#!/usr/bin/perl

# The worker end to end: the message, the gates, what stops it, its clock, and
# folding in any order.  nginx is played by t/faults/world.py.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;

use CR;
use CRFaults;

need_program('python3');
need_program('redis-server');

faults_tap('scenes.py', qw(message german nothing gpc suppressed late_order
    rearm quiet late gap person erase unfolded chain yes memory policies told
    refusals drain));
faults_tap('fold.py');

done_testing();
