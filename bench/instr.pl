# Instructions: what the gate costs a request in user-space instructions of the
# worker, counted by callgrind.  Unlike times, these repeat to a thousandth on a
# busy machine.

use strict;
use warnings;

use RD::Bench;
use RD::Bench::Gate;
use RD::Bench::Instructions;
use RD::Bench::Nginx;

use constant { USERS => 1000 };

group_seconds(240);

my @visitors = log_in_all(1 .. USERS);
my $admin = log_in(USERS + 1, 'admin');

ready(backend()->port, map { $_->{id} } @visitors);

my @same = ({ id => 1, cookie => $visitors[0]{cookie} });
my @others = map { { id => $_->{id}, cookie => $admin->{cookie} } } @visitors;

raw('instructions a request of one worker, on one connection, passed on to an '
    . 'upstream with keepalive');

# One visitor who may see every desktop goes from one to the next: the zone of
# 64 KB knows the visitor and is too small for the desktops, so each decision is
# one Redis read.  Without a zone it is three.

my ($plain, $warm) = instructions('warm', "    rd_zone bench:32m;\n",
    ['plain', '/plain/', @same], ['gate warm', '/gate/', @same]);
my ($other, $cold) = instructions('cold', "    rd_zone bench:64k;\n",
    ['plain', '/plain/', @others], ['gate cold', '/gate/', @others]);
my ($unknown) = instructions('unknown', '', ['nothing known', '/gate/', @same]);

raw('nothing known / plain: ' . worth($unknown / $plain));

figure('gate-instr', $warm / $plain, 'ratio', '<=', 1.12);
figure('gate-cold-instr', $cold / $other, 'ratio', '<=', '1.50');


# Counts each case in turn, some times over; the least of each, as the worker's
# own timers come in between.

sub instructions {
    my ($name, $zone, @cases) = @_;

    my $nginx = RD::Bench::Nginx->start(name => "instr-$name", cpu => 0,
        under => RD::Bench::Instructions::command($name),
        http => http_of_site(undef, $zone) . upstream(),
        server => locations('rd_gate $1 http;'));
    my %count;

    for my $turn (repetitions()) {
        for my $case (@cases) {
            my ($what, $path, @requests) = @$case;

            push @{ $count{$what} },
                 RD::Bench::Instructions::count($name, $nginx, $path,
                                                @requests);
        }
    }

    $nginx->stop;
    raw("$_->[0]: @{ $count{ $_->[0] } }") for @cases;

    return map { (sort { $a <=> $b } @{ $count{ $_->[0] } })[0] } @cases;
}
