package RD::Page;

# A browser that a suite drives step by step (t/browser/page.mjs), for pages
# that need no real desktop:
#
#     my $page = RD::Page->new;
#     $page->visitor({ cookie => visitor('ada')->{cookie} });
#     $page->open('/remote-desktop');
#     is($page->text('#start'), 'Start', '...');
#
# Every operation of page.mjs is a method.  One that fails dies with its reason,
# so a wait that ends in vain is the end of the suite.  With RD_SHOTS=folder in
# the environment, $page->shot('name') takes a screenshot.

use strict;
use warnings;

use IPC::Open2 qw(open2);
use JSON::PP ();
use POSIX qw(WNOHANG);

use RD::Place qw(top wait_until);

our $AUTOLOAD;

my $json = JSON::PP->new->allow_nonref->utf8;
my @all;


sub new {
    my ($class) = @_;

    local $ENV{RD_URL} = "http://127.0.0.1:$RD::ServerPort";
    local $ENV{RD_NODE} = "$ENV{TEST_NGINX_BUILD}/node";
    local $ENV{RD_TIMEOUT_MS} = 20_000 * RD::Place::slow_factor();

    my $self = bless {}, $class;

    $self->{pid} = open2($self->{out}, $self->{in}, 'node',
                         top() . '/t/browser/page.mjs');
    push @all, $self;

    return $self;
}


sub AUTOLOAD {
    my ($self, @args) = @_;

    my $operation = $AUTOLOAD =~ s/.*:://r;
    my $order = $json->encode([$operation, @args]);

    local $SIG{PIPE} = 'IGNORE';
    print { $self->{in} } "$order\n";
    $self->{in}->flush;

    my $out = $self->{out};
    my $line = <$out> // die "the browser has ended at $order\n";
    my $answer = $json->decode($line);

    die "$order: $answer->{error}\n" if exists $answer->{error};
    return $answer->{ok};
}


sub DESTROY { }


# the page asks the server at once, as a tab does that is looked at again

sub look {
    my ($self) = @_;

    $self->eval("document.dispatchEvent(new Event('visibilitychange'))");
    return;
}


# true once an element that can be seen has this text

sub sees {
    my ($self, $selector, $pattern) = @_;

    my ($where, $what) = map { $json->encode($_) } $selector, $pattern;

    return $self->wait("[...document.querySelectorAll($where)].some((e) => "
                       . "e.checkVisibility() && new RegExp($what)"
                       . '.test(e.textContent))');
}


# the view that the page shows, once it is one of these

sub view {
    my ($self, @views) = @_;

    my $list = $json->encode(\@views);

    return $self->wait("$list.includes(document.body?.dataset.view) "
                       . '&& document.body.dataset.view');
}


END {
    local $?;

    # a server that was forked meanwhile holds the pipe, too, so that closing it
    # would not be noticed
    for my $self (@all) {
        local $SIG{PIPE} = 'IGNORE';
        print { $self->{in} } "[\"end\"]\n";
        close $self->{in};
    }

    for my $pid (map { $_->{pid} } @all) {
        wait_until(10, sub { waitpid($pid, WNOHANG) != 0 }) and next;
        kill KILL => $pid;
        waitpid $pid, 0;
    }
}


1;
