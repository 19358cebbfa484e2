package RD::Check;

# What a block expects, held against what happened.  Every function here makes
# as many tests as the same section does in Test::Nginx::Socket.

use strict;
use warnings;

use Test::More ();

use RD::Place qw(wait_until);

our $Expand = sub { $_[0] };        # fills in $TEST_NGINX_... and $ServerPort
our $NginxLog;                      # says what error.log holds of this block
our $Is;                            # is(), with differences shown

our $Patience = 2;                  # seconds for a log line to come


# Several requests have several expectations.

sub pick {
    my ($block, $section, $i, $many) = @_;

    my $value = $block->$section;
    return $value if !defined $value;

    if (ref $value eq 'ARRAY') {
        die $block->name . ": --- $section has no entry $i\n" if $i > $#$value;
        return $value->[$i];
    }

    die $block->name . ": --- $section must be an array, one entry a request\n"
        if $many;

    return $value;
}


sub has {
    my ($block, $section) = @_;

    return exists $block->{$section};
}


sub status {
    my ($block, $res, $i, $many, $default) = @_;

    my $label = $block->name . ' - status code ok';
    my $code = $res->{code};

    if (has($block, 'error_code_like')) {
        my $like = pick($block, 'error_code_like', $i, $many);
        chomp $like;
        return Test::More::like($code, qr/$like/sm, $label);
    }

    my $expected = has($block, 'error_code')
        ? pick($block, 'error_code', $i, $many) : $default;
    $expected =~ s/\s+\z//;

    return Test::More::is($code, $expected, $label);
}


sub headers {
    my ($block, $res, $i, $many) = @_;

    my $like = !has($block, 'response_headers');
    my $section = $like ? 'response_headers_like' : 'response_headers';

    return if !has($block, $section);

    for my $line (split /\n+/, pick($block, $section, $i, $many)) {
        $line =~ s/^\s+|\s+$//g;
        next if $line eq '';

        if ($line =~ /^!\s*(\S+)$/) {
            Test::More::unlike($res->{headers}, qr/^\s*\Q$1\E\s*:/mi,
                $block->name . " - header $1 not present in the raw headers");
            next;
        }

        my ($name, $value) = split /\s*:\s*/, $Expand->($line), 2;
        my $got = $res->{header}{lc $name} // '';

        if ($like) {
            Test::More::like($got, qr/^$value$/,
                             $block->name . " - header $name like ok");
        } else {
            Test::More::is($got, $value, $block->name . " - header $name ok");
        }
    }
}


sub body {
    my ($block, $res, $i, $many) = @_;

    my $name = $block->name;

    if (has($block, 'response_body')) {
        my $expected = pick($block, 'response_body', $i, $many);

        return Test::More::like($res->{body}, $expected,
                                "$name - response_body - like")
            if ref $expected eq 'Regexp';

        return $Is->($res->{body}, $Expand->($expected),
                     "$name - response_body - response is expected");
    }

    for my $kind (qw(like unlike)) {
        next if !has($block, "response_body_$kind");

        my $pattern = pick($block, "response_body_$kind", $i, $many);

        if (!ref $pattern) {
            chomp $pattern;
            $pattern = $Expand->($pattern);
        }

        my $label = "$name - response_body_$kind - response is expected";

        return $kind eq 'like'
            ? Test::More::like($res->{body}, qr/$pattern/s, $label)
            : Test::More::unlike($res->{body}, qr/$pattern/s, $label);
    }
}


# A log line may come a moment after the response.  What is wanted is waited
# for; what is not wanted is looked for at the end of that time.

sub log {
    my ($block) = @_;

    my $name = $block->name;
    my $wait = has($block, 'wait') ? $block->wait : undef;
    my $patience = $wait || $Patience;

    if (has($block, 'grep_error_log')) {
        my $expected = $block->grep_error_log_out;
        $expected = $Expand->($expected) if !ref $expected;

        my $got;
        wait_until($patience, sub {
            $got = _grep($block->grep_error_log);
            return ref $expected ? $got =~ $expected : $got eq $expected;
        });

        ref $expected
            ? Test::More::like($got, $expected, "$name - grep_error_log_out")
            : $Is->($got, $expected, "$name - grep_error_log_out");
    }

    my @wanted = patterns($block, 'error_log');
    my @unwanted = patterns($block, 'no_error_log');

    if (@wanted) {
        wait_until($patience, sub {
            my $log = $NginxLog->();
            return !grep { !found($log, $_) } @wanted;
        });

    } elsif (@unwanted && $wait) {
        wait_until($wait, sub {
            my $log = $NginxLog->();
            return grep { found($log, $_) } @unwanted;
        });
    }

    my $log = $NginxLog->();

    for my $pattern (@wanted) {
        my $line = found($log, $pattern);
        Test::More::ok(defined $line,
            "$name - pattern \"$pattern\" matches a line in error.log");
    }

    for my $pattern (@unwanted) {
        my $line = found($log, $pattern);
        Test::More::ok(!defined $line, "$name - pattern \"$pattern\" does not "
                                       . 'match a line in error.log')
            or Test::More::diag("it matches: $line");
    }
}


# "COMMAND args => regex", one a line: polled until it holds.

sub redis {
    my ($block, $section, $redis, $patience) = @_;

    return if !has($block, $section);

    for my $line (split /\n+/, $Expand->($block->$section)) {
        my ($command, $pattern) = $line =~ /^\s*(.+?)\s+=>\s?(.*?)\s*$/
            or die $block->name . ": --- $section: no \"=>\" in: $line\n";

        my $got = '';
        wait_until($patience, sub {
            $got = eval { RD::Redis::flat($redis->line($command)) } // $@;
            return $got =~ /$pattern/s;
        });

        Test::More::like($got, qr/$pattern/s,
                         $block->name . " - redis: $command");
    }
}


sub patterns {
    my ($block, $section) = @_;

    return if !has($block, $section);

    my $value = $block->$section;

    return ref $value eq 'Regexp' ? $value
         : ref $value ? grep { defined } @$value
         : grep { length } split /\n+/, $Expand->($value);
}


# the first line that holds it; undef when there is none

sub found {
    my ($log, $pattern) = @_;

    for my $line (split /\n/, $log) {
        return $line if ref $pattern ? $line =~ $pattern
                                     : index($line, $pattern) >= 0;
    }

    return undef;
}


sub _grep {
    my ($pattern) = @_;

    my $out = '';

    for my $line (split /\n/, $NginxLog->()) {
        $out .= "$&\n"
            if ref $pattern ? $line =~ $pattern : $line =~ /\Q$pattern\E/;
    }

    return $out;
}


1;
