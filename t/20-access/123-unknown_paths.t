# Whoever asks conf/desktop.inc for what is not there gets an answer, and
# error.log no line: anybody could fill it.

use RD 'no_plan';
use RD::Browser;
use RD::Place qw(prefix);
use RD::Site;

use File::Path qw(make_path);

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value('config', 'include $TEST_NGINX_TOP/conf/desktop.inc;');
});
add_block_preprocessor(\&RD::Site::preprocess);
serve_pages();
run_tests();

make_path(prefix() . '/web/static/v1', prefix() . '/web/current');

my $before = nginx()->log_size;
my $long = 'x' x 300;

for my $path ('nowhere', 'nowhere/', 'index.html', 'api', 'api/', 'api/nowhere',
              'admin/api/nowhere', 'static', 'static/', 'static/nowhere',
              'static/v1', 'static/v1/', "static/$long", $long, "$long/$long",
              'static/..%2fnginx.conf', 'vnc/0/', 'vnc/2',
              'vnc/2/nowhere', 'vnc/x/websockify', 'terminal/2/nowhere',
              'app/', 'app/index.html', 'novnc/', '.git/config', '%00')
{
    for my $method (qw(GET HEAD POST)) {
        my $res = http("$method /remote-desktop/$path");

        like($res->{code}, qr/^(?:4|301)/,
             "$method " . substr($path, 0, 40) . ' shows nothing');
    }
}

my @lines = grep { /\[(?:warn|error|crit|alert|emerg)\]/ && !/ rd fleet: / }
    split /\n/, nginx()->log($before);
is_deeply(\@lines, [], 'and error.log has no line of it');

__DATA__

=== TEST 1: the site is there
--- request
GET /remote-desktop/api/status
--- error_code: 401
