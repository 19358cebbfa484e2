# tools/docs-check.pl: what is missing in docs or tests is named.

use strict;
use warnings;

use Test::More;

use RD::Place qw(prefix spew top);

my $dir = prefix() . '/tree';


sub docs_check {
    my (%change) = @_;

    my %tree = (
        'ngx_rd_module.c' => <<'END',
static ngx_command_t  ngx_rd_module_commands[] = {

    { ngx_string("rd_site"),
      NGX_CONF_TAKE1 },

      ngx_null_command
};

static ngx_http_variable_t  ngx_rd_module_variables[] = {
    { ngx_string("rd_backend"), NULL },
      ngx_http_null_variable
};
END
        'src/ngx_rd.h' => "#define NGX_RD_ERRORS(X)  \\\n"
            . "    X(NONE, 200, \"ok\", \\\n      \"fine\", 0) \\\n"
            . "    X(STALE, 409, \"stale\", \\\n      \"old\", 1)\n",
        'src/base/ngx_rd_reason.h' => "#define NGX_RD_REASONS(X)  \\\n"
            . "    X(NONE, \"none\", 0, \"\", \"\") \\\n"
            . "    X(COOKIE_NAME, \"cookie_name\", 1, \"a\", \"b\")\n",
        'docs/TROUBLESHOOTING.md' => "| `cookie_name` | 401 |\n",
        'src/http/ngx_rd_api.c' =>
            "  { ngx_string(\"extend\"), NGX_HTTP_POST, ngx_rd_x },\n",
        'docs/DIRECTIVES.md' => "## rd_site\n\n`\$rd_backend`\n",
        'docs/API.md'        => "`POST .../extend`\n\n| `stale` | 409 |\n"
                                . "\n| 4001 | `over` |\n",
        'web/app/words.js'   => words('network stale', '4001'),
        't/10-a/001-a.t'     => "rd_site a; \$rd_backend\nPOST /api/extend\n"
                                . "{\"code\":\"stale\"}\n"
                                . "cookie_name\n",
        %change,
    );

    spew("$dir/$_", $tree{$_}) for keys %tree;

    my $out = `'$^X' '@{[top()]}/tools/docs-check.pl' '$dir' 2>&1`;
    return ($? >> 8, $out);
}

sub words {
    my ($errors, $closes) = @_;

    my ($e, $c) = map { join '', map { "    $_: ['title'],\n" } split }
        $errors, $closes;

    return "const words = {\n$e};\n\nconst farewells = {\n$c};\n";
}

my ($status, $out) = docs_check();
is($status, 0, 'all is documented and tested') or diag($out);
like($out, qr/^docs-check: 5 things, no faults$/m, '... and counted');

my @lost = (
    ['docs/TROUBLESHOOTING.md', "`cookie_name`\n",
     'reason cookie_name is not in docs/TROUBLESHOOTING.md'],
    ['docs/DIRECTIVES.md', "`\$rd_backend`\n",
     'directive rd_site is not in docs/DIRECTIVES.md'],
    ['docs/DIRECTIVES.md', "rd_site\n",
     'variable $rd_backend is not in docs/DIRECTIVES.md'],
    ['docs/API.md', "`stale`\n", 'route POST extend is not in docs/API.md'],
    ['docs/API.md', "`POST .../extend` stale\n",
     'error stale is not in docs/API.md'],
    ['t/10-a/001-a.t', "\$rd_backend POST /extend 'stale'\n",
     'directive rd_site is in no test'],
    ['t/10-a/001-a.t', "rd_site POST /extend 'stale'\n",
     'variable $rd_backend is in no test'],
    ['t/10-a/001-a.t', "rd_site \$rd_backend GET /extend 'stale'\n",
     'route POST extend is in no test'],
    ['t/10-a/001-a.t', "rd_site \$rd_backend POST /extend stale\n",
     'error stale is in no test'],
    ['t/10-a/001-a.t', "rd_site \$rd_backend POST /extend 'stale'\n",
     'reason cookie_name is in no test'],
    ['web/app/words.js', words('network', '4001'),
     'error stale has no words in web/app/words.js'],
    ['web/app/words.js', words('network stale jobs_full', '4001'),
     'nobody sends error jobs_full of web/app/words.js'],
    ['web/app/words.js', words('network stale', ''),
     'close code 4001 has no words in web/app/words.js'],
    ['web/app/words.js', words('network stale', '4001 4009'),
     'nobody sends close code 4009 of web/app/words.js'],
);

for my $lost (@lost) {
    my ($file, $text, $said) = @$lost;

    ($status, $out) = docs_check($file => $text);
    ok($status == 1 && $out =~ /^docs-check: \Q$said\E$/m, $said) or diag($out);
}

like((docs_check('t/10-a/001-a.t' => "rd_site \$rd_backend POST /extend "
                                     . "NGX_RD_ERR_STALE cookie_name\n"))[1],
     qr/no faults/, 'a unit test names the error by its constant');

done_testing();


END {
    my $code = $?;
    RD::Place::leave($code || !Test::More->builder->is_passing);
    $? = $code;
}
