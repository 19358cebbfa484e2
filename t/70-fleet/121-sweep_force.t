# How soon a host is swept when a gate cannot connect, and how often that may
# be: the script, case by case.

use strict;
use warnings;

use Test::More;
use RD::Script;

my $tag = $RD::Script::Prefix;
my $id = 'a' x 32;

# sweep_force for user 2, whose session has %$record, on a host that was last
# swept as %$swept says; its reply, and ms from now to the next sweep

sub force {
    my ($record, $swept, %option) = @_;

    redis('FLUSHALL') if !$option{again};
    redis('SET', "${tag}owner:2", $id) if $record;
    session($id, state => 'ready', host => 'h', %$record) if $record;
    redis('HSET', "${tag}sweep:h", %$swept) if $swept;

    my $wait = script('sweep_force', 2, 2000, 10_000);
    my $next = redis('HGET', "${tag}sweep:h", 'next_ms');

    return ($wait, defined $next ? $next - now_ms() : undef);
}

sub ago { return now_ms() - $_[0] }

my %rested = (began_ms => ago(30_000), took_ms => 100,
              next_ms => now_ms() + 30_000);

my ($wait, $next) = force({}, \%rested);
is($wait, 0, 'a host that has rested is due at once');
cmp_ok($next, '<=', 0, 'and says so');

($wait, $next) = force({}, { %rested, began_ms => ago(500) });
ok($wait > 500 && $wait <= 1500 && $next > 500 && $next <= 1500,
   'one that was swept just now is due after a pause') or diag("$wait $next");

($wait, $next) = force({}, { %rested, began_ms => ago(500), took_ms => 4000 });
ok($wait > 6000 && $wait <= 7500, 'one that is slow has a longer one')
    or diag($wait);

($wait, $next) = force({}, { %rested, began_ms => ago(500),
                             next_ms => now_ms() + 100 });
ok($wait <= 100 && $next <= 100, 'a sweep that is due sooner stays so')
    or diag("$wait $next");

force({}, \%rested);
($wait, $next) = force(undef, \%rested, again => 1);
is($wait, -1, 'the same session forces no second one');
cmp_ok($next, '>', 20_000, 'and nothing is moved');
cmp_ok(redis('PTTL', "${tag}forced:$id"), '<=', 10_000, 'for ten seconds');

($wait, $next) = force({ state => $_ }, \%rested)
    and is($wait, -1, "a session that is $_ forces none")
    for qw(creating starting stopping ended);

($wait, $next) = force(undef, \%rested);
is($wait, -1, 'nor does a user without one');

($wait, $next) = force({}, undef);
is($wait, 0, 'a host that was never swept is due anyway');

done_with_scripts();
