# What a gate makes of a record that our scripts would not have written, by the
# record or by the text they write for gates: nobody comes in, and nothing is
# reached that a record did not name.

use RD 'no_plan';
use RD::Serve;
use RD::Site;
use RD::Tunnel;

add_block_preprocessor(\&RD::Site::preprocess);
planted_secret('pLaNtEd8');
leave_keys(qr/\}:(?:session|owner|last|ready|live|expiry|stopping)/,
           qr/\}:(?:events|history)/);

run_tests();

my $ada = visitor('ada');
my $port = serve_desktop(many => 1);
my $id = sprintf '%032x', 2;
my $key = 'rd:{' . RD::site() . '}:ready:2';

for my $case (
    [{ id => substr $id, 1 } => '404', 'an id that is too short'],
    [{ id => "0$id" } => '404', 'an id that is too long'],
    [{ id => 'g' . substr $id, 1 } => '404', 'an id that is not hexadecimal'],
    [{ id => 'A' . substr $id, 1 } => '404', 'an id in capitals'],
    [{ id => '""' } => '404', 'no id'],
    [{ state => 'READY' } => '404', 'a state nobody knows'],
    [{ state => '""' } => '404', 'no state'],
    [{ address => 'localhost' } => '503', 'an address that is a name'],
    [{ address => '127.0.0.256' } => '503', 'an address that is none'],
    [{ address => '""' } => '503', 'no address'],
    [{ web_port => '""' } => '404', 'no port'],
    [{ web_port => "${port}x" } => '404', 'a port with a letter'],
    [{ web_port => "-$port" } => '404', 'a negative port'],
    [{ web_port => "0$port" } => '404', 'a port with a zero before it'],
    [{ web_port => 65536 + $port } => '404', 'a port beyond the last one'],
    [{ expires_ms => '""' } => '410', 'no end'],
    [{ expires_ms => '9' x 20 } => '410', 'an end beyond any number'],
) {
    my ($spoiled, $code, $what) = @$case;

    for my $text (0, 1) {
        next if $text && exists $spoiled->{expires_ms};

        redis('DEL', $key);
        give_desktop(2, $port, %$spoiled, for_gates => $text);
        is(tunnel($ada, 2), $code, $text ? "$what, for gates" : $what);
    }
}

redis('DEL', $key);
give_desktop(2, $port);
ok(ref tunnel($ada, 2), 'and with a record that makes sense the door is open');

__DATA__

=== TEST 1: nginx starts
--- request
GET /remote-desktop/api/status
--- error_code: 401
