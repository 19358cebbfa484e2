# The story of a session when its record is gone, and when its steps are, too.

use strict;
use warnings;

use Test::More;
use RD::Script;

my $tag = $RD::Script::Prefix;

my $id = a_session(7);
script('stop', $id, 0, 'user_destroyed', 0, 1000);
is((rows($id))[0]{reason}, 'user_destroyed', 'a session has ended');

# what has happened since, to others, and a moment later
my ($row) = map { $_->[0] } @{ redis('XRANGE', "${tag}history", '-', '+') };
my ($ms) = $row =~ /^(\d+)/;
redis('XADD', "${tag}history", ($ms + 5000) . "-$_", 'session', "other$_")
    for 1 .. 2500;

sub story {
    my ($now, $record, $steps, $events, $row) = @{ script('story', $id) };
    return { record => { @$record }, steps => scalar @$steps,
             events => scalar @$events, row => { @$row } };
}

is(story()->{record}{state}, 'ended', 'its record tells');
is(story()->{row}{reason}, 'user_destroyed',
   'history is found behind 2,500 other rows');
is(story()->{events}, 2, 'and its events');

redis('DEL', "${tag}session:$id");
is_deeply(story()->{record}, {}, 'the record is gone');
is(story()->{row}{reason}, 'user_destroyed', 'history still tells');
is(story()->{steps}, 3, 'with all steps');

redis('DEL', "${tag}story:$id");
is_deeply(story()->{row}, {},
          'without steps history is looked through to a bound');
redis('XTRIM', "${tag}history", 'MAXLEN', 2000);
redis('XADD', "${tag}history", '*', 'session', $id, 'reason', 'expired');
is(story()->{row}{reason}, 'expired', 'where it is found');

done_with_scripts();
