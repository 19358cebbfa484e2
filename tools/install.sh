#!/bin/sh
# install.sh BUILD [PREFIX] [DESTDIR]: puts the built module, the pages, the
# configuration and the docs where Debian's nginx expects them (PREFIX /usr,
# configuration in /etc), and prints what is left to do.  With another PREFIX
# the configuration goes to PREFIX/etc.  Files that somebody may have edited
# are never overwritten: hosts.yml and the site.
set -eu

top=$(cd "$(dirname "$0")/.." && pwd)
build=${1:?usage: install.sh BUILD [PREFIX] [DESTDIR]}
prefix=${2:-/usr}
dest=${3:-}

[ "$prefix" = /usr ] && etc=/etc || etc=$prefix/etc

modules=$prefix/lib/nginx/modules
share=$prefix/share/ngx_rd
doc=$prefix/share/doc/ngx_rd
nginx=$etc/nginx
rd=$nginx/rd

say() { echo "install: $*"; }

die() { echo "install: $*" >&2; exit 1; }


# paths of the sources become those of the installation
translate() {
    sed -e "s,web/current,$share/web/current," \
        -e "s,web/static/,$share/web/static/," \
        -e "s,rd_pages web;,rd_pages $share/web;," \
        -e "s,rd_hosts hosts.yml;,rd_hosts $rd/hosts.yml;," \
        -e "s,rd_ctfd_secret_file secret;,rd_ctfd_secret_file $rd/secret;," \
        -e "s,include \(desktop\|ctfd-proxy\).inc;,include $rd/\1.inc;," "$1"
}

# ours FILE SOURCE: replaced by each installation; an edited one is kept aside
ours() {
    translate "$2" > "$dest$1.new"

    if [ -e "$dest$1" ] && ! cmp -s "$dest$1" "$dest$1.new"; then
        mv "$dest$1" "$dest$1.before"
        say "$1 replaced; the one from before is $1.before"
    fi

    mv "$dest$1.new" "$dest$1"
}

# theirs FILE SOURCE: installed once; later versions go beside it
theirs() {
    if [ ! -e "$dest$1" ]; then
        translate "$2" > "$dest$1"
        return 0
    fi

    translate "$2" > "$dest$1.new"

    if cmp -s "$dest$1" "$dest$1.new"; then
        rm "$dest$1.new"
    else
        say "$1 is left as it is; the new one is $1.new"
    fi
}


[ -f "$build/objs/ngx_rd_module.so" ] || \
    die "$build/objs/ngx_rd_module.so is missing: make build"

case $prefix in
/*) ;;
*) die "PREFIX must be an absolute path, not \"$prefix\"" ;;
esac

mkdir -p "$dest$modules" "$dest$share/web" "$dest$doc/adr" "$dest$rd" \
    "$dest$nginx/modules-enabled" "$dest$nginx/sites-available" \
    "$dest$nginx/sites-enabled" "$dest$prefix/share/nginx/modules-available"

install -m 644 "$build/objs/ngx_rd_module.so" "$dest$modules"
"$top/tools/pages.sh" "$dest$share/web" "$build" > /dev/null
install -m 644 "$top"/README.md "$top"/docs/*.md "$dest$doc"
install -m 644 "$top"/docs/adr/*.md "$dest$doc/adr"

# the main part; rd.log has the warnings that Debian's error.log leaves out
cat > "$dest$prefix/share/nginx/modules-available/mod-rd.conf" << END
load_module $modules/ngx_rd_module.so;
thread_pool rd threads=16 max_queue=1024;
error_log /var/log/nginx/rd.log warn;
END

ln -sfn "$prefix/share/nginx/modules-available/mod-rd.conf" \
    "$dest$nginx/modules-enabled/50-mod-rd.conf"

ours "$rd/desktop.inc" "$top/conf/desktop.inc"
ours "$rd/ctfd-proxy.inc" "$top/conf/ctfd-proxy.inc"
theirs "$rd/hosts.yml" "$top/conf/hosts.yml"
theirs "$nginx/sites-available/ctfd" "$top/conf/ctfd-site.inc"

say "module, pages, configuration and docs are in place under $prefix and $etc"


# ---- what is left to do ------------------------------------------------------

step=0
todo() {
    step=$((step + 1))
    printf '\n  %d. %s\n' "$step" "$1"
    shift
    [ $# = 0 ] || printf '       %s\n' "$@"
}

printf '\nLeft to do:\n'

if [ ! -s "$dest$rd/secret" ]; then
    todo "Give nginx CTFd's SECRET_KEY, byte for byte. If CTFd made it:" \
        "install -m 600 /path/to/CTFd/.ctfd_secret_key $rd/secret" \
        "If it is set in CTFd's configuration or environment:" \
        "(umask 077; printf %s 'KEY' > $rd/secret)"
fi

todo "Name your Docker hosts in $rd/hosts.yml." \
    "As it stands it uses the Docker engine of this machine. For that:" \
    "adduser www-data docker    # nginx's workers may then do what root may" \
    "Hosts over SSH need no such right on this machine."

todo "Put the desktop image on every host:" \
    "$top/tools/image.sh /var/run/docker.sock" \
    "docker save ctfd-remote-desktop | ssh HOST docker load"

todo "Check the addresses of CTFd, its Redis and ours in" \
    "$nginx/sites-available/ctfd    # Redis 6.2 or newer, no eviction"

if [ ! -e "$dest$nginx/sites-enabled/ctfd" ]; then
    todo "Switch the site on, and Debian's example off:" \
        "ln -s ../sites-available/ctfd $nginx/sites-enabled/ctfd" \
        "rm -f $nginx/sites-enabled/default"
fi

todo "Let nginx check all of it, then use it:" \
    "nginx -t" \
    "systemctl reload nginx    # the first time: restart" \
    "Warnings of the module are in /var/log/nginx/rd.log."

printf '\nMore: %s\n' "$doc/INSTALL.md"
