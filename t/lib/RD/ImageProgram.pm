package RD::ImageProgram;

# A Python program of the desktop image, run on this machine as it is in the
# image, except for the constants a test gives it (ports, deadlines).

use strict;
use warnings;

use Exporter qw(import);
use IO::Socket::INET;
use JSON::PP qw(encode_json);
use POSIX ();

use RD::Place qw(prefix slurp spew top wait_until);

our @EXPORT = qw(start_image_program);

use constant START_S => 20;

my $runner = <<'END';
import json, sys, types

path, constants, shell_home = sys.argv[1:4]
program = types.ModuleType('program')
sys.modules['program'] = program
exec(compile(open(path).read(), path, 'exec'), program.__dict__)
program.__dict__.update(json.loads(constants))

if hasattr(program, 'pwd'):
    # the shell reads no profile
    program.pwd = types.SimpleNamespace(getpwuid=lambda uid:
        types.SimpleNamespace(pw_dir=shell_home, pw_shell='/bin/sh'))

main = program.main()

if main is not None:
    program.asyncio.run(main)
END


# Starts image/root/usr/local/bin/NAME with its constants overridden, and waits
# until it listens on port.  The program is killed when the suite ends.  Returns
# its pid and the path of its log.

sub start_image_program {
    my ($name, %option) = @_;

    my $log = prefix() . "/logs/$name.log";

    spew(prefix() . "/$name.py", $runner);
    spew(prefix() . "/conf/$name.input", $option{input} // '');

    defined(my $pid = fork) or die "fork: $!";

    if ($pid == 0) {
        open STDIN, '<', prefix() . "/conf/$name.input";
        open STDOUT, '>>', $log;
        open STDERR, '>>', $log;
        exec 'env', '-i', "RD_TEST_MARK=$ENV{RD_TEST_MARK}", 'HOME=' . prefix(),
            'PATH=/usr/bin:/bin', 'PYTHONDONTWRITEBYTECODE=1',
            '/usr/bin/python3', prefix() . "/$name.py",
            top() . "/image/root/usr/local/bin/$name",
            encode_json($option{constants} // {}), prefix()
            or POSIX::_exit(127);
    }

    RD::add_cleanup_handler(sub { kill KILL => $pid; waitpid $pid, 0 });

    wait_until(START_S, sub {
        IO::Socket::INET->new(PeerAddr => "127.0.0.1:$option{port}");
    }) or die "$name did not start: " . slurp($log);

    return ($pid, $log);
}


1;
