package RD::Visitor;

# People who visit: the session CTFd would have written for them, its signed
# cookie, and the user record our CTFd plugin would have published.

use strict;
use warnings;

use Digest::SHA qw(hmac_sha1 hmac_sha1_hex sha1 sha1_hex);
use Exporter qw(import);
use MIME::Base64 qw(encode_base64url);

our @EXPORT_OK = qw(sign session_json session_pickle uuid digest);

# CTFd's key file holds 64 raw bytes: a NUL and a newline belong to the key
our $Secret = "rd test key\0with\nevery\xffsort of byte, and it ends with: \n";

our $Site          = 'test';
our $Prefix        = 'rd:';
our $CookieName    = 'session';
our $SessionPrefix = 'flask_cache_session';

use constant SESSION_SECONDS => 604800;

# who is who in every suite; "zoe:17" makes another one
my %id = (admin => 1, ada => 2, bob => 3, eve => 4, dan => 5);

my %flag = map { $_ => 1 } qw(admin banned unverified stale norecord notag
    anonymous raw forged gone nocsrf badcsrf nocookie);

# when CTFd made the accounts of these suites
use constant CREATED => 1_700_000_000;


# itsdangerous' Signer with its defaults.

sub sign {
    my ($sid, $secret) = @_;

    my $key = sha1('itsdangerous.Signer' . 'signer' . ($secret // $Secret));

    return "$sid." . encode_base64url(hmac_sha1($sid, $key));
}


sub uuid {
    my @b = map { int rand 256 } 1 .. 16;

    $b[6] = $b[6] & 0x0f | 0x40;
    $b[8] = $b[8] & 0x3f | 0x80;

    return sprintf '%02x' x 4 . '-%02x%02x' x 3 . '-' . '%02x' x 6, @b;
}


# Flask's way: sorted names, no spaces.

sub session_json {
    my (%session) = @_;

    return '{' . join(',', map {
        my $value = $session{$_};
        $value = qq("$value") if $value !~ /^(?:true|false|null|-?\d+)$/;
        qq("$_":$value);
    } sort keys %session) . '}';
}


# cachelib's RedisSerializer: "!" and a pickle (protocol 5) of one str.

sub session_pickle {
    my ($text) = @_;

    my $len = length $text;
    my $item = ($len < 256 ? "\x8c" . chr $len : "\x58" . pack 'V', $len)
               . $text . "\x94.";

    my $frame = $len < 65536 ? "\x95" . pack('Q<', length $item) : '';

    return "!\x80\x05$frame$item";
}


# CTFd's tag of a password, and the digest of it that a session carries.

sub password_tag {
    my ($name) = @_;

    return hmac_sha1_hex("password of $name", $Secret);
}

sub digest {
    my ($name) = @_;

    return substr sha1_hex(password_tag($name)), 0, 16;
}


# "ada admin team:3" into { name, id, flags }.

sub parse {
    my ($text) = @_;

    my ($who, @words) = split ' ', $text;
    my ($name, $number) = split /:/, $who;

    my $id = $number // $id{$name}
        // die "unknown visitor $name: use " . join(', ', sort keys %id)
               . " or $name:ID\n";

    my $visitor = { name => $name, id => $id };

    for my $word (@words) {
        if ($word =~ /^(team|hash|tag):(\S+)$/) {
            $visitor->{$1} = $2;

        } elsif ($flag{$word}) {
            $visitor->{$word} = 1;

        } else {
            die "unknown word for a visitor: $word\n";
        }
    }

    $visitor->{admin} = 1 if $name eq 'admin';
    return $visitor;
}


# Logs the visitor in: session into CTFd's Redis, record into ours.  Adds
# sid, nonce, cookie and the keys made.

sub login {
    my ($visitor, $redis, $ctfd) = @_;

    my $hash = password_tag($visitor->{name});

    $visitor->{sid} = uuid();
    $visitor->{nonce} = join '', map { sprintf '%02x', int rand 256 } 1 .. 32;
    $visitor->{cookie} = sign($visitor->{sid},
                              $visitor->{forged} ? 'another key' : $Secret);

    my %session = (nonce => $visitor->{nonce});

    if (!$visitor->{anonymous}) {
        %session = (%session, _permanent => 'true', id => $visitor->{id},
                    hash => $hash);
    }

    my $json = session_json(%session);
    my $key = $SessionPrefix . $visitor->{sid};

    $ctfd->command('SETEX', $key, SESSION_SECONDS,
                   $visitor->{raw} ? $json : session_pickle($json))
        if !$visitor->{gone};

    my $record = "$Prefix\{$Site\}:user:$visitor->{id}";
    my $known = "$Prefix\{$Site\}:known:$visitor->{id}";
    $redis->command('DEL', $record);

    # "norecord": there has never been one
    $redis->command('DEL', $known) if $visitor->{norecord};

    # "stale": the password was changed since this session began
    $redis->command('HSET', $record,
        name     => $visitor->{name},
        type     => $visitor->{admin} ? 'admin' : 'user',
        banned   => $visitor->{banned} ? 1 : 0,
        verified => $visitor->{unverified} ? 0 : 1,
        team_id  => $visitor->{team} // '',
        $visitor->{notag} ? ()
            : (tag => $visitor->{tag} // "$visitor->{id}-" . CREATED),
        hash     => $visitor->{stale} ? scalar reverse $hash
                                      : $visitor->{hash} // $hash)
        if !$visitor->{norecord} && !$visitor->{anonymous};

    $visitor->{keys} = [$key, $record, $known];
    return $visitor;
}


# The headers this visitor's browser adds to a request.

sub headers {
    my ($visitor, $method) = @_;

    my @headers;

    push @headers, "Cookie: $CookieName=$visitor->{cookie}"
        if !$visitor->{nocookie};

    push @headers, 'CSRF-Token: '
        . ($visitor->{badcsrf} ? '0' x 64 : $visitor->{nonce})
        if $method !~ /^(?:GET|HEAD|OPTIONS)$/ && !$visitor->{nocsrf};

    return join '', map { "$_\n" } @headers;
}


1;
