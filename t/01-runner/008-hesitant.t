# tools/hesitant.sh: suites run with an nginx and a redis-server that sleep now
# and then after what they write to a socket, and their children do not.

use strict;
use warnings;

use Test::More;

use RD::Place qw(prefix spew top);

my $suite = prefix() . '/t/hesitant.t';

spew($suite, <<'END');
use Test::More;

my $dir = "$ENV{RD_BUILD}/hesitant";

is($ENV{TEST_NGINX_BINARY}, "$dir/nginx", 'nginx is another one');
like(qx($dir/nginx -v 2>&1), qr/nginx version/, 'and runs');
is(qx(sh -c 'command -v redis-server'), "$dir/redis-server\n",
   'redis-server, too');
like(qx(redis-server --version), qr/v=/, 'and runs');

sub perl {
    my ($code) = @_;

    local $ENV{LD_PRELOAD} = "$dir/hesitate.so";
    open my $out, '-|', $^X, '-e', $code or die "perl: $!";
    return <$out>;
}

# one of six is followed by ten milliseconds or more, then he stays awake for
# twice as long
ok(perl('use Socket; use Time::HiRes "time";'
        . 'socketpair my $in, my $out, AF_UNIX, SOCK_STREAM, 0;'
        . 'my ($slept, $until) = (0, time + 20);'
        . 'while ($slept < 5 && time < $until) { my $begun = time;'
        . 'syswrite $in, "x"; sysread $out, my $x, 1;'
        . '$slept++ if time - $begun >= 0.01 } print $slept') == 5,
   'who writes to a socket sleeps');

is(perl('print $ENV{LD_PRELOAD} // "none"'), 'none', 'what it starts does not');

done_testing();
END

local $ENV{RD_BUILD} = prefix() . '/build';
local $ENV{TEST_NGINX_BINARY};

my $out = `'@{[top()]}/tools/hesitant.sh' '$suite' 2>&1`;
is($?, 0, 'a suite runs with both') or diag($out);
like($out, qr/^6 passed, 0 failed$/m, 'and all of it');

done_testing();


END {
    my $code = $?;
    RD::Place::leave($code || !Test::More->builder->is_passing);
    $? = $code;
}
