# What the runner looks at after every file: each fault is planted once, on
# nginx as Debian has it, and has to make an otherwise passing file fail.

use strict;
use warnings;

use Test::More;
use RD::Inner;
use RD::Place qw(prefix slurp);

# a suite with one block that passes; $before and $init plant the fault
sub suite {
    my ($before, $init, %more) = @_;

    return <<"END";
use RD 'no_plan';
no_module();
$before
run_tests();
@{[ $more{after} // '' ]}
__DATA__

=== one
--- config
location = /a { return 200 "a\\n"; }
--- init: $init
--- request
@{[ $more{request} // 'GET /a' ]}
@{[ $more{sections} // '' ]}
END
}

my $append = 'open my $f, ">>", RD::server_root() . "/logs/error.log"; '
             . 'print $f "%s\n"; close $f';

sub log_line { return sprintf $append, $_[0] }


passes('nothing planted, nothing found', suite('', '1'));

fails('an alert in the log', suite('', log_line('[alert] bad')),
      qr/error\.log holds an alert: \[alert\] bad/);

fails('an emergency in the log', suite('', log_line('[emerg] bad')),
      qr/error\.log holds an emergency/);

fails('a crash in the log', suite('', log_line('9 exited on signal 11')),
      qr/error\.log holds a crash/);

for my $line ('x.c:1:2: runtime error: shift', '==1==ERROR: AddressSanitizer: x',
              '==1==ERROR: LeakSanitizer: x', '==1== Invalid read of size 8')
{
    fails("a checker's line in the log: $line", suite('', log_line($line)),
          qr/memory fault: \Q$line\E/);
}

fails('a checker\'s file beside the log',
      suite('', 'RD::spew(RD::server_root() . "/logs/valgrind.1",'
                . '"==1== ERROR SUMMARY: 2 errors\n")'),
      qr/memory fault: ==1== ERROR SUMMARY: 2/);

fails('a worker that is killed',
      suite('', 'kill KILL => RD::nginx()->workers; '
                . 'RD::wait_until(5, sub { RD::error_log() =~ /exited on/ })'),
      qr/exited on signal 9/);

passes('a worker that is killed, and the file said so',
       suite('allow_log(qr/exited on signal 9/);',
             'kill KILL => RD::nginx()->workers; '
             . 'RD::wait_until(5, sub { RD::error_log() =~ /exited on/ })'));

fails('a process that stays',
      suite('$RD::Guard::GoneSeconds = 0.5;',
            'system("tail -f /dev/null >/dev/null &")'),
      qr/process \d+ was left: tail -f/);

fails('nginx that does not exit',
      suite('$RD::Nginx::StopSeconds = 0.5;', '1',
            after => 'kill STOP => nginx()->workers;'),
      qr/nginx did not exit within 0\.5 s of QUIT/);

fails('a secret in an error line',
      suite('planted_secret("open sesame");', '1',
            request => 'GET /open%20sesame', sections => '--- error_code: 404'),
      qr/error\.log holds a secret: .*<SECRET>/);

fails('a secret in a debug line of ours',
      suite('planted_secret("open sesame");',
            log_line('2026/01/01 00:00:00 [debug] 1#1: *1 rd access: open sesame')),
      qr/error\.log holds a secret: .*rd access: <SECRET>/);

passes('a secret in a debug line of nginx itself',
       suite('planted_secret("sesame");', '1',
             request => "GET /a\n--- more_headers\nX-Y: sesame"));

fails('a key that stays in Redis', suite('leave_keys(qr/^mine:/);',
      'RD::redis("SET other 1")'), qr/redis key was left: other/);

passes('a key that may stay', suite('leave_keys(qr/^mine:/);',
       'RD::redis("SET mine:1 1")'));

my $noted = passes('without leave_keys a key is only noted',
                   suite('', 'RD::redis("SET session:1 1")'));
like($noted->{err}, qr/redis key was left: session:1/, '... but noted');

fails('a cleanup that fails', suite('add_cleanup_handler(sub { die "no" });',
      '1'), qr/cleanup: no/);


# ---- starts ------------------------------------------------------------------

unlink glob prefix() . "/build/t/*.failed/logs/*";

fails('a start that fails is told at once, with the log',
    suite('', '1') =~ s/location/locution/r,
    qr/nginx did not start:.*unknown directive "locution"/s);
is(() = slurp((glob prefix() . '/build/t/*.failed/logs/stderr.log')[0])
        =~ /emerg/g, 1, '... and is not tried again');

fails('must_die on an nginx that lives',
      suite('', '1', sections => '--- must_die'), qr/not ok 1 - one - die/);

passes('must_die on an nginx that dies',
       suite('', '1', sections => "--- must_die\n--- error_log\nlocution\n")
       =~ s/location/locution/r);

fails('must_die with another exit code',
      suite('', '1', sections => '--- must_die: 7') =~ s/location/locution/r,
      qr/expected exit code/);

fails('an alert of an nginx that was to die',
      suite('$RD::Nginx::LogLevel = "debug"; END { }', '1',
            sections => "--- must_die\n", after => log_line('[alert] dying'))
      =~ s/location/locution/r, qr/holds an alert/);

my $two = passes('nginx starts once for two blocks of one configuration', <<'END');
use RD 'no_plan';
no_module();
run_tests();
is(nginx()->{starts}, 2, 'starts');
__DATA__

=== one
--- config
location = /a { return 200 "a\n"; }
--- request
GET /a

=== the same
--- config
location = /a { return 200 "a\n"; }
--- request
GET /a
--- no_error_log
built-in

=== another
--- config
location = /b { return 200 "b\n"; }
--- request
GET /b
END

passes('use_hup reloads instead', <<'END');
use RD 'no_plan';
no_module();
use_hup();
run_tests();
is(nginx()->{starts}, 1, 'starts');
__DATA__

=== one
--- config
location = /a { return 200 "a\n"; }
--- request
GET /a

=== another
--- config
location = /a { return 200 "b\n"; }
--- request
GET /a
--- response_body
b
END


# ---- plans, and the end --------------------------------------------------------

fails('a plan that is not met',
      suite('plan(tests => 2);', '1') =~ s/ 'no_plan'//r, qr/planned 2 tests/);

passes('a plan of blocks', suite('plan(tests => repeat_each() * blocks());', '1')
                           =~ s/ 'no_plan'//r);

is(@{ passes('repeat_each runs a block again',
             suite('repeat_each(3);', '1'))->{tests} }, 3, '... three times');

is(@{ passes('ONLY', suite('', '1') . "\n=== two\n--- request\nGET /a\n"
             . "--- ONLY\n--- config\nlocation /a { return 200; }\n")
      ->{tests} }, 1, '... runs one block');

is(@{ passes('SKIP', suite('', '1') . "\n=== two\n--- request\nGET /no\n"
             . "--- SKIP\n")->{tests} }, 1, '... leaves one block out');

is(@{ passes('LAST', suite('', '1', sections => '--- LAST')
             . "\n=== two\n--- request\nGET /no\n")->{tests} },
   1, '... is the last block');

fails('a test that dies', suite('', 'die "as planned"'), qr/as planned/);

# the test is interrupted in the middle of its block: all it started goes
my $pids = prefix() . '/pids';
fails('a test that is interrupted', suite("own_redis();",
      'RD::spew("' . $pids . '", join " ", RD::nginx()->pid, '
      . 'RD::own_redis()->pid); kill INT => $$'), qr/^/);
my @pids = split ' ', slurp($pids);
is(@pids, 2, '... had nginx and redis running');
is(scalar(grep { slurp("/proc/$_/stat") =~ /\) [^Z] / } @pids), 0,
   '... and leaves neither');

my @rest = glob prefix() . '/build/t/*';
is(scalar(grep { !/\.failed$/ } @rest), 0, 'only failed files leave a folder');

done_testing();
