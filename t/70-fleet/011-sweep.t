# What is on the hosts and what stands in Redis, compared and set right.

use RD 'no_plan';
use RD::Site;

add_block_preprocessor(\&RD::Site::preprocess);
leave_keys(qr/\}:(?:last|events|history)/, qr/\}:session:/);
workers(2);

my ($host) = docker_hosts(1);
my (undef, $far) = docker_hosts(1, netns => 1);

my ($docker, $image) = ($host->{docker}, 'rd-test-desktop:latest');
my ($ada, $bob) = map { visitor($_) } qw(ada bob);
my $tag = 'rd:{' . RD::site() . '}:';

sub name { my ($host) = @_; return $host->{sshd}->address . ':'
                                  . $host->{sshd}->port }

sub sweep_of {
    my ($host) = @_;

    my $fields = redis('HGETALL', "${tag}sweep:" . name($host));
    return { ref $fields ? @$fields : () };
}

# a sweep that began after this call has ended
sub swept {
    my ($host) = @_;

    my $now = sweep_of($host)->{number} // 0;
    return wait_until(40, sub {
        my $s = sweep_of($host);
        ($s->{number} // 0) >= $now + 2 && defined $s->{took_ms};
    });
}

sub container {
    my ($name, %label) = @_;

    my @labels = map { ('--label', "$_=$label{$_}") } sort keys %label;
    return $docker->docker('create', '--name', $name, @labels, $image)
        =~ s/\n//r;
}

sub has {
    my ($name) = @_;
    return scalar grep { $_ eq $name } $docker->containers;
}

sub session {
    my ($n, %field) = @_;

    my $id = sprintf '%032x', $n;
    redis('HSET', "${tag}session:$id", id => $id, owner => $n,
          username => "user$n", epoch => 3, created_ms => 1, since_ms => 1,
          %field);
    redis('SADD', "${tag}slots:$field{host}", $id) if $field{slot};
    return $id;
}

sub reaped {
    return map {
        my %e = @{ $_->[1] };
        $e{type} eq 'orphan_reaped' ? \%e : ();
    } @{ redis('XRANGE', "${tag}events", '-', '+') };
}


# 30 s have to pass before a container is an orphan: all cases wait together

sub orphans {
    my $on = name($host);
    my $id = sub { sprintf '%032x', $_[0] };
    my %label = ('rd.site' => RD::site(), 'rd.epoch' => 3,
                 'rd.installation' => redis('GET', "${tag}installation"));

    container('rd-none', %label, 'rd.session' => $id->(201));
    ok(swept($host), 'hosts are swept');
    ok(has('rd-none'), 'a young container is left alone');

    container('rd-ended', %label, 'rd.session' => $id->(202));
    session(202, state => 'ended', host => $on);

    container('rd-elsewhere', %label, 'rd.session' => $id->(203));
    session(203, state => 'creating', host => 'another');

    container('rd-replaced', %label, 'rd.session' => $id->(204));
    session(204, state => 'ready', host => $on, container => 'rd-x',
            container_id => 'f' x 64);

    my $kept = container('rd-kept', %label, 'rd.session' => $id->(205));
    session(205, state => 'starting', host => $on, container => 'rd-kept',
            container_id => $kept, slot => 1);

    container('rd-creating', %label, 'rd.session' => $id->(206));
    session(206, state => 'creating', host => $on, container => 'rd-creating',
            slot => 1);

    container('rd-strange', 'rd.site' => 'other', 'rd.epoch' => 3,
              'rd.session' => $id->(201));
    container('rd-longer', 'rd.site' => RD::site() . '2', 'rd.epoch' => 3,
              'rd.session' => $id->(201));
    container('nobodys');

    ok(wait_until(60, sub {
           !grep { has($_) } qw(rd-none rd-ended rd-elsewhere rd-replaced);
       }), 'a container without a live record is removed')
        or diag(join ' ', $docker->containers);
    ok(swept($host), 'and after further sweeps');
    ok(has('rd-kept'), 'that of a live session is still there');
    ok(has('rd-creating'), 'also while it is being made');
    ok(has('rd-strange'), 'that of another site, too');
    ok(has('rd-longer'), 'also when its name begins like ours');
    ok(has('nobodys'), 'and what is nobody\'s');

    my @events = reaped();
    is_deeply([sort map { JSON::PP::decode_json($_->{metadata})
                              ->{container_name} } @events],
              [qw(rd-elsewhere rd-ended rd-none rd-replaced)],
              'each of them is one event');
    like($events[0]{message}, qr/^reaped orphan container rd-\w+ on \Q$on\E$/,
         'in the words of the original');
    is($events[0]{level}, 'warning', 'of its level');
    ok(JSON::PP::decode_json($events[0]{metadata})->{age_seconds} >= 30,
       'with its age');

    my $s = sweep_of($host);
    ok($s->{last_ok_ms} > 0, 'when it last went well is written down');
    is($s->{error}, '', 'without an error');
    ok((() = error_log() =~ /rd sweep: orphan rd-none removed/g) == 1,
       'the log says it once');

    $docker->docker('rm', '-f', qw(rd-kept rd-creating rd-strange rd-longer
                                   nobodys));
    redis('DEL', "${tag}slots:$on");
    redis('DEL', map { "${tag}session:" . $id->($_) } 201 .. 206);
}


sub lost_container {
    api($ada, 'POST create');
    is(wait_progress($ada, 'ready|failed')->{status}, 'ready', 'ada has one');
    my $session = session_of($ada);
    my ($on) = grep { name($_) eq $session->{host} } $host, $far;

    ok(swept($on), 'a live session is swept over');
    is(session_of($ada)->{state}, 'ready', 'and stays');

    $on->{docker}->docker('rm', '-f', $session->{container});
    ok(wait_until(30, sub { history_of($ada) == 1 }),
       'when somebody removes its container, it ends');
    is((history_of($ada))[0]{reason}, 'reconciliation', 'as reconciliation');
    ok(!slots($session->{host}), 'its slot is free');
    is(api($ada, 'GET status')->{json}{session}, undef, 'its owner is free');
    ok(swept($on), 'and after more sweeps');
    is(scalar(my @rows = history_of($ada)), 1, 'there is one row');

    api($ada, 'POST create');
    is(wait_progress($ada, 'ready|failed')->{status}, 'ready',
       'she starts anew');
    $session = session_of($ada);
    ($on) = grep { name($_) eq $session->{host} } $host, $far;
    $on->{docker}->docker('kill', $session->{container});
    ok(wait_until(30, sub { history_of($ada) == 2 }),
       'a container that has exited is gone, too');
    ok(wait_until(20, sub { !$on->{docker}->containers }),
       'what is left of it is removed');
}


sub cut_off {
    api($_, 'POST create') for $ada, $bob;
    is(wait_progress($_, 'ready|failed')->{status}, 'ready',
       "$_->{name} has a desktop") for $ada, $bob;

    my ($whose) = grep { session_of($_)->{host} eq name($far) } $ada, $bob;
    ok($whose, 'one of them on the far host');
    my $container = session_of($whose)->{container};

    my $number = sweep_of($far)->{number};
    $far->{docker}->cut;

    ok(wait_until(60, sub {
           (redis('HGET', "${tag}host:" . name($far), 'health') // '')
               eq 'down';
       }), 'it is cut off, and down');
    ok(wait_until(40, sub {
           (sweep_of($far)->{error} // '') =~ /^(?:ssh|docker)_/;
       }), 'a sweep that could not ask says so');
    is(session_of($whose)->{state}, 'ready', 'its session stays');
    ok(swept($host), 'the other host is swept meanwhile');

    $far->{docker}->heal;
    ok(wait_until(60, sub { sweep_of($far)->{error} eq '' }),
       'healed, it is swept again');
    is(session_of($whose)->{state}, 'ready', 'the session is still there');
    ok((grep { $_ eq $container } $far->{docker}->containers),
       'and so is its container');
    is(session_of($whose)->{container}, $container, 'the same one');
}


sub players_leave {
    api($_, 'POST destroy') for $ada, $bob;
    ok(wait_until(30, sub {
           !$docker->containers && !$far->{docker}->containers;
       }), 'in the end nothing is left');
}

# an entry with an old id can only be the first of the stream
redis('XADD', "${tag}history", '1000-0', 'owner', '999', 'reason', 'expired');

sub history_is_kept {
    ok(wait_until(30, sub {
           !grep { $_->{owner} eq '999' } map { +{ @{ $_->[1] } } }
               @{ redis('XRANGE', "${tag}history", '-', '+') };
       }), 'history forgets what is too old');
}

run_tests();

__DATA__

=== TEST 1: sweeps
--- http_config eval
$RD::Site::Http . "    rd_probe_interval 1s;\n    rd_sweep_interval 1s;\n"
--- hosts
workspace_hosts:
$TEST_NGINX_HOST1
$TEST_NGINX_HOST2
docker_image: rd-test-desktop:latest
--- init
history_is_kept();
lost_container();
cut_off();
players_leave();
orphans();
