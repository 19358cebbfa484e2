package RD::Certificates;

# A certificate authority of the test's own, made by openssl in the suite's
# folder, and certificates that it signs.

use strict;
use warnings;

use RD::Place qw(prefix slurp spew);


sub new {
    my ($class, $name) = @_;

    my $self = bless { dir => prefix() . "/$name" }, $class;

    mkdir $self->{dir} or die "$self->{dir}: $!";
    _openssl(qw(req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes
                -days 2 -subj), "/CN=$name", '-keyout', $self->ca_key,
             '-out', $self->ca);

    return $self;
}


sub ca     { "$_[0]{dir}/ca.crt" }
sub ca_key { "$_[0]{dir}/ca.key" }


# (certificate, key): files of one for these names, 'DNS:a.example,IP:::1';
# days => -1 makes one that has expired.

sub issue {
    my ($self, $name, $names, %option) = @_;

    my $base = "$self->{dir}/$name";
    my $days = $option{days} // 2;

    spew("$base.ext", $names ? "subjectAltName=$names\n" : '');
    _openssl(qw(req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes
                -subj), "/CN=$name", '-keyout', "$base.key",
             '-out', "$base.csr");
    _openssl('x509', '-req', '-in', "$base.csr", '-CA', $self->ca, '-CAkey',
             $self->ca_key, '-CAcreateserial', '-days', $days, '-extfile',
             "$base.ext", '-out', "$base.crt");

    return ("$base.crt", "$base.key");
}


sub _openssl {
    my (@args) = @_;

    my $log = prefix() . '/logs/openssl.log';

    defined(my $pid = fork) or die "fork: $!";

    if ($pid == 0) {
        open STDOUT, '>', $log;
        open STDERR, '>&', \*STDOUT;
        exec 'openssl', @args or POSIX::_exit(127);
    }

    waitpid $pid, 0;
    die "openssl @args:\n" . slurp($log) if $?;
}


1;
