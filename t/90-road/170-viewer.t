# An open desktop on real parts: copy and paste, keys, full screen, sizes, a
# path that dies, and an administrator who looks on.

use RD 'no_plan';
use RD::Browser;
use RD::DockerHost;
use RD::Place qw(prefix slurp spew);
use RD::Site;

add_block_preprocessor(\&RD::Site::preprocess);
leave_keys(qr/\}:(?:last|events|history|user)/, qr/\}:session:/,
           qr/^flask_cache_session/);

my ($host) = docker_hosts(1, image => 0);

desktop_image($host);
serve_pages();
ok(start_login(RD::own_redis()->socket, site()), 'the login is there');

run_tests();

my $docker = $host->{docker};
my $ada = browser(SCRIPT => 'viewer.mjs', USER => 'ada', OWNER => 2,
    HOLD => 'start,paste,focus,copy,plain,keys,full,late,peek,last,shell',
    STEPS => 'start,path,paste,focus,copy,copyAgain,plain,field,phone,keys,'
             . 'full,late,peek,last,shell,died,stop');

my $start = step($ada, 'start');
like($start->{size} // '', qr/^\d+x\d+$/, 'ada has a desktop');

my ($container) = $docker->containers;
my $id = redis('GET', 'rd:{' . site() . '}:owner:2');
my $record = 'rd:{' . site() . "}:session:$id";

planted_secret(redis('HGET', $record, $_)) for qw(vnc_password view_password);

sub inside {
    my (@command) = @_;

    return eval {
        $docker->docker('exec', '-u', 'ada', '-e', 'DISPLAY=:1', '-e',
                        'LANG=C.UTF-8', $container, @command);
    } // '';
}

sub clip { return inside(qw(xclip -o -selection), shift // 'clipboard') }

# puts a text into the desktop's clipboard, as one of its programs would
sub put_clip {
    my ($text) = @_;

    inside('sh', '-c', "printf %s '$text' | xclip -selection clipboard "
                       . '> /dev/null 2>&1');
}

go_on($ada);


# ---- the clipboard ----------------------------------------------------------

my $lines = "gr\xc3\xbc\xc3\x9fe \xe6\x97\xa5\xe6\x9c\xac "
          . "\xf0\x9f\x8e\x89\nsecond\ttab";

ok(step($ada, 'paste'), 'she presses Ctrl+V in it');
ok(wait_until(10, sub { clip() eq $lines }),
   'which brings the text of her computer, Unicode included');
is(clip('primary'), $lines, 'also for a middle click');
go_on($ada);

my $bytes = step($ada, 'focus')->{bytes} // 0;
cmp_ok($bytes, '>', 999_000, 'a megabyte on her clipboard');
ok(wait_until(10, sub { length clip() == $bytes }),
   'is there when the page gets the focus');

put_clip("from \xe6\x97\xa5\xe6\x9c\xac \xf0\x9f\x8e\x89");
go_on($ada);
is(step($ada, 'copy')->{text}, "from \x{65e5}\x{672c} \x{1f389}",
   'what a program of the desktop copies is on her clipboard');

inside('sh', '-c', 'yes from | head -c 1000000 '
                   . '| xclip -selection clipboard > /dev/null 2>&1');
go_on($ada);
is(step($ada, 'copyAgain')->{bytes}, 1_000_000, 'also a megabyte');

my $plain = step($ada, 'plain');
is($plain->{secure}, JSON::PP::false(), 'on plain http there is no clipboard');
ok(wait_until(10, sub { clip() eq $lines }), 'a text field sends');
put_clip('from the desktop');
go_on($ada);

my $field = step($ada, 'field');
is($field->{text}, 'from the desktop', 'and receives');
is($field->{drawer}, JSON::PP::false(), 'and Escape closes its drawer');


# ---- sizes ------------------------------------------------------------------

my $phone = step($ada, 'phone');
is($phone->{phone}, '360x640', 'a phone beside it has its size');
is($phone->{still}, '360x640', 'which another window, resized, leaves alone');
is($phone->{after}, $phone->{before}, 'a notice takes no room');
isnt($phone->{size}, '360x640', 'whoever uses the other window gets its size');


# ---- keys -------------------------------------------------------------------

ok(step($ada, 'keys'), 'she presses the buttons of keys');

sub keys_in { return inside('cat', '/tmp/keys') }

ok(wait_until(10, sub { keys_in() eq '^[^W^T^N' }),
   'which the desktop gets') or diag(keys_in());
go_on($ada);

my $full = step($ada, 'full');
cmp_ok($full->{locked} // 0, '>', 0, 'full screen locks the keyboard');
is($full->{still}, JSON::PP::true(), 'Escape does not leave it');
ok(wait_until(10, sub { keys_in() eq '^[^W^T^N^[x' }),
   'but reaches the desktop') or diag(keys_in());
like($full->{left} // '', qr/^3:\d\d$/, 'the time is seen');
like($full->{warning} // '', qr/ends in 4 minutes/, 'and the warning');
is($full->{size}, $full->{room}, 'which take no room');
go_on($ada);

my $late = step($ada, 'late');
like($late->{warning} // '', qr/less than a minute/,
   'a desktop that is opened late warns at once');
is($late->{type}, 'beforeunload', 'and asks before it is left');
put_clip('kept');
go_on($ada);


# ---- somebody looks on ------------------------------------------------------

my $peek = step($ada, 'peek');
like($peek->{watching} // '', qr/^Watching ada\b/,
     "an administrator sees whose desktop it is");
is("$peek->{keys}" . $peek->{clip}, '00', 'has no keys and no clipboard');
is($peek->{after}, $peek->{before}, 'and does not change its size');
is($peek->{last}, $peek->{before}, 'not even with a page of his own');
ok($peek->{forced}, 'which sends keys and text as well');
is($peek->{other}, "This is somebody else\x{2019}s desktop",
   'another player sees nothing');
go_on($ada);

ok(step($ada, 'last'), 'the owner types after that');
ok(wait_until(10, sub { keys_in() =~ /last$/ }), 'and is heard');
is(keys_in(), '^[^W^T^N^[xlast', 'the administrator was not');
is(clip(), 'kept', 'nor was his text taken');
go_on($ada);


# ---- the terminal -----------------------------------------------------------

my $shell = step($ada, 'shell');
is(inside('cat', '/tmp/pasted'),
   "gr\xc3\xbc\xc3\x9fe \xe6\x97\xa5\xe6\x9c\xac\n",
   'Ctrl+Shift+V pastes into the terminal');
is($shell->{text}, 'cop1ed', 'and Ctrl+Shift+C copies from it');
is($shell->{asks}, JSON::PP::true(), 'the overview asks before it is left');
go_on($ada);


# ---- a path that died meanwhile ---------------------------------------------

my $died = step($ada, 'died');

for my $name (qw(path shell)) {
    my $of = $died->{$name};

    cmp_ok($of->{noticed} // 1e9, '<', 30_000,
           "$name: a path that dies silently is noticed within 30 s");
    cmp_ok($of->{doubted} // 1e9, '<', $of->{noticed} // 0,
           "$name: it is said before");
    cmp_ok($of->{back} // 1e9, '<', 60_000, "$name: it connects by itself");
}

diag(JSON::PP::encode_json($died)) if $ENV{TEST_VERBOSE};

ok(step($ada, 'done'), 'that is all');
ok(!$ada->{said}{pageerror}, 'no page had an error');
ok(wait_until(30, sub { my @all = $docker->containers; !@all }),
   'the container is removed');

__DATA__

=== TEST 1: the site is there
--- http_config eval
$RD::Site::Http . $RD::Browser::Http
--- config eval
$RD::Browser::Config
--- hosts
workspace_hosts:
$TEST_NGINX_HOST1
container_defaults:
  memory_limit: 1g
  resolution: 1024x768
  modes: [desktop, terminal, ssh]
--- request
GET /remote-desktop
--- response_body_like: <title>
