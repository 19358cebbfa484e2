# What rd_metrics tells of decisions that ask nobody, and of the cache behind
# them, whichever of two workers took them.

use RD 'no_plan';
use RD::Serve;
use RD::Site;

use constant VISITS => 50;

my $desktop = serve_desktop();
my $warm = 'source="warm"';

workers(2);

$RD::Site::Http .= "    rd_zone rd:1m;\n";
$RD::Site::Config .= $RD::Site::HttpGate
    . "        location = /metrics { rd_metrics; }\n";

add_block_preprocessor(\&RD::Site::preprocess);
planted_secret('pLaNtEd8');
leave_keys(qr/\}:/, qr/flask_cache/);

run_tests();

my $ada = visitor('ada');

give_desktop(2, $desktop);


sub scrape {
    return { map { /^(\S+) (\S+)$/ ? ($1, $2) : () }
             grep { !/^#/ } split /\n/, http('GET /metrics')->{body} };
}

sub decided { return $_[0]{qq(ngx_rd_gate_decisions_total{result="ok",$warm})} }

sub visit { http('GET /http/2/', visitor => $ada) }


# word of the login may still be on its way, and take out what is kept
my $before;

ok(wait_until(10, sub {
    $before = scrape();
    visit() for 1 .. 10;
    return decided(scrape()) - decided($before) == 10;
}), 'ten in a row ask nobody');

$before = scrape();
visit() for 1 .. VISITS;
my $now = scrape();

is(decided($now) - decided($before), VISITS, 'each decision is counted');

my $time = 'ngx_rd_gate_decision_duration_seconds';

is($now->{"${time}_count{$warm}"}, decided($now),
   'its time, too, though not each is measured');
is($now->{"${time}_bucket{$warm,le=\"+Inf\"}"}, decided($now), 'in one bucket');
like($now->{"${time}_sum{$warm}"}, qr/^[0-9.e-]+$/, 'and in the sum');

is($now->{ngx_rd_cache_hits_total} - $before->{ngx_rd_cache_hits_total},
   2 * VISITS, 'who he is, and what he has, was kept');
is($now->{ngx_rd_cache_misses_total}, $before->{ngx_rd_cache_misses_total},
   'nothing was missed');
is($now->{ngx_rd_cache_entries}, 2, 'two entries are there');
ok($now->{ngx_rd_cache_entries_max} > 1000, 'of many');

__DATA__

=== TEST 1: nginx starts
--- request
GET /remote-desktop/api/status
--- error_code: 401
