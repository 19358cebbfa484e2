# rd_gate's user may be written in all the ways of nginx: a capture, a variable,
# a text with either inside.

use RD 'no_plan';
use RD::Serve;
use RD::Site;

my $desktop = serve_desktop();

$RD::Site::Http .= "    map \$arg_u \$mapped { ~^(?<m>\\d+)x\$ \$m; }\n";

$RD::Site::Config .= gates(
    '/capture/(\d+)/'            => '$1',
    '/second/(\d+)/(\d+)/'       => '$2',
    '/either/(?:(\d+)|none)/'    => '$1',
    '/beyond/(\d+)/'             => '$2',
    '/tenth/(\d+)/'              => '$10',
    '/named/(?<rd_whose>\d+)/'   => '$rd_whose',
    '/braces/(?<rd_braced>\d+)/' => '${rd_braced}',
    '/digits/(\d+)/'             => '2$1',
    '/part/(?<rd_part>\d+)/'     => '2$rd_part',
    '/both/(\d+)/(\d+)/'         => '$1$2',
    '/argument/'                 => '$arg_u',
    '/mapped/'                   => '$mapped',
    '/fixed/'                    => '22',
    '/dollar/(\d+)/'             => '$1a',
);

add_block_preprocessor(\&RD::Site::preprocess);
planted_secret('pLaNtEd8');
leave_keys(qr/\}:/, qr/flask_cache/);

run_tests();

my $ada = visitor('ada:22');

give_desktop(22, $desktop);

my @said = (
    '/capture/22/' => 200, '/capture/3/' => 403,
    '/capture/0/' => 404, '/capture/99999999999999999999/' => 404,
    '/second/3/22/' => 200, '/second/22/3/' => 403,
    '/either/22/' => 200, '/either/none/' => 404,
    '/beyond/22/' => 404,
    '/tenth/2/' => 403,                         # 20, as nginx reads it
    '/named/22/' => 200, '/named/3/' => 403,
    '/braces/22/' => 200, '/braces/3/' => 403,
    '/digits/2/' => 200, '/digits/3/' => 403,
    '/part/2/' => 200, '/part/3/' => 403,
    '/both/2/2/' => 200, '/both/2/3/' => 403,
    '/argument/?u=22' => 200, '/argument/?u=3' => 403,
    '/argument/?u=' => 404, '/argument/' => 404,
    '/argument/?u=2%32' => 404,
    '/mapped/?u=22x' => 200, '/mapped/?u=22' => 404,
    '/fixed/' => 200,
    '/dollar/22/' => 404,
);

while (my ($path, $code) = splice @said, 0, 2) {
    is(http("GET $path", visitor => $ada)->{code}, $code, "$path: $code");
}


sub gates {
    my (@pairs) = @_;
    my $text = '';

    while (my ($path, $user) = splice @pairs, 0, 2) {
        my $how = $path =~ /\(/ ? "~ ^$path" : $path;

        $text .= <<"END";
        location $how {
            rd_gate $user http;
            proxy_pass http://\$rd_backend;
        }
END
    }

    return $text;
}

__DATA__

=== TEST 1: nginx starts
--- request
GET /remote-desktop/api/status
--- error_code: 401
