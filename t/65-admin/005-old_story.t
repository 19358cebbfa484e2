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
    my ($now, $record, $steps, $events, $row, $on) =
        @{ script('story', $id, $_[0] // '') };
    return { record => { @$record }, steps => scalar @$steps,
             events => scalar @$events, row => { @$row }, on => $on };
}

is(story()->{record}{state}, 'ended', 'its record tells');
is(story()->{row}{reason}, 'user_destroyed',
   'history is found behind 2,500 other rows');
is(story()->{events}, 2, 'and its events');

redis('DEL', "${tag}session:$id");
is_deeply(story()->{record}, {}, 'the record is gone');
is(story()->{row}{reason}, 'user_destroyed', 'history still tells');
is(story()->{steps}, 3, 'with all steps');

is(story()->{on}, '', 'which is all');

redis('DEL', "${tag}story:$id");
my $first = story();
is_deeply($first->{row}, {},
          'without steps a piece of history is looked through');
is(story($first->{on})->{row}{reason}, 'user_destroyed',
   'where it ends the next one begins, and it is found');
is(story($first->{on})->{on}, '', 'which is all');

redis('XDEL', "${tag}history", $row);
my $on = '';
my $calls = 0;
$calls++ while length($on = story($on)->{on}) && $calls < 10;
is($calls, 2, 'what is nowhere is looked for to the end');

done_with_scripts();
