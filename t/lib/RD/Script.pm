package RD::Script;

# The scripts of src/redis/lua against a redis-server of one's own, without
# nginx: what nobody can time from outside happens here in the order the test
# gives it.

use strict;
use warnings;

use Exporter qw(import);
use Test::More;

use JSON::PP ();

use RD::Guard;
use RD::Place qw(slurp top);
use RD::Redis;

our @EXPORT = qw(script redis session host_set a_session dispatch placed
                 advance ready found accounts take_over now_ms events_are rows
                 first done_with_scripts);

our $Prefix = 'rd:{s}:';

# no lease ends while a test looks elsewhere
our $LEASE_MS = 600_000;

my ($redis, %text);


sub redis {
    $redis //= RD::Redis->new('scripts')->start;
    return $redis->command(@_);
}


sub script {
    my ($name, @argv) = @_;

    my $dir = top() . '/src/redis/lua';
    my $awk = top() . '/tools/prelude.awk';
    $text{$name} //= qx(awk -f '$awk' '$dir/prelude.lua' '$dir/$name.lua');

    return redis('EVAL', $text{$name}, 1, $Prefix, @argv);
}


# { field => value } of a session, after what is given has been written

sub session {
    my ($id, %field) = @_;

    redis('HSET', "${Prefix}session:$id", %field) if %field;
    return { @{ redis('HGETALL', "${Prefix}session:$id") } };
}


sub host_set {
    my ($name, %field) = @_;

    return redis('HSET', "${Prefix}host:$name", %field);
}


# A session of user $n that waits for a host, asked for by a login.

sub a_session {
    my ($n, $login) = @_;

    my $id = sprintf '%032x', $n;
    my $answer = script('claim', $id, $n, "user$n", "user$n", 'pw', 3600, 1200,
                        3, 'docker', 0, 1000, 1000, 0, $login // '');

    $answer->[0] == 1 or die "user $n got no session\n";
    return $id;
}


# dispatch.lua for hosts ([name, weight, sessions, creates, memory, cpus], ...)

sub dispatch {
    my ($at_most, @hosts) = @_;

    return script('dispatch', 'me', $LEASE_MS, $at_most, 'rd-s-', 256 << 20,
                  500_000_000,
                  map { my @h = @$_; ($h[0], $h[1] // 1, $h[2] // 100,
                                      $h[3] // 4, $h[4] // 0, $h[5] // 0) }
                  @hosts);
}


# A session of user $n on a host, the only one if none are given: its id and
# epoch; then its desktop runs, answers, and what a driver says to that.

sub placed {
    my ($n, @hosts) = @_;

    my $id = a_session($n);
    my ($p) = @{ dispatch(1, @hosts ? @hosts : ['h', 1, 100, 50]) };
    return ($id, $p->[1]);
}


sub advance {
    my ($id, $epoch) = @_;

    return script('advance', $id, $epoch, 'c' x 64, '127.0.0.1', 6080, 5900, 0,
                  22, 'h.example');
}


sub ready {
    my ($n) = @_;

    my ($id, $epoch) = placed($n);
    advance($id, $epoch);
    script('commit', $id, $epoch);
    return ($id, $epoch);
}


# What gates are told: the time, the switch, then fourteen values of each user,
# first what there is ("live", "last", "none") and whether the owner is banned.
# What says whose it is (tags, team, login) is left out: accounts() has it.

sub found {
    my (@users) = @_;

    my (undef, $now, $switch, @values)
        = split /\0/, script('find', @users), -1;
    my @found;

    while (@values) {
        my ($what, $banned, undef, undef, undef, @rest)
            = splice @values, 0, 20;
        push @found, [$what, $banned, @rest[0 .. 11]];
    }

    return ($now, $switch, @found);
}


# Of each user: tag and hash of the record, tag and login of the session.

sub accounts {
    my (@users) = @_;

    my (undef, undef, undef, @values) = split /\0/, script('find', @users), -1;
    my @accounts;

    while (@values) {
        my @one = splice @values, 0, 20;
        push @accounts, [@one[2, 3, 17, 18]];
    }

    return @accounts;
}


# the lease ends and another worker is given the session

sub take_over {
    my ($id) = @_;

    redis('ZADD', "${Prefix}lease", 1, $id);
    my $answer = script('tick', 'another', $LEASE_MS, 64, 600_000);
    return (grep { $_->[0] eq $id } @{ $answer->[1] })[0];
}


sub now_ms {
    my ($s, $us) = @{ redis('TIME') };
    return $s * 1000 + int($us / 1000);
}


sub first { my ($answer) = @_; return $answer->[0] }


# the events of a session, oldest first: ({ type, level, ... }, ...)

sub events_are {
    my ($id) = @_;

    return grep { $_->{session} eq $id } map {
        my %e = @{ $_->[1] };
        $e{metadata} = JSON::PP::decode_json($e{metadata});
        \%e;
    } @{ redis('XRANGE', "${Prefix}events", '-', '+') };
}


# the rows of history of a session

sub rows {
    my ($id) = @_;

    return grep { $_->{session} eq $id } map { +{ @{ $_->[1] } } }
        @{ redis('XRANGE', "${Prefix}history", '-', '+') };
}


sub done_with_scripts {
    $redis->stop if $redis;
    is_deeply([RD::Guard::process_complaints([])], [], 'nothing is left');

    RD::Place::leave(!Test::More->builder->is_passing);
    return done_testing();
}


END { $redis->stop if $redis }


1;
