# What the overview says in each state: before its script runs, in the queue,
# when a limit or a drain is met, offline, and after a change of the login.

use RD 'no_plan';
use RD::Browser;
use RD::Events;
use RD::Page;
use RD::Serve;
use RD::Site;
use Time::HiRes ();

$RD::Site::Http =~ s/^\s+rd_rate_limit.*\n//mg;
$RD::Site::Http .= <<'END';
    include /etc/nginx/mime.types;
    rd_rate_limit create 1 8s;
    rd_rate_limit extend 1 1m;
    rd_zone rd:1m;
END
$RD::Site::Config = "include \$TEST_NGINX_TOP/conf/desktop.inc;\n";

add_block_preprocessor(\&RD::Site::preprocess);
leave_keys(qr/\}:(?:session|owner|last|user|ready|live|expiry|warn)/,
           qr/\}:(?:rate|queue|slots|history|stopping|lease)/);

serve_pages();
run_tests();

my $tag = 'rd:{' . site() . '}:';
my ($ada, $bob, $dan, $admin) = map { visitor($_) } qw(ada bob dan admin);
my $page = RD::Page->new;

sub lines { return join ' | ', @{ $page->lines } }

sub attribute {
    my ($selector, $name) = @_;
    return $page->eval("document.querySelector('$selector')"
                       . ".getAttribute('$name')");
}


# ---- without a script -------------------------------------------------------

$page->visitor({ javaScriptEnabled => JSON::PP::false });
$page->open;
is(lines(), 'Remote Desktop | This page needs JavaScript to show a desktop.',
   'without JavaScript the page has one sentence');
$page->shot('no-script');

for my $path (qw(vnc terminal)) {
    $page->open("/remote-desktop/$path/2/");
    like(lines(), qr/\AA (?:desktop|terminal) needs JavaScript\.\z/,
         "so has the page of $path");
}

$page->visitor({});
$page->hold('**/app/page.js');
$page->open('/remote-desktop', 'commit');
$page->sees('.card', 'One moment');
is(lines(), "Remote Desktop | One moment\x{2026}",
   'before the script runs only the loading view is seen');
$page->shot('loading');
$page->eval('document.getAnimations().forEach((a) => a.finish())');
like(lines(), qr/takes longer than usual. Reload the page/,
     'after a while it offers a reload');


# ---- login ------------------------------------------------------------------

$page->visitor({});
$page->open;
$page->view('login');
$page->shot('login');
$page->cookie($ada->{cookie});
is($page->view('idle'), 'idle',
   'after a login in another tab the page goes on by itself');
is($page->text('#who'), 'ada', 'and says who is logged in');
$page->shot('idle');


# ---- offline ----------------------------------------------------------------

$page->eval(q{window.rdSeen = [];
    new MutationObserver(() => rdSeen.push(document.body.innerText))
        .observe(document.body, { subtree: true, childList: true })});
$page->offline(JSON::PP::true);
$page->click('#start');
$page->view('error');
is($page->text('#error-title'), 'The server cannot be reached',
   'Start without a network says so');
unlike($page->eval('rdSeen.join()'), qr/Queued|in line/,
       'and never claims that a desktop is queued');
$page->shot('offline');
$page->offline(JSON::PP::false);
is($page->view('idle'), 'idle', 'when the network is back the page goes on');


# ---- the queue --------------------------------------------------------------

api($_, 'POST create') for $bob, $dan;
$page->click('#start');
$page->view('starting');
ok($page->sees('#place', 'You are 3rd in line'),
   'the third player in the queue sees the place');
ok($page->sees('#why', '^[A-Z].*host.*\.$'), 'and why nobody gets a desktop');
$page->shot('queued');

$page->answer('**/api/creation-status', 200,
    { status => 'queued', message => 'Queued...', position => 2, estimate => 37,
      reason => 'both hosts are busy starting desktops' });
ok($page->sees('#place', '^You are 2nd in line, about 40\\ss\.$'),
   'an estimate is shown, rounded');
$page->shot('queued-estimate');
$page->unanswer('**/api/creation-status');
$page->answer('**/api/creation-status', 200,
    { status => 'queued', message => 'Queued...', position => 1,
      estimate => undef, reason => 'every host is full' });
ok($page->sees('#place', '^You are next in line\.$'),
   'an unknown estimate is no number');
$page->unanswer('**/api/creation-status');

$page->click('#cancel');
$page->view('idle');
is(redis('EXISTS', "${tag}owner:2"), 0, 'Cancel works while queued');


# ---- limits -----------------------------------------------------------------

# on a slow machine the limit of the first Start may be over
redis('ZADD', "${tag}rate:create:2", int(1000 * Time::HiRes::time()), 'now');
redis('PEXPIRE', "${tag}rate:create:2", 8000);
$page->click('#start');
$page->view('error');
is($page->text('#error-title'), 'That was too often',
   'the second Start within the limit is refused in words');
like($page->text('#again'), qr/^Try again \(0:0[1-9]\)$/,
     'the button counts down');
is(attribute('#again', 'aria-disabled'), 'true', 'and is disabled');
$page->shot('rate-limited');
$page->requests;
$page->eval("document.querySelector('#again').click()");
is_deeply([map { $_->{url} } @{ $page->requests }], [],
          'a press asks the server nothing');
ok($page->sees('#again', '^Try again$'), 'until the time is over');
$page->click('#again');
is($page->view('starting'), 'starting', 'then it works');
api($_, 'POST destroy') for $ada, $bob, $dan;
$page->view('idle');

$page->answer('**/api/create', 503,
              { code => 'queue_full', error => 'x' }, { 'Retry-After' => '5' });
$page->click('#start');
ok($page->sees('#error-title', 'Too many players are waiting'),
   'a full queue has words of its own');
$page->shot('queue-full');
$page->unanswer('**/api/create');

$page->eval("sessionStorage.setItem('rd-started', Date.now())");
$page->answer('**/api/creation-status', 200,
    { status => 'failed', message => 'refused', error => 'refused',
      code => 'docker_refused', hostname => 'h' });
$page->reload;
ok($page->sees('#error-title', 'could not be started'),
   'a creation that failed is told as that');
is($page->text('#error-detail'), 'Code for organizers: docker_refused',
   'with the code an organizer needs');
$page->shot('failed');
$page->unanswer('**/api/creation-status');


# ---- an open desktop --------------------------------------------------------

my $desktop = serve_desktop(many => 1,
                            headers => "Sec-WebSocket-Protocol: binary\r\n");

sub desktop_of {
    my ($visitor, %more) = @_;

    give_desktop($visitor->{id}, $desktop, host => '192.0.2.1', %more);
    redis('SADD', "${tag}slots:192.0.2.1", sprintf '%032x', $visitor->{id});
}

desktop_of($ada, ssh_port => 2222, public_host => 'ctf-1.example');
$page->permit('clipboard-read', 'clipboard-write');
$page->reload;
$page->view('desktop');

admin_api($admin, 'POST hosts/drain', 'host=192.0.2.1&grace=500');
$page->look;
ok($page->sees('#notice', 'being emptied, so your time was shortened'),
   'a drain says why the clock has jumped') or diag(lines());
is($page->eval("document.querySelector('#extend').disabled"),
   JSON::PP::true, 'and that time cannot be added');
like($page->text('#clock'), qr/^8:[012]\d$/, 'the clock has');
$page->shot('drained');
admin_api($admin, 'POST hosts/activate', 'host=192.0.2.1');
$page->look;
ok($page->sees('#clock', '^(1:00|59):'),
   'when it is taken back the time is, too');

$page->click('#extend');
$page->sees('#extensions', '^1 of 3');
$page->click('#extend');
ok($page->sees('#notice', 'That was too often'),
   'too many extensions: it says so');
like($page->text('#extend'), qr/^Extend \((?:1:00|0:5\d)\)$/,
     'and Extend counts down');
is($page->view('desktop'), 'desktop', 'the desktop stays open');
$page->shot('extend-limited');

$page->answer('**/api/status', 503, { code => 'redis_down', error => 'x' },
              { 'Retry-After' => '1' });
$page->look;
ok($page->sees('#notice', 'is not available at the moment. Trying again'),
   'a lost session store is no crash');
$page->unanswer('**/api/status');
$page->look;
ok($page->wait("!document.querySelector('#notice').textContent"
               . ".includes('available')"),
   'and what is over is not said any longer');

$page->click('#tab-ssh');
$page->wait("!document.querySelector('#ssh-data').hidden");
$page->shot('ssh');
my %line = map { $_ => $page->eval("document.querySelector('#ssh-$_')"
                                   . '.textContent') }
           qw(command password copy forget);

for my $name (sort keys %line) {
    $page->click("[data-copies=ssh-$name]");
    $page->wait("document.querySelector('[data-copies=ssh-$name]').textContent"
                . " === 'Copied'");
    is($page->eval('navigator.clipboard.readText()'), $line{$name},
       "the SSH card copies its line: $name");
}


# ---- the login changes ------------------------------------------------------

$page->cookie($bob->{cookie});
$page->look;
$page->view('idle');
is($page->text('#notice'), 'You are logged in as bob now. The desktop of ada '
   . 'goes on until its time is over.',
   'another user logs in: the desktop has not ended');
is($page->text('#who'), 'bob', 'the page says who it is now');
$page->shot('another-user');

$page->click('#start');
$page->view('starting');
is($page->eval("document.querySelector('#notice').hidden"), JSON::PP::true,
   'a new start takes the old news away');
api($bob, 'POST destroy');
desktop_of($bob);
$page->reload;
$page->view('desktop');
redis('HSET', "${tag}user:3", 'banned', 1);
$page->look;
$page->view('error');
is($page->text('#error-title'), 'This account is banned',
   'a ban closes the desktop');
unlike(lines(), qr/Extend|Stop/, 'and leaves no button of it');
$page->shot('banned');

is_deeply($page->errors, [], 'no page had an error');

__DATA__

=== TEST 1: the site is there
--- request
GET /remote-desktop
--- response_body_like: <title>
