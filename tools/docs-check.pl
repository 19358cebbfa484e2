#!/usr/bin/perl

# docs-check.pl [TOP]: every directive, variable, API route, error code and
# reason of a refusal of the source is described in docs/ and shows up in at
# least one test; the pages have words for each error code and for each close
# code of docs/API.md, and for no other.  One line for each fault.

use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use File::Find qw(find);

my $top = $ARGV[0] // abs_path(dirname(__FILE__) . '/..');
chdir $top or die "docs-check: $top: $!\n";

my $source = text(glob('ngx_rd_*.[ch] src/*.h src/*/*.[ch]'));
my %page = map { $_ => text("docs/$_.md") }
           qw(DIRECTIVES API TROUBLESHOOTING);
my $tests = text(tests());

my ($things, $faults) = (0, 0);


# directives: the names in ngx_command_t tables

while ($source =~ /ngx_command_t\s+\w+\[\]\s*=\s*\{(.*?)ngx_null_command/gs) {
    for my $name (names($1)) {
        check("directive $name", 'DIRECTIVES', qr/\b\Q$name\E\b/,
              qr/\b\Q$name\E\b/);
    }
}


# variables: the names in ngx_http_variable_t tables

while ($source =~ /ngx_http_variable_t\s+\w+\[\]\s*=\s*\{(.*?)\n\s*\};/gs) {
    for my $name (names($1)) {
        check("variable \$$name", 'DIRECTIVES', qr/\$\Q$name\E\b/,
              qr/\$\Q$name\E\b/);
    }
}


# routes: entries of a name and a method

while ($source =~ /\{\s*ngx_string\("([^"]+)"\),\s*NGX_HTTP_([A-Z]+)\b/g) {
    my ($name, $method) = ($1, $2);

    check("route $method $name", 'API', qr/\b$method\b[^\n]*\b\Q$name\E\b/,
          qr{\b$method\s+(?:\S*/)?\Q$name\E(?![\w-])});
}


# errors: the rows of NGX_RD_ERRORS, the first of which is none

my @codes;

while ($source =~ /^\s*X\((\w+),\s*\d+,\s*"(\w+)"/mg) {
    my ($name, $code) = ($1, $2);
    next if $name eq 'NONE';

    push @codes, $code;

    # "stale" alone is any word, "redis_lost" is not
    my $said = $code =~ /_/ ? qr/\b\Q$code\E\b/ : qr/["'`]\Q$code\E\\?["'`]/;

    check("error $code", 'API', qr/`\Q$code\E`/,
          qr/\bNGX_RD_ERR_\Q$name\E\b|$said/);
}


# words of the pages; "network" is their own, for no answer

same_words('error', words('words', qr/\w+/), network => @codes);
same_words('close code', words('farewells', qr/\d+/),
           $page{API} =~ /^\| (4\d\d\d) \|/mg);


# reasons of refusals: the rows of NGX_RD_REASONS, the first of which is none

while ($source =~ /^\s*X\((\w+), "(\w+)", \d+,/mg) {
    my ($name, $code) = ($1, $2);

    check("reason $code", 'TROUBLESHOOTING', qr/^\| `\Q$code\E` \|/m,
          qr/\b\Q$code\E\b/) if $name ne 'NONE';
}

die "docs-check: found nothing to check in $top\n" if !$things;

print "docs-check: $things things, ", $faults ? "$faults faults" : 'no faults',
      "\n";
exit($faults ? 1 : 0);


sub check {
    my ($what, $page, $in_docs, $in_tests) = @_;

    $things++;

    if ($page{$page} !~ $in_docs) {
        print "docs-check: $what is not in docs/$page.md\n";
        $faults++;
    }

    if ($tests !~ $in_tests) {
        print "docs-check: $what is in no test\n";
        $faults++;
    }
}


# the keys of an object in web/app/words.js

sub words {
    my ($object, $key) = @_;

    my ($rows) = text('web/app/words.js')
                 =~ /^const $object = \{\n(.*?)^\};/ms;

    return { map { $_ => 1 } ($rows // '') =~ /^    ($key):/mg };
}


sub same_words {
    my ($what, $words, @sent) = @_;

    my %sent = map { $_ => 1 } @sent;
    my @missing = grep { !$words->{$_} } sort keys %sent;
    my @unsent = grep { !$sent{$_} } sort keys %$words;

    print "docs-check: $what $_ has no words in web/app/words.js\n"
        for @missing;
    print "docs-check: nobody sends $what $_ of web/app/words.js\n"
        for @unsent;

    $faults += @missing + @unsent;
}


sub names { return $_[0] =~ /\{\s*ngx_string\("([^"]+)"\)/g }


sub tests {
    my @files;

    find({ no_chdir => 1, wanted => sub {
        push @files, $_ if /\.(?:t|pm|c|mjs|py)$/ && !m{^t/(?:fake|fuzz)/};
    } }, 't') if -d 't';

    return sort @files;
}


sub text {
    my $all = '';

    for my $path (@_) {
        open my $file, '<', $path or next;
        local $/;
        $all .= <$file> // '';
    }

    return $all;
}
