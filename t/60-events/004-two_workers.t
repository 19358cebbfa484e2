# Each worker has its own feed; a reload ends streams as they should end.

use RD 'no_plan';
use RD::Events;
use RD::Site;

$RD::Site::Http .= "    rd_events_keepalive 2s;\n";

add_block_preprocessor(\&RD::Site::preprocess);
leave_keys(qr/\}:(?:last|owner|user|queue|probe)/, qr/\}:session:/);
workers(2);

run_tests();

my $admin = visitor('admin');

sub feeds { return scalar(() = redis('CLIENT', 'LIST') =~ /cmd=xread/g) }

my @listeners;

ok(wait_until(30, sub {
       push @listeners, listen_to($admin);
       return feeds() == 2;
   }), 'listeners come to both workers, each with one connection');

my $id = happen('to all');
is((grep { (events_of($_, 1))[0]{id} eq $id } @listeners), @listeners,
   'and all of them hear what happens');

my %worker = map { $_ => 1 }
    error_log() =~ m{\] (\d+)#\d+: \*\d+ rd sse: listener came}g;
is(scalar keys %worker, 2, 'by two processes');


# ---- reload -----------------------------------------------------------------

my $log = length error_log();
kill HUP => nginx()->pid;

my $ended = grep {
    my @lines;
    while (defined(my $line = next_line($_, 10))) {
        push @lines, $line;
        last if $line =~ /^(?:eof|cut)$/;
    }
    @lines >= 3 && "@lines[-3 .. -1]" eq
        'retry: 1000 : the server reloads eof';
} @listeners;

is($ended, @listeners, 'a reload ends each stream, saying when to come back');
$_->{client}->close for @listeners;

ok(wait_until(20, sub {
       my $text = substr error_log(), $log;
       return (grep { $text =~ /\] $_#\d+: exit\b|\] $_#\d+: exiting/ }
               keys %worker) == 2
              && !grep { kill 0 => $_ } keys %worker;
   }), 'the old workers are gone');

my $missed = happen('in between');
my $again = listen_to($admin, after => $id);
is((events_of($again, 1))[0]{id}, $missed, 'who comes back misses nothing');
$again->{client}->close;


# ---- a worker dies ----------------------------------------------------------

allow_log(qr/exited on signal 9|signal process started/);

my $here = listen_to($admin, after => $missed);
my ($pid) = (error_log() =~ /\] (\d+)#\d+: \*\d+ rd sse: listener came/g)[-1];
kill KILL => $pid;
ok(defined next_line($here, 10), 'a worker that dies ends its streams');

my $after = happen('after it died');
ok(wait_until(10, sub {
       my $new = eval { listen_to($admin, after => $missed) } // return;
       return $new->{code} eq '200'
              && ((events_of($new, 1))[0]{id} // '') eq $after;
   }), 'the other one takes who comes back, and tells him what he missed');

__DATA__

=== TEST 1: nginx starts
--- request
GET /remote-desktop/admin/api/events/recent
--- error_code: 401
