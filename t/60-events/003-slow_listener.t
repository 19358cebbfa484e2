# Who does not read is not waited for.

use RD 'no_plan';
use RD::Events;
use RD::Site;

add_block_preprocessor(\&RD::Site::preprocess);
leave_keys(qr/\}:(?:last|owner|user|queue|probe)/, qr/\}:session:/);

run_tests();

my $admin = visitor('admin');

my $slow = listen_to($admin, rcvbuf => 32768);
my $quick = listen_to($admin);

is($slow->{code}, 200, 'one listener');
is($quick->{code}, 200, 'and another');

# 20 KB each: the kernel's buffers take some, the queue a hundred
my $long = 'x' x 20000;
my $made = 0;
my $heard = 0;

ok(wait_until(60, sub {
       happen($long . ++$made) for 1 .. 10;
       $heard += grep { ($_->{message} // '') =~ /^x/ } events_of($quick, 10);
       return error_log() =~ /rd sse: listener is too slow/;
   }), 'the one who reads nothing is too slow');

is($heard, $made, 'the other one hears all');
ok($made >= 100, 'he may be a hundred events behind');

my (@lines, @numbers);
while (defined(my $line = next_line($slow, 30))) {
    push @lines, $line =~ /^data/ ? 'data' : $line;
    push @numbers, $1 if $line =~ /"message":"x+(\d+)"/;
    last if $line =~ /^(?:eof|cut)$/;
}

is($lines[-2], ': closed: this listener is too slow', 'he is told why');
is($lines[-1], 'eof', 'at the end of his stream');
is_deeply(\@numbers, [1 .. @numbers], 'what he got was in order');
ok(@numbers < $made, 'and not all of it');

my $id = happen('after all');
ok((grep { $_->{id} eq $id } events_of($quick, 1)), 'the other one stays');

# he comes back and says where he was
$slow->{client}->close;
my $last = (grep { /^id: / } @lines)[-1] =~ s/^id: //r;
my $again = listen_to($admin, after => $last);
my @rest = events_of($again, $made - @numbers + 1, 20);
is($rest[-1]{id}, $id, 'who comes back gets what he missed');

__DATA__

=== TEST 1: nginx starts
--- config
        location /remote-desktop/admin/api/ {
            rd_api admin;
            output_buffers 1 4k;
        }
--- request
GET /remote-desktop/admin/api/events/recent
--- error_code: 401
