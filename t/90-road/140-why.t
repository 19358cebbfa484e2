# A WebSocket that the gate refuses: the page asks why, and says it.

use RD 'no_plan';
use RD::Browser;
use RD::Page;
use RD::Serve;
use RD::Site;

$RD::Site::Http .= "    include /etc/nginx/mime.types;\n";
$RD::Site::Config = "include \$TEST_NGINX_TOP/conf/desktop.inc;\n";

log_level('info');
add_block_preprocessor(\&RD::Site::preprocess);
leave_keys(qr/./);

serve_pages();
run_tests();

my $base = nginx->{text};
my $page = RD::Page->new;

give_desktop(2, serve_desktop(many => 1), terminal_port => 1);
$page->visitor({ cookie => visitor('ada')->{cookie} });

sub refusals {
    return scalar(() = error_log() =~ /rd access: refused, bad_origin/g);
}


# ---- a proxy in front that changes Host --------------------------------------

nginx->stop;
nginx->start($base =~ s{(rd_site)}{rd_allowed_origins https://ctf.test; $1}r);

for my $path (qw(vnc terminal)) {
    my $before = refusals();

    $page->open("/remote-desktop/$path/2/");
    ok($page->sees('#title', 'opened under another address'),
       "$path: the page says why its WebSocket was refused");
    like($page->text('#text'), qr/tell an organizer/, '... and what to do');
    is($page->text('#again'), 'Reconnect', '... and tries no more by itself');
    is(refusals() - $before, 2, '... after one WebSocket and one question');
}


# ---- nothing is wrong at the gate --------------------------------------------

nginx->stop;
nginx->start($base);
give_desktop(2, 1);
$page->open('/remote-desktop/vnc/2/');
$page->sees('#text', 'Trying again');
ok(wait_until(20, sub { error_log() =~ /refused, websocket_required/ }),
   'a desktop that does not answer is tried again');

__DATA__

=== TEST 1: nginx starts
--- request
GET /remote-desktop/api/status
--- error_code: 401
