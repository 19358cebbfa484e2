# What the browser loads, and when: compressed files under versioned addresses,
# the viewer's part after login only, and one version at a time, also after a
# rollback.

use RD 'no_plan';
use RD::Browser;
use RD::DockerHost;
use RD::Page;
use RD::Place qw(prefix top spew slurp);
use RD::Serve;
use RD::Site;

add_block_preprocessor(\&RD::Site::preprocess);
leave_keys(qr/\}:(?:session|owner|last|user)/);

serve_pages();
run_tests();

my $page = RD::Page->new;
my $ada = visitor('ada');

sub bytes {
    my $sum = 0;
    $sum += $_->{bytes} for @_;
    return $sum;
}

sub paths { return map { $_->{url} =~ s{^\w+://[^/]+}{}r } @_ }


# ---- before login -----------------------------------------------------------

$page->visitor({});
$page->open;
$page->view('login');
my @first = @{ $page->requests };
my @static = grep { $_->{status} && $_->{url} =~ m{/static/} } @first;

is_deeply([grep { /novnc|xterm/ } paths(@first)], [],
          'nothing of noVNC or xterm.js is loaded before login');
cmp_ok(bytes(@first), '<', 40_000,
       'the page takes ' . bytes(@first) . ' bytes before login');
$page->open('/remote-desktop/vnc/2/');
$page->wait("document.body.dataset.view === 'gone'");
is_deeply([grep { /novnc/ } paths(@{ $page->requests })], [],
          'nor does the page of a desktop load it then');
is_deeply([paths(grep { $_->{encoding} ne 'gzip' } @static)], [],
          'every file is sent compressed');
is_deeply([grep { !m{^/remote-desktop/static/[0-9a-f]{12}/app/} }
           paths(@static)], [], 'from an address with a version');


# ---- headers ----------------------------------------------------------------

my $html = http('GET /remote-desktop');
my ($version) = $html->{body} =~ m{static/([0-9a-f]{12})/app/page\.js};
my $path = "/remote-desktop/static/$version/app/page.js";

sub head {
    my ($path, $name, $more) = @_;
    return http("GET $path", more => $more // '')->{header}{$name};
}

is(head('/remote-desktop', 'cache-control'), 'no-cache',
   'HTML is not cached');
is(http('GET /remote-desktop', more => 'If-Modified-Since: '
        . "$html->{header}{'last-modified'}\n")->{code}, 200,
   'and never called unchanged: another version may have the same time');
is(head($path, 'cache-control'), 'public, max-age=31536000, immutable',
   'a script may be kept for a year');
is(head($path, 'content-encoding'), undef,
   'a client that cannot decompress gets it plain');
my $front = "curl -s -0 -D - -o /dev/null -H 'Accept-Encoding: gzip'"
            . " -H 'Via: 1.0 front'";
my $proxied = qx($front http://127.0.0.1:$RD::ServerPort$path);
like($proxied, qr/^Content-Encoding: gzip\r$/mi,
     'a proxy in front that speaks HTTP/1.0 gets it compressed');
is(head($path, 'vary'), 'Accept-Encoding', 'and knows that there are two');
like(head($path, 'content-type'), qr{javascript}, 'its type is JavaScript');
is(head('/remote-desktop/static/000000000000/app/page.js', 'cache-control'),
   undef, 'an answer 404 is not for a year');


# ---- after login ------------------------------------------------------------

$page->cookie($ada->{cookie});
$page->open;
$page->view('idle');
$page->wait(q{performance.getEntriesByType('resource')
              .some((e) => e.name.endsWith('/novnc/core/rfb.js'))});
$page->wait(q{import(document.querySelector('script[src]').src
              .replace('app/page.js', 'novnc/core/rfb.js')).then(() => true)});

my @novnc = grep { $_->{url} =~ m{/novnc/} } @{ $page->requests };

cmp_ok(scalar(@novnc), '>', 20, 'noVNC is fetched ahead after login');
cmp_ok(bytes(@novnc), '<', 180_000, 'in ' . bytes(@novnc) . ' bytes');

my $desktop = serve_desktop(many => 1,
                            headers => "Sec-WebSocket-Protocol: binary\r\n");
give_desktop(2, $desktop);

for my $visit (1 .. 2) {
    $page->requests;
    $page->reload;
    $page->view('desktop');
    $page->wait(q{document.querySelector('#viewer iframe')
                  ?.contentWindow.performance.getEntriesByType('resource')
                  .some((e) => e.name.endsWith('/novnc/core/rfb.js'))});
    next if $visit == 2;

    is_deeply([paths(grep { $_->{url} =~ /novnc/ && !$_->{cached} }
                     @{ $page->requests })], [],
              'the viewer finds it in the cache');
}

is_deeply([paths(grep { $_->{url} =~ /static/ && !$_->{cached} }
                 @{ $page->requests })], [],
          'a later visit takes every file from the cache');


# ---- another version, and back ----------------------------------------------

my $web = prefix() . '/other';
my $top = prefix() . '/source';

mkdir $_ for $web, $top;
system('cp', '-R', top() . '/web', top() . '/tools', $top) == 0 or die;
spew("$top/web/app/words.js",
     slurp(top() . '/web/app/words.js') . "document.title = 'next';\n");

chmod 0600, "$top/web/app/words.js" or die;

sub publish {
    my ($from) = @_;

    my $said = qx('$from/tools/pages.sh' '$web' '$ENV{TEST_NGINX_BUILD}');
    system('touch', '-h', '-d', '2026-01-01', "$web/current",
           glob "$web/static/*/*.html*") == 0 or die;
    return $said =~ s/\n//r;
}

sub shown {
    $page->reload;
    $page->view('desktop');
    return $page->eval('document.documentElement.dataset.version + " "'
                       . ' + document.title');
}

is(publish(top()), $version, 'the same files are the same version');
unlink prefix() . '/web' or die;
symlink $web, prefix() . '/web';
is(shown(), "$version Remote Desktop", 'the first version is shown');

my $next = publish($top);
isnt($next, $version, 'another file is another version');
is(sprintf('%o', (stat "$web/current/app/words.js")[2] & 0777), '644',
   'a file that only its owner may read is published for all');
is(shown(), "$next next", 'it is shown, with all of its files');

symlink "static/$version", "$web/current.new";
rename "$web/current.new", "$web/current" or die;
is(shown(), "$version Remote Desktop",
   'after a rollback the first one is shown again');
is_deeply([grep { /static/ && !/$version/ }
           map { paths($_) } @{ $page->requests }[-10 .. -1]], [],
          'with no file of the other');
ok(http("GET /remote-desktop/static/$next/app/page.js")->{code} == 200,
   'a tab of the other version still finds its files');


# ---- published while a tab is open -------------------------------------------

redis('DEL', 'rd:{' . site() . '}:owner:2', 'rd:{' . site() . '}:last:2');
$page->reload;
$page->view('idle');
symlink "static/$next", "$web/current.new";
rename "$web/current.new", "$web/current" or die;
give_desktop(2, $desktop);
$page->eval("document.dispatchEvent(new Event('visibilitychange'))");
$page->wait("document.documentElement.dataset.version === '$next'");
ok($page->view('desktop'),
   'an open tab takes the new version when its desktop opens');
is_deeply($page->errors, [], 'no page had an error');

__DATA__

=== TEST 1: the site is there
--- http_config eval
$RD::Site::Http . "include /etc/nginx/mime.types;\n"
--- config
include $TEST_NGINX_TOP/conf/desktop.inc;
--- request
GET /remote-desktop
--- response_body_like: <title>
