# Every file of conf/ runs as it stands: nginx starts with it, in a network of
# its own, so that port 80 is free.

use strict;
use warnings;

use File::Path qw(make_path remove_tree);
use POSIX qw(WNOHANG);
use RD::Place qw(build_dir slurp top wait_until);
use Test::More;

plan skip_all => 'needs root' if $> != 0;

my $top = top();
my $build = build_dir();

my %example = (
    'dev.conf'  => [8080, '/remote-desktop/api/status', 401],
    'ctfd.conf' => [80, '/remote-desktop/api/status', 401],
);

# what nginx includes is an example, too, but of a part
my %part = map { $_ => 1 } qw(desktop.inc ctfd-proxy.inc ctfd-site.inc);

my @conf = sort map { m{([^/]+)$} } glob "$top/conf/*.conf";
is_deeply(\@conf, [sort keys %example], 'every nginx.conf is looked at');

for my $file (@conf) {
    my ($port, $path, $code) = @{ $example{$file} };
    my $dir = "$build/t/10-config-003-$file.$$";

    remove_tree($dir);
    system("$top/tools/prefix.sh", $dir, $build) == 0 or die;
    make_path("$dir/logs");

    my $out = "$dir/out";
    my $run = join ' ; ', 'ip link set lo up',
        "cd $dir",
        "/usr/sbin/nginx -p $dir/ -c conf/$file -e logs/error.log"
            . " -g 'pid nginx.pid; error_log logs/error.log notice;' || exit 3",
        "for i in \$(seq 100); do"
            . " curl -s -o body -w '%{http_code}' http://127.0.0.1:$port$path"
            . " > code && break; done",
        "curl -s -o page http://127.0.0.1:$port/remote-desktop || true",
        'kill -QUIT $(cat nginx.pid)',
        'while [ -e nginx.pid ]; do :; done';

    my $status = system "unshare -n timeout 60 sh -c '"
                        . ($run =~ s/'/'\\''/gr) . "' > $out 2>&1";

    is($status, 0, "nginx starts with conf/$file, and stops")
        or diag(slurp($out), -e "$dir/logs/error.log"
                             ? slurp("$dir/logs/error.log") : '');
    is(eval { slurp("$dir/code") }, $code, "$file: the API knows nobody");
    ok((eval { slurp("$dir/page") } // '') =~ /<title>/,
       "$file: the page is there");
    ok((eval { slurp("$dir/logs/error.log") } // '')
       !~ /\[(?:emerg|alert)\]/, "$file: the log has no alarm");

    remove_tree($dir);
}

my @parts = sort map { m{([^/]+)$} } glob "$top/conf/*.inc";
is_deeply(\@parts, [sort keys %part], 'every part is included by one of them');

done_testing();
