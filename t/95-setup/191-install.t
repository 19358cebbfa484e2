# `make install` on this machine's own Debian, in overlays of /etc and /usr:
# with the steps it prints nginx runs the site, and what is missing is named.

use strict;
use warnings;

use Test::More;

use RD::Place qw(build_dir prefix spew top);

plan skip_all => 'needs root' if $> != 0;

my $dir = prefix();
# on tmpfs: an overlay's upper folder may not be in another overlay
spew("$dir/walk.sh", <<'END');
set -u
dir=$1 top=$2 build=$3
mount -t tmpfs tmpfs "$dir/scratch"

for part in etc usr; do
    mkdir "$dir/scratch/$part" "$dir/scratch/$part.work"
    mount -t overlay overlay -o "lowerdir=/$part,upperdir=$dir/scratch/$part,\
workdir=$dir/scratch/$part.work" "/$part" || exit 90
done

mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /var/log
mkdir /var/log/nginx
ip link set lo up
cd /

step() { echo "== $1"; }

step install
"$top/tools/install.sh" "$build"

step no_secret
ln -s ../sites-available/ctfd /etc/nginx/sites-enabled/ctfd
rm -f /etc/nginx/sites-enabled/default
nginx -t

step complete
(umask 077; printf %s 'a key of thirty-two bytes or so.' > /etc/nginx/rd/secret)
nginx -t

step no_page
mv /usr/share/ngx_rd/web/current/viewer.html /usr/share/ngx_rd/web/kept
nginx -t
mv /usr/share/ngx_rd/web/kept /usr/share/ngx_rd/web/current/viewer.html

step second_install
echo '# mine' >> /etc/nginx/rd/hosts.yml
echo '# mine' >> /etc/nginx/rd/desktop.inc
"$top/tools/install.sh" "$build"
tail -n 1 /etc/nginx/rd/hosts.yml

step runs
redis-server --daemonize yes --save '' --logfile /run/redis.log > /dev/null
perl -MIO::Socket::UNIX -e 'my $s = IO::Socket::UNIX->new(Listen => 1,
    Local => "/run/docker.sock"); chmod 0600, "/run/docker.sock";
    close STDOUT; close STDERR; 1 while $s->accept' < /dev/null &
socket=$!
until [ -S /run/docker.sock ] || ! kill -0 $socket; do :; done

nginx || exit 91

# get PATH: status and body, once nginx answers
get() {
    curl -s --retry 50 --retry-connrefused --retry-delay 0 \
        -o /run/body -w '%{http_code} ' "http://127.0.0.1$1"
    tr -d '\n' < /run/body
    echo
}

get /remote-desktop
get /remote-desktop/api/status

step log
left=3000
until grep -q docker.sock /var/log/nginx/rd.log; do
    left=$((left - 1))
    [ $left -gt 0 ] || break
    read -r _ < /proc/uptime
done
cat /var/log/nginx/rd.log

nginx -s quit
redis-cli shutdown nosave
kill $socket
END

mkdir "$dir/scratch";
my $walk = join ' ', 'unshare --net --mount --pid --fork --mount-proc',
    '--kill-child=KILL sh', "$dir/walk.sh", $dir, top(), build_dir();
my $out = qx($walk 2>&1);
my %said = $out =~ /^== (\w+)\n(.*?)(?=^== |\z)/msg;

sub said {
    my ($step, $expected, $title) = @_;

    like($said{$step} // '', $expected, $title) or diag($out);
}

said('install', qr/Left to do:.*SECRET_KEY.*hosts\.yml.*image.*nginx -t/s,
     'make install ends with the steps that are left, in order');
said('no_secret', qr{open\(\) "/etc/nginx/rd/secret" failed},
     'nginx -t names the secret that is missing');
said('complete', qr/test is successful/, 'nginx -t passes after the steps');
said('no_page', qr{emerg.*/current/viewer\.html" is missing; publish},
     'nginx -t names a missing page');
said('second_install', qr/desktop\.inc replaced; .*desktop\.inc\.before$/m,
     'installing again keeps edited locations aside');
said('second_install', qr/hosts\.yml is left as it is.*^# mine$/ms,
     '... and does not touch hosts.yml');
unlike($said{second_install} // '', qr/SECRET_KEY/,
       '... and does not ask for what is done');
said('runs', qr/^200 .*<title>/m, 'the page is served');
said('runs', qr/^401 .*"code":"login_required"/m, '... and the API answers');
said('log', qr/\[warn\].*sock: Permission denied; add the user of nginx/,
     'a Docker socket that workers may not use is named with its cure');
unlike($out, qr/\[(?:alert|crit)\]/, 'nothing alarms');

END {
    my $status = $?;
    RD::Place::leave($status || !Test::More->builder->is_passing);
    $? = $status;
}

done_testing();
