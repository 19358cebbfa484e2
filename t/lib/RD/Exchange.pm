package RD::Exchange;

# What a block sends and what comes back: its requests, one connection each,
# and the steps of --- websocket.

use strict;
use warnings;

use Test::More ();

use RD::Check;
use RD::Client;
use RD::Place;
use RD::Visitor;

our $Timeout = $ENV{TEST_NGINX_TIMEOUT} || 5;


# A list of { text, more, raw }; text is an array for pipelined requests.

sub requests {
    my ($block) = @_;

    if (RD::Check::has($block, 'raw_request')) {
        my $raw = $block->raw_request;
        $raw = join '', @$raw if ref $raw;
        return { text => $RD::Check::Expand->($raw), raw => 1 };
    }

    my $more = $block->more_headers;
    my @more = ref $more ? @$more : ($more // '');

    return { text => $block->pipelined_requests, more => \@more }
        if RD::Check::has($block, 'pipelined_requests');

    return if !RD::Check::has($block, 'request');

    my $request = $block->request;
    my @requests = ref $request ? @$request : $request;

    return map {
        my $text = $requests[$_];
        $text = join '', map { ref $_ ? $_->{value} : $_ } @$text if ref $text;
        { text => $text, more => [$more[$_] // $more[0]] };
    } 0 .. $#requests;
}


# Sends one request, or several in one go, and checks what comes back.

sub run {
    my ($block, $request, $visitor, $i, $many) = @_;

    my $aborts = RD::Check::has($block, 'abort');
    my $ignored = RD::Check::has($block, 'ignore_response');
    my $socket = RD::Check::has($block, 'websocket');

    my $patience = patience($block);
    $patience = RD::Place::patience($patience) if !$aborts;

    my $client = RD::Client->connect($RD::ServerPort, 5);
    my ($bytes, @methods) = _compose($request, $visitor, $socket && $client);

    $client->send($bytes);

    for my $n (0 .. $#methods) {
        my $res = $client->response($patience, $methods[$n]);

        _websocket($block, $client, $res, $patience)
            if $socket && $res->{code} eq '101';

        next if $ignored;

        Test::More::diag($block->name
                         . " - no complete response within $patience s")
            if !$res->{complete} && !$aborts;

        my $several = $many || @methods > 1;

        RD::Check::status($block, $res, $i + $n, $several,
                          $socket ? 101 : 200);
        RD::Check::headers($block, $res, $i + $n, $several);
        RD::Check::body($block, $res, $i + $n, $several);
    }

    $client->close;
}


# The bytes to send, and the method of each request in them.

sub _compose {
    my ($request, $visitor, $socket) = @_;

    my $text = $request->{text};
    my @texts = ref $text ? @$text : $text;
    my ($bytes, @methods) = ('');

    for my $n (0 .. $#texts) {
        my ($method) = $texts[$n] =~ /^\s*(?:#[^\n]*\n\s*)*(\S+)/;
        push @methods, $method // '';

        if ($request->{raw}) {
            $bytes .= $texts[$n];
            next;
        }

        my $more = $request->{more}[$n] // $request->{more}[0] // '';
        $more = $RD::Check::Expand->($more);
        $more .= "\n" if $more =~ /[^\n]\z/;
        $more .= RD::Visitor::headers($visitor, $methods[-1]) if $visitor;
        $more = $socket->websocket_headers($more) if $socket;

        $bytes .= RD::Client::compose($RD::Check::Expand->($texts[$n]), $more,
                                      $n < $#texts ? 'keep-alive' : 'close');
    }

    return ($bytes, @methods);
}


# The steps of --- websocket; what comes back becomes the response body.

sub _websocket {
    my ($block, $client, $res, $patience) = @_;

    $res->{body} = $client->websocket_accepted($res) ? '' : "wrong accept\n";

    my $script = $RD::Check::Expand->($block->websocket // '');
    my @steps = grep { /\S/ } split /\n/, $script;
    @steps = ('receive', 'send close 1000', 'receive') if !@steps;

    for my $step (@steps) {
        my ($verb, $rest) = $step =~ /^\s*(\S+)\s*(.*?)\s*$/;

        if ($verb eq 'receive') {
            $res->{body} .= $client->websocket_receive($patience) . "\n";

        } elsif ($verb eq 'hold') {
            $res->{body} .= $client->websocket_receive(seconds($rest)) . "\n";

        } elsif ($verb eq 'send' && $rest =~ /^(\w+)\s*(.*)$/) {
            my ($kind, $data) = ($1, $2);
            $data = $kind eq 'close' ? pack 'n', $data || 1000
                  : $data =~ s/\\x([0-9a-f]{2})/chr hex $1/ger;
            $client->websocket_send($kind, $data);

        } elsif ($verb eq 'perl') {
            eval "package main; no strict; $rest; 1"
                or die $block->name . " - websocket: $@";

        } else {
            die $block->name . " - websocket: unknown step: $step\n";
        }
    }
}


sub patience {
    my ($block) = @_;

    return RD::Check::has($block, 'timeout') ? seconds($block->timeout)
                                             : $Timeout;
}


sub seconds {
    my ($text) = @_;

    my ($n, $unit) = $text =~ /^\s*([\d.]+)\s*(ms|s)?\s*$/
        or die "no time: $text\n";

    return ($unit // 's') eq 'ms' ? $n / 1000 : $n;
}


1;
