package RD::Tunnel;

# The WebSockets that lead into desktops.

use strict;
use warnings;

use Exporter qw(import);
use Test::More ();
use Time::HiRes qw(time);

use RD::Client;
use RD::Place ();
use RD::Visitor;

our @EXPORT = qw(tunnel told starved);


# tunnel($visitor, $id): the WebSocket, open and greeted, or the status of the
# refusal.  port => another nginx; mode => 'terminal/%s/ws'

sub tunnel {
    my ($visitor, $id, %option) = @_;

    my $client = RD::Client->connect($option{port} // $RD::ServerPort, 5);
    my $more = RD::Visitor::headers($visitor, 'GET');
    my $path = sprintf $option{mode} // 'vnc/%s/websockify', $id;

    $client->send(RD::Client::compose("GET /remote-desktop/$path",
        $client->websocket_headers($more . "Host: localhost\n"), 'Upgrade'));

    my $res = $client->response(RD::Place::patience(5), 'GET');

    if ($res->{code} ne '101') {
        $client->close;
        return $res->{code};
    }

    $client->websocket_receive(RD::Place::patience(5));
    return $client;
}


# The tunnel says this next, within a second, and is closed.

sub told {
    my ($client, $wanted, $name) = @_;

    my ($began, $starved) = (time, starved());
    my $frame = $client->websocket_receive(20);
    my $took = time - $began - (starved() - $starved);

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    Test::More::is($frame, $wanted, "$name: $wanted");
    Test::More::cmp_ok($took, '<', 1.0 * RD::Place::slow_factor(),
        sprintf '%s: within a second (%.0f ms)', $name, 1000 * $took);
    Test::More::is($client->websocket_receive(20), 'eof',
        "$name: then it is closed");

    $client->close;
}


# seconds for which all who take part have waited for a processor

sub starved {
    return RD::Place::starved(RD::nginx()->workers, RD::own_redis()->pid);
}


1;
