# A session's whole story: when, where, how long, and why it waited.

use RD 'no_plan';
use RD::Events;
use RD::Site;

add_block_preprocessor(\&RD::Site::preprocess);
leave_keys(qr/\}:(?:last|owner|live|expiry|warn|stopping|queue|lease|user)/,
           qr/\}:(?:session|slots|creates|pace|probe)/);

run_tests();

my $tag = 'rd:{' . RD::site() . '}:';
my ($admin, $ada) = map { visitor($_) } qw(admin ada);

sub explain { return admin_api($admin, "GET explain?session=$_[0]") }


# ---- one that never finds a host --------------------------------------------

admin_api($admin, 'POST hosts/cordon', 'host=192.0.2.1');
api($ada, 'POST create');

my $id = session_of($ada)->{id};
my $story;

ok(wait_until(15, sub {
       $story = explain($id)->{json};
       return grep { $_->{type} eq 'queued' } @{ $story->{events} // [] };
   }), 'why it waits is among its events');

is($story->{steps}[0]{state}, 'queued', 'its first step is to wait');
ok(abs($story->{steps}[0]{at} - time) < 30, 'when');
ok($story->{steps}[0]{took} >= 0, 'how long, so far');
is($story->{session}{username}, 'ada', 'whose it is');
is($story->{session}{user_id}, 2, 'by id');
is($story->{events}[0]{type}, 'session_requested', 'events in their order');
ok(!exists $story->{session}{vnc_password}, 'the password is no part of it');

my ($queued) = grep { $_->{type} eq 'queued' } @{ $story->{events} };
like($queued->{metadata}{reason}, qr/^no host (?:takes|can start)/,
     'the reason is in words');

api(visitor('bob'), 'POST create');
is_deeply([map { $_->{user_id} } grep { ($_->{user_id} // 0) != 2 }
           @{ explain($id)->{json}{events} }], [],
          'nothing of others is in it');

is(api($ada, 'POST destroy')->{code}, 200, 'he gives up');
$story = explain($id)->{json};

is_deeply([map { $_->{state} } @{ $story->{steps} }],
          [qw(queued stopping ended)], 'his story ends');
is($story->{steps}[2]{reason}, 'user_destroyed', 'for the reason');
is($story->{session}{reason}, 'user_destroyed', 'which the summary has, too');
ok($story->{session}{ended_at} >= $story->{session}{created_at}, 'when');
is($story->{events}[-1]{type}, 'session_destroyed', 'and the last event');


# ---- after the record is gone -----------------------------------------------

redis('DEL', "${tag}session:$id");
$story = explain($id)->{json};
is($story->{session}{reason}, 'user_destroyed', 'history remembers');
is(scalar @{ $story->{steps} }, 3, 'so do the steps');

# the steps live for a week, and many have played since
redis('DEL', "${tag}story:$id");
redis('EVAL', "for i = 1, 4100 do redis.call('XADD', KEYS[1], '*', 'session', "
              . "'other' .. i) end", 1, "${tag}history");
$story = explain($id)->{json};
is($story->{session}{reason}, 'user_destroyed',
   'history remembers for as long as it has the row');
is($story->{session}{username}, 'ada', 'with all that it says');
is_deeply($story->{steps}, [], 'the steps are forgotten');
is(explain('0' x 32)->{json}{code}, 'no_session', 'of nobody it says nothing');

redis('DEL', "${tag}history", "${tag}events");
is(explain($id)->{json}{code}, 'no_session', 'what nobody knows is not told');
is(explain('x')->{code}, 400, 'an id has a form');
is(admin_api($admin, 'GET explain')->{code}, 400, 'and has to be there');

api(visitor('bob'), 'POST destroy');

__DATA__

=== TEST 1: nginx starts
--- request
GET /remote-desktop/admin/api/explain
--- error_code: 401
