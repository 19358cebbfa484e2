# Every section of the language, once holding and once not.  Needs nginx as
# Debian has it, not our module.

use strict;
use warnings;

use Test::More;
use RD::Inner;

my $head = <<'END';
use RD 'no_plan';
no_module();
run_tests();
__DATA__
END

# name => [what both blocks share, what holds, what does not]
my @sections = (
    ['error_code', <<'A', "--- error_code: 403\n", "--- error_code: 404\n"],
--- request
GET /403
A
    ['no error_code means 200', '', "--- request\nGET /a\n",
     "--- request\nGET /403\n"],
    ['error_code_like', "--- request\nGET /403\n",
     "--- error_code_like: ^4\\d\\d\$\n", "--- error_code_like: ^5\n"],
    ['response_body', "--- request\nGET /a\n",
     "--- response_body\na\n", "--- response_body\nb\n"],
    ['response_body, a regex', "--- request\nGET /a\n",
     "--- response_body eval: qr/^a\$/\n", "--- response_body eval: qr/b/\n"],
    ['response_body_like', "--- request\nGET /a\n",
     "--- response_body_like: ^a\n", "--- response_body_like: ^b\n"],
    ['response_body_unlike', "--- request\nGET /a\n",
     "--- response_body_unlike: b\n", "--- response_body_unlike: a\n"],
    ['response_headers', "--- request\nGET /a\n",
     "--- response_headers\nX-A: b c\n", "--- response_headers\nX-A: b\n"],
    ['response_headers, absent', "--- request\nGET /a\n",
     "--- response_headers\n!X-B\n", "--- response_headers\n!X-A\n"],
    ['response_headers_like', "--- request\nGET /a\n",
     "--- response_headers_like\nX-A: b.*\n",
     "--- response_headers_like\nX-A: c.*\n"],
    ['more_headers', "--- request\nGET /header\n--- response_body\n<q>\n",
     "--- more_headers\nX-Q: q\n", "--- more_headers\nX-Q: r\n"],
    ['a body', "--- response_body\n5\n",
     "--- request\nPOST /length\n12345\n", "--- request\nPOST /length\n123\n"],
    ['request eval', "--- response_body_like: ^a\n",
     "--- request eval: 'GET ' . '/a'\n", "--- request eval: 'GET ' . '/\x{66}'\n"],
    ['several requests', "--- request eval: ['GET /a', 'GET /403']\n",
     "--- error_code eval: [200, 403]\n", "--- error_code eval: [200, 200]\n"],
    ['pipelined_requests', "--- pipelined_requests eval: ['GET /a', 'GET /f']\n",
     "--- response_body eval: [\"a\\n\", \"f\\n\"]\n",
     "--- response_body eval: [\"a\\n\", \"a\\n\"]\n"],
    ['raw_request',
     "--- raw_request eval: \"GET /a HTTP/1.0\\r\\n\\r\\n\"\n",
     "--- response_body\na\n", "--- response_body\nb\n"],
    ['error_log', "--- request\nGET /none\n--- error_code: 404\n",
     "--- error_log\nnone\" failed (2:\n", "--- error_log\nsome\" failed\n"],
    ['error_log, a regex', "--- request\nGET /none\n--- error_code: 404\n",
     "--- error_log eval: qr/none.*failed/\n",
     "--- error_log eval: qr/some.*failed/\n"],
    ['no_error_log', "--- request\nGET /none\n--- error_code: 404\n",
     "--- no_error_log\nsome\" failed\n", "--- no_error_log\nnone\" failed\n"],
    ['no_error_log after a wait', "--- request\nGET /a\n--- wait: 0.1\n",
     "--- no_error_log\nGET /f\n", "--- no_error_log\nGET /a\n"],
    ['grep_error_log',
     "--- request\nGET /none\n--- error_code: 404\n"
     . "--- grep_error_log eval: qr/open.. .*?(none)/\n"
     . "--- init: \$main::h = RD::html_dir()\n",
     "--- grep_error_log_out eval: qr{^open.. \"\\S+/html/none\$}\n",
     "--- grep_error_log_out\nnone\n"],
    ['grep_error_log, order of lines', "--- request\nGET /two\n--- error_code: 404\n"
     . "--- grep_error_log eval: qr/rewritten data: \"[^\"]*\"/\n",
     "--- grep_error_log_out\nrewritten data: \"/x\"\nrewritten data: \"/y\"\n",
     "--- grep_error_log_out\nrewritten data: \"/y\"\nrewritten data: \"/x\"\n"],
    ['user_files', "--- request\nGET /f.txt\n--- response_body\nfile\n",
     "--- user_files\n>>> f.txt\nfile\n>>> g.txt\ng\n",
     "--- user_files\n>>> f.txt\nother\n"],
    ['user_files eval', "--- request\nGET /e.txt\n--- response_body\nfile\n",
     "--- user_files eval: [['e.txt', \"file\\n\"]]\n",
     "--- user_files eval: [['e.txt', 'none']]\n"],
    ['init', "--- request\nGET /i.txt\n",
     "--- init: RD::spew(RD::html_dir() . '/i.txt', 'x')\n",
     "--- init: unlink RD::html_dir() . '/i.txt'\n"],
    ['abort', "--- request\nGET /slow\n--- abort\n--- timeout: 200ms\n"
     . "--- ignore_response\n",
     "--- error_log\nGET /slow\n", "--- error_log\nGET /fast\n"],
    ['timeout', '', "--- request\nGET /slow\n--- timeout: 4s\n",
     "--- request\nGET /never\n--- timeout: 0.1\n"],
    ['expansion', "--- request\nGET /port\n",
     "--- response_body\n\$ServerPort \$TEST_NGINX_SERVER_PORT\n",
     "--- response_body\n1\$ServerPort\n"],
    ['chomp', "--- request\nGET /bare\n",
     "--- response_body chomp\nbare\n", "--- response_body\nbare\n"],
    ['redis', "--- timeout: 200ms\n--- redis_like\nGET k => ^a b\$\n--- request\nGET /a\n",
     "--- redis\nSET k 'a b'\n", "--- redis\nDEL k\n"],
    ['redis_like, nothing there', "--- request\nGET /a\n",
     "--- redis_like\nGET nokey => ^\\(nil\\)\$\n",
     "--- timeout: 200ms\n--- redis_like\nGET nokey => ^x\$\n"],
);

my $config = <<'END';
--- config
location = /a { add_header X-A "b c"; return 200 "a\n"; }
location = /f { return 200 "f\n"; }
location = /bare { return 200 "bare"; }
location = /403 { return 403; }
location = /two { rewrite ^ /x; rewrite ^ /y; }
location = /header { return 200 "<$http_x_q>\n"; }
location = /length { return 200 "$content_length\n"; }
location = /port { return 200 "$server_port $TEST_NGINX_SERVER_PORT\n"; }
location = /slow {
    proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT/paced;
}
location = /never {
    proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT/stalled;
}
location = /stalled { limit_rate 1; root html; try_files /paced.txt =404; }
location = /paced { limit_rate 1k; root html; try_files /paced.txt =404; }
END

# what is paced takes about a second, what is stalled comes byte by byte and
# never: that is what timeouts are tried on
my $first = <<'END';
=== first: what the others need is there
--- user_files eval
[['paced.txt', 'x' x 1200]]
--- request
GET /paced
END

$config =~ s{root html;}{root \$TEST_NGINX_HTML_DIR;}g;
$first =~ s{--- user_files}{$config--- user_files};

sub suite {
    my ($which) = @_;

    my $text = "$head\n$first";

    $text =~ s/use RD 'no_plan';/use RD 'no_plan'; timeout(3); \$RD::Check::Patience = 0.2;/;

    for my $section (@sections) {
        my ($name, @part) = @$section;
        $text .= "\n=== $name\n$part[0]$part[$which]";
    }

    return $text;
}

my $good = passes('every section passes where it holds', suite(1));
my $bad = inner(suite(2));

for my $section (@sections) {
    my ($name) = @$section;

    my @of = grep { $_->[1] =~ /^\Q$name\E - / } @{ $good->{tests} };
    ok(@of > 0 && !grep({ !$_->[0] } @of), "$name: holds");

    @of = grep { $_->[1] =~ /^\Q$name\E - / && !$_->[0] } @{ $bad->{tests} };
    ok(@of > 0, "$name: does not hold, and is seen")
        or diag($bad->{out}, $bad->{err});
}

isnt($bad->{status}, 0, 'a suite with failed tests ends with a failure');

done_testing();
