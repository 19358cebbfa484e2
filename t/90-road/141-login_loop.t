# Who logs in and comes back as nobody is told so, and operators are told why.

use RD 'no_plan';
use RD::Browser;
use RD::Page;
use RD::Site;

$RD::Site::Http .= <<'END';
    include /etc/nginx/mime.types;
    rd_login_url /ctf/login?next=/remote-desktop;
END
$RD::Site::Config = <<'END';
include $TEST_NGINX_TOP/conf/desktop.inc;
location = /ctf/login {
    default_type text/html;
    return 200 "<title>Login</title><a href=/remote-desktop>in</a>";
}
END

log_level('warn');
add_block_preprocessor(\&RD::Site::preprocess);
leave_keys(qr/./);

serve_pages();
run_tests();

my $page = RD::Page->new;
my ($ada, $forged, $nobody) = map { visitor($_)->{cookie} }
                              'ada', 'bob forged', 'eve anonymous';

# from the login page, which sets this cookie

sub come_back {
    my ($cookie, $path) = @_;

    $page->visitor({});
    $page->open('/ctf/login?next=/remote-desktop');
    $page->eval("document.cookie = 'session=$cookie; path=$path'");
    $page->click('a');
    return $page->view('login', 'idle');
}

sub lost { return $page->text('#login-lost') }

is(come_back($ada, '/ctf'), 'login', 'a cookie of another path counts nothing');
like(lost(), qr/your browser sent no login.*tell an organizer/,
     'the page says that the login did not arrive');
$page->shot('login-lost');

my $line = qr/\[warn\].*no_cookie_after_login: .*APPLICATION_ROOT=\/ctf/;
ok(wait_until(10, sub { error_log() =~ $line }), 'the log has the cure');

is(come_back($forged, '/'), 'login', 'a cookie that is not accepted neither');
like(lost(), qr/not accepted here.*error log/, 'which the page says, too');
like(error_log(), qr/rd refusal: cookie_signature/, 'the log has the reason');

is(come_back($nobody, '/'), 'login', 'somebody who did not log in');
is(lost(), '', 'is only asked to log in');

is(come_back($ada, '/'), 'idle', 'a login that arrives is no trouble');
$page->cookie('x');
$page->look;
$page->view('login');
is(lost(), '', 'and a logout afterwards is none');

is(scalar(() = error_log() =~ /no_cookie_after_login/g), 1,
   'nothing but the lost login was logged as one');

__DATA__

=== TEST 1: nginx starts
--- request
GET /remote-desktop/api/status
--- error_code: 401
