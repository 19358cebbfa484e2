# Who is no administrator any more hears nothing more, long before the next
# keepalive: within a second where Redis tells of changes, else within seconds.

use RD 'no_plan';
use RD::Events;
use RD::Site;
use Time::HiRes qw(time);

add_block_preprocessor(\&RD::Site::preprocess);
leave_keys(qr/\}:(?:last|owner|user|queue|probe)/, qr/\}:session:/,
           qr/flask_cache/);

my $tag = 'rd:{' . RD::site() . '}:';
my $next = 50;

# the line before the end, and how long it took
sub last_words {
    my ($listener, $seconds) = @_;

    my ($before, $line) = ('', '');
    my $begun = time;
    my $until = $begun + $seconds * RD::Place::slow_factor();

    while (time < $until && $line !~ /^(?:eof|cut)$/) {
        my $more = next_line($listener, 1) // next;
        ($before, $line) = ($line, $more);
    }

    return ($line eq 'eof' ? $before : 'he listens on', time - $begun);
}

sub admin {
    my $admin = visitor('a' . ++$next . ":$next admin");
    my $listener = listen_to($admin);

    is($listener->{code}, 200, "administrator $next listens");
    return ($admin, $listener);
}

sub revoked {
    my ($how, $bound_s) = @_;

    my ($stays, $other) = admin();
    my %way = (
        'is demoted' => sub { redis('HSET', "${tag}user:$_[0]{id}", 'type',
                                    'user') },
        'is banned' => sub { redis('HSET', "${tag}user:$_[0]{id}", 'banned',
                                   1) },
        'logs out' => sub { ctfd_redis('DEL',
                                       "flask_cache_session$_[0]{sid}") },
        'has a new password' => sub { redis('HSET', "${tag}user:$_[0]{id}",
                                            'hash', 'another') },
    );

    for my $what (sort keys %way) {
        my ($admin, $listener) = admin();

        # the first look comes in any case, so what follows is seen by another
        ok(wait_until(10, sub {
               error_log() =~ /rd sse: listener looked at, user:$admin->{id}\b/;
           }), "$how: before he $what he is looked at");
        $way{$what}->($admin);

        my ($words, $took) = last_words($listener, $bound_s + 10);
        is($words, ': closed: you are no administrator any more',
           "$how: who $what is told so");
        cmp_ok($took, '<', $bound_s * RD::Place::slow_factor(),
               "$how: and soon");
        isnt(listen_to($admin)->{code}, 200, "$how: there is no way back");
    }

    my $id = happen('after all');
    ok(wait_until(10, sub { ((events_of($other, 1))[0]{id} // '') eq $id }),
       "$how: others listen on");
    $other->{client}->close;
}

run_tests();

__DATA__

=== TEST 1: Redis tells of changes
--- http_config eval
$RD::Site::Http . "    rd_zone rd:1m;\n"
--- init
revoked('told', 5);


=== TEST 2: nobody does
--- init
revoked('asked', 9);


=== TEST 3: nobody can, and what was read may count for ten minutes
--- http_config eval
$RD::Site::Http . "    rd_zone rd:1m;\n    rd_cache_ttl 10m;\n"
--- init
redis('ACL', 'SETUSER', 'default', '-client|tracking');
ok(wait_until(10, sub {
       redis('CLIENT', 'KILL', 'TYPE', 'pubsub');
       return error_log() =~ /a change counts after 600000ms/;
   }), 'Redis cannot tell of changes');
revoked('untold', 9);
