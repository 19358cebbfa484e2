# What keeps a stream alive: it is never silent for long, and nothing on the
# way gathers what is said.

use RD 'no_plan';
use RD::Events;
use RD::Site;

$RD::Site::Http .= <<'END';
    rd_events_keepalive 1s;
    gzip on;
    gzip_types application/json text/event-stream;
END

add_block_preprocessor(\&RD::Site::preprocess);
leave_keys(qr/\}:(?:last|owner|user|queue|probe)/, qr/\}:session:/);

run_tests();

my $admin = visitor('admin');
my $listener = listen_to($admin);

ok(wait_until(10, sub { (next_line($listener, 5) // '') eq ': keepalive' }),
   'an idle stream says so');

{
    my ($n, $keepalives) = (0, 0);

    # no second without an event: nothing is said because of a silence
    ok(wait_until(10, sub {
           my $id = happen('event ' . ++$n);
           my $line = '';

           while ($line ne "id: $id") {
               $line = next_line($listener, 5) // die "he hears nothing\n";
               $keepalives++ if $n > 1 && $line eq ': keepalive';
           }

           return $keepalives;
       }), 'so does one on which much happens: nobody has to know which it is');
}

{
    my %gzip = (more => "Accept-Encoding: gzip\n");
    my $res = admin_api($admin, 'GET events/recent', undef, %gzip);

    is($res->{header}{'content-encoding'}, 'gzip', 'a site that compresses');

    my $second = listen_to($admin, %gzip);
    is($second->{header}{'content-encoding'}, undef,
       'does not compress a stream');
    $second->{client}->close;
}

__DATA__

=== TEST 1: nginx starts
--- request
GET /remote-desktop/admin/api/events/recent
--- error_code: 401
