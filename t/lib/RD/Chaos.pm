package RD::Chaos;

# What has to hold after every trouble, whatever it was: everybody's session
# has come to an end or is ready, and nothing disagrees with that.

use strict;
use warnings;

use Exporter qw(import);
use Test::More;

use RD::Place qw(wait_until);
use RD::Site;

our @EXPORT = qw(afterwards kill_workers);

use constant BOUND_S => 30;


# afterwards($what, @hosts): within BOUND_S; these hosts of docker_hosts() can
# be asked what is on them

sub afterwards {
    my ($what, @hosts) = @_;

    my @wrong;

    my $fine = wait_until(BOUND_S, sub {
        @wrong = wrong(@hosts);
        return !@wrong;
    });

    ok($fine, "$what: within " . BOUND_S . ' s all is as it should be')
        or diag(join "\n", @wrong);

    return $fine;
}


# whoever it was that drove, he is gone; the master makes new ones

sub kill_workers {
    my @old = RD::nginx()->workers;

    kill KILL => @old;
    wait_until(10, sub {
        my %now = map { $_ => 1 } RD::nginx()->workers;
        return keys %now >= @old && !grep { $now{$_} } @old;
    }) or die "no new workers\n";
}


# what does not agree at this moment, in words

sub wrong {
    my (@hosts) = @_;

    my $tag = 'rd:{' . RD::site() . '}:';
    my (@wrong, %live, %is_over, %rows);

    for my $key (@{ RD::redis('KEYS', "${tag}session:*") }) {
        my %s = @{ RD::redis('HGETALL', $key) };

        if ($s{state} eq 'ready') {
            $live{ $s{id} } = \%s;
        } elsif ($s{state} =~ /^(?:ended|failed)$/) {
            $is_over{ $s{id} } = \%s;
            push @wrong, "$s{id} has $s{state} without a reason"
                if !length($s{reason} // '');
        } else {
            push @wrong, "$s{id} is still $s{state}";
        }
    }

    # containers are those of live records
    my %there = map { $_ => 1 } map { $_->{docker}->containers } @hosts;
    delete $there{ $_->{container} } or push @wrong, "$_->{id} has no container"
        for values %live;
    push @wrong, "container $_ has no live record" for keys %there;

    # slots are those of live sessions, also on a host that is no more
    my %slot;

    for my $key (@{ RD::redis('KEYS', "${tag}slots:*") }) {
        my ($host) = $key =~ /\}:slots:(.*)/;
        $slot{$_} = $host for slots($host);
    }

    push @wrong, "somebody is still in $_"
        for @{ RD::redis('KEYS', "${tag}creates:*") };

    for my $id (keys %live) {
        push @wrong, "$id has no slot"
            if (delete $slot{$id} // '') ne $live{$id}{host};
    }

    push @wrong, "the slot of $_ is held" for keys %slot;

    # nobody is stuck
    for my $key (@{ RD::redis('KEYS', "${tag}owner:*") }) {
        my $id = RD::redis('GET', $key) // next;
        push @wrong, "$key is stuck" if !$live{$id};
    }

    # what gates read is of those who may be let in
    my %texts = map { $_ => 1 } @{ RD::redis('KEYS', "${tag}ready:*") };

    delete $texts{"${tag}ready:$_->{owner}"}
        or push @wrong, "gates are not told of $_->{id}" for values %live;
    push @wrong, "gates are still told of $_" for keys %texts;

    for my $set (qw(queue lease stopping)) {
        push @wrong, "somebody is still in $set"
            if RD::redis('ZCARD', "$tag$set");
    }

    # one row of history for each that is over
    $rows{ +{ @{ $_->[1] } }->{session} }++
        for @{ RD::redis('XRANGE', "${tag}history", '-', '+') };

    push @wrong, "$_ has " . ($rows{$_} // 0) . ' rows of history'
        for grep { ($rows{$_} // 0) != 1 } keys %is_over;
    push @wrong, "$_ is ready and has a row of history"
        for grep { $rows{$_} } keys %live;

    return @wrong;
}


1;
