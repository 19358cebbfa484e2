# Whoever comes late with an old epoch is refused, and whoever ends a session
# second ends nothing: the scripts, each in a moment that no test can time.

use strict;
use warnings;

use Test::More;
use RD::Script;

my $tag = $RD::Script::Prefix;


# ---- fencing ----------------------------------------------------------------

my ($id, $epoch) = placed(1);
my $new = take_over($id);

my $next = $new->[1];
cmp_ok($next, '>', $epoch, 'a takeover raises the epoch');
is($new->[2], 'creating', 'and says where the session is');
is(session($id)->{driver}, 'another', 'it is written down who drives now');

my %before = %{ session($id) };

my %late = (
    advance => sub { advance($id, $epoch) },
    commit  => sub { script('commit', $id, $epoch) },
    fail    => sub { script('fail', $id, $epoch, 'e', 's', 'd', '1') },
    retry   => sub { script('retry', $id, $epoch, 'e', 'd', 3, 5) },
    finish  => sub { script('finish', $id, $epoch) },
);

is(first($late{$_}->()), -1, "$_ with the old epoch is refused")
    for sort keys %late;
is_deeply(session($id), \%before, 'and has changed nothing');
is_deeply(script('renew', 10000, $id, $epoch), [$id],
          'the lease cannot be renewed by who has lost it');
is_deeply(script('renew', 10000, $id, $next), [], 'but by who has it');

is(first(advance($id, $next)), 1, 'the new driver goes on');
is(first(advance($id, $next)), 1, 'asked twice it is answered the same');
is(first(script('commit', $id, $next)), 1, 'until it is ready');

my $expires = session($id)->{expires_ms};
is_deeply(script('commit', $id, $next), [1, $expires],
          'a second time gives no second clock');
is_deeply([rows($id)], [], 'nothing has ended');
is((grep { $_->{type} eq 'session_created' } events_are($id)), 1,
   'one fact is one event');

my ($created) = grep { $_->{type} eq 'session_created' } events_are($id);
is_deeply($created->{metadata},
          { context => 'h', container_name => "rd-s-$id", novnc_port => 6080,
            vnc_port => 5900, ttyd_port => 0, ssh_port => 22 },
          'with all its ports');


my ($asked) = grep { $_->{type} eq 'session_requested' } events_are($id);
is_deeply($asked->{metadata}, {}, 'without hosts there is nothing to tell');

host_set('a', health => 'up');
host_set('b', health => 'down');
host_set('c', health => 'up', mode => 'draining');
redis('SADD', "${tag}slots:a", 'x', 'y');
script('claim', 'b' x 32, 2, 'u', 'u', 'pw', 3600, 1200, 3, 'docker', 0, 1000,
       1000, 0, '', 'a', 2, 'b', 1, 'c', 5, 'd', 3);
($asked) = events_are('b' x 32);

my ($yes, $no) = (JSON::PP::true(), JSON::PP::false());
is_deeply($asked->{metadata}{hosts}, {
    a => { containers => 2, weight => 2, healthy => $yes, score => 0.66 },
    b => { containers => 0, weight => 1, healthy => $no, score => 0 },
    c => { containers => 0, weight => 5, healthy => $no, score => 0 },
    d => { containers => 0, weight => 3, healthy => $yes, score => 3 },
}, 'a request tells what the choice will be made from');


# ---- whoever is second ends nothing -----------------------------------------

my %end = (
    user_destroyed => sub { script('stop', '', 10 + $_[1], 'user_destroyed', 0,
                                   1000) },
    admin_killed => sub { script('kill', $_[0], 0, 1, 'admin', '1') },
    reconciliation => sub { script('stop', $_[0], 0, 'reconciliation', 0,
                                   1000) },
    expired => sub {
        redis('ZADD', "${tag}expiry", 1, $_[0]) if session($_[0])->{state}
            eq 'ready';
        my $ends = script('tick', 'me', 10000, 64, 600_000)->[2];
        return [(grep { $_->[0] eq $_[0] } @$ends) ? 1 : 0];
    },
    drained => sub {
        my $list = script('close', 100);
        return [(grep { $_->[0] eq $_[0] } @$list) ? 1 : 0];
    },
);

redis('FLUSHALL');
my $n = 0;

for my $reason (sort keys %end) {
    my ($id) = ready(10 + ++$n);

    is(first($end{$reason}->($id, $n)), 1, "$reason: the first one has it");
    my $stopping = session($id);
    is(first($end{$_}->($id, $n)), 0, "$reason: then $_ ends nothing")
        for sort keys %end;
    is_deeply(session($id), $stopping, "$reason: and changes nothing");

    is(first(script('finish', $id, $stopping->{epoch})), 1,
       "$reason: the container is gone");
    is(first(script('finish', $id, $stopping->{epoch})), -1,
       "$reason: which counts once");

    my @rows = rows($id);
    is(scalar @rows, 1, "$reason: one row of history");
    is($rows[0]{reason}, $reason, "$reason: which says why");
    is((grep { $_->{type} eq 'session_destroyed' } events_are($id)), 1,
       "$reason: one event");
    is(redis('SCARD', "${tag}slots:h"), 0, "$reason: the slot is free");
    is(redis('EXISTS', "${tag}owner:" . (10 + $n)), 0,
       "$reason: so is the player");
}


# ---- three slow hosts at most, and their own words are kept -----------------

redis('FLUSHALL');
my @five = map { ["h$_", 10 - $_] } 1 .. 5;
($id, $epoch) = placed(30, @five);

for my $try (1 .. 2) {
    is(session($id)->{host}, "h$try", "attempt $try is on host $try");
    is(first(script('retry', $id, $epoch, 'docker_refused', "words of h$try", 3,
                    5)), 1, 'it fails: back to the queue');
    is(session($id)->{detail}, "words of h$try", 'its words are kept');
    is(redis('SCARD', "${tag}slots:h$try"), 0, 'its slot is free');
    ($epoch) = map { $_->[1] } @{ dispatch(1, @five) };
}

is(session($id)->{host}, 'h3', 'attempt 3 is on host 3');
session($id, spent_ms => 20_000);       # the attempts before it were slow
is(first(script('retry', $id, $epoch, 'docker_refused', 'words of h3', 3, 5)),
   0, 'there is no fourth');
is(first(script('fail', $id, $epoch, 'docker_refused', 'the sentence',
                'words of h3', '0')), 2, 'it has failed');

my ($row) = rows($id);
is($row->{detail}, 'words of h3', 'history has the words of the last host');
is($row->{reason}, 'failed', 'and the reason');
is(session($id)->{message}, 'the sentence', 'the player reads a sentence');
is_deeply([map { $_->{metadata}{detail} } grep { $_->{type} eq 'session_error' }
           events_are($id)],
          ['words of h1', 'words of h2', 'words of h3'],
          'the events have the words of each');
is((grep { (redis('HGET', "${tag}host:h$_", 'health') // 'up') ne 'up' }
    1 .. 5), 0, 'no host is blamed');


# ---- the warning ------------------------------------------------------------

redis('FLUSHALL');
($id) = ready(40);
my $warn = redis('ZSCORE', "${tag}warn", $id);
is($warn, session($id)->{expires_ms} - 300_000,
   'who is ready will be warned five minutes before his end');

my $longer = script('extend', 40, 0, 1000)->[2];
is(redis('ZSCORE', "${tag}warn", $id), $longer - 300_000,
   'an extension puts it off');

sub warned { return grep { $_->{type} eq 'session_expiring' } events_are($id) }

session($id, expires_ms => now_ms() + 299_000);
redis('ZADD', "${tag}warn", 1, $id);
script('tick', 'me', 10000, 64, 600_000) for 1 .. 3;
is(scalar(my @warned = warned()), 1, 'then he is, once');
is($warned[0]{level}, 'warning', 'as a warning');
ok($warned[0]{metadata}{time_remaining} <= 299, 'with the time that is left');


# ---- what a sweep may judge -------------------------------------------------

redis('FLUSHALL');

# a sweep of host h that began a second after the session last changed
sub judge {
    my ($id, @containers) = @_;

    session($id, since_ms => now_ms() - 60_000);
    redis('HSET', "${tag}sweep:h", 'number', 7);
    my $ours = redis('GET', "${tag}installation");
    my $began = now_ms() - 1000;
    my $judged = script('sweep_judge', 'h', 7, $began, 1,
                        map { (@$_[0, 1], $_->[4] // $ours, @$_[2, 3]) }
                        @containers);
    my $missing = script('sweep_missing', 'h', 7, $began);

    return [1, $judged->[1], $missing->[2]];
}

($id, $epoch) = placed(50);
advance($id, $epoch);

is_deeply(judge($id), [1, [], []],
          'a session that starts is its driver\'s: he may just have removed '
          . 'its container');
is(session($id)->{state}, 'starting', 'and it starts on');

$new = take_over($id);
is_deeply(judge($id), [1, [], []], 'also when somebody has taken it over');

script('commit', $id, $new->[1]);
my $mine = 'c' x 64;
is_deeply(judge($id, [$mine, $id, 'running', 100]), [1, [], []],
          'ready, with its container: all is well');
is_deeply(judge($id, [$mine, $id, 'unknown', 100]), [1, [], []],
          'of a container that neither runs nor is gone nothing is said');
is_deeply(judge($id, [$mine, $id, 'running', 100],
                     ['d' x 64, $id, 'gone', 100]),
          [1, ['d' x 64], []],
          'a second one of the same session is an orphan, and no word on it');

my $nobody = 'e' x 32;
is_deeply(judge($id, [$mine, $id, 'running', 100, ''],
                     ['1' x 64, $nobody, 'running', 100, 'f' x 32],
                     ['2' x 64, $nobody, 'gone', 100, ''],
                     ['3' x 64, $nobody, 'running', 100]),
          [1, ['3' x 64], []],
          'what another installation has made, or nobody knows which, is left '
          . 'alone; of a live session it is known all the same');

session($id, since_ms => now_ms() + 60_000);
redis('HSET', "${tag}sweep:h", 'number', 7);
script('sweep_judge', 'h', 7, now_ms() - 1000, 1);
is_deeply(script('sweep_missing', 'h', 7, now_ms() - 1000), [1, 0, []],
          'a session that became ready since the list was asked for goes on');
is_deeply(script($_, 'h', 6, now_ms(), 1), [0], "$_: an older sweep is refused")
    for qw(sweep_judge sweep_missing);

my $ends = judge($id)->[2];
is($ends->[0][0], $id, 'ready without a container: it ends');
is(session($id)->{reason}, 'reconciliation', 'as reconciliation');


# ---- hosts nobody names any more --------------------------------------------

redis('FLUSHALL');
script('host_due', 10000, 0, 'h');
script('sweep_due', 60000, 10, 'h');
script('host_mode', 'gone', 'cordoned', 0, 1, 'admin');

for my $key (qw(host:h sweep:h host:gone)) {
    my $ttl = redis('PTTL', "$tag$key");
    ok($ttl > 29 * 86400_000 && $ttl <= 30 * 86400_000,
       "$key is forgotten a month after the last hosts.yml named it");
}

redis('PEXPIRE', "$tag$_", 1000) for qw(host:h sweep:h);
redis('HSET', "$tag$_", 'next_ms', 1) for qw(host:h sweep:h);
script('host_due', 10000, 0, 'h');
script('sweep_due', 60000, 10, 'h');
ok(redis('PTTL', "$tag$_") > 1000, "$_: a probe, a sweep: it lives on")
    for qw(host:h sweep:h);

done_with_scripts();
