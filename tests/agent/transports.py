# SPDX-License-Identifier: BSD-2-Clause
"""Does an agent serve controllers as its command line says? As TAP:

    transports.py [--only PATTERN] COMMAND...

COMMAND is an agent without options. Unix sockets are made in a directory of their own; TCP is loopback only.
"""
import os
import signal
import socket
import stat
import struct
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
from harness import (LIMIT, Controller, Process, Skip, Wrong, check, expect, is_reset, main, peer_socket,  # noqa: E402
                     same, text, until_true)

TOKEN = '0123456789abcdef'


class Here:
    """One check's agents and controllers, and a directory; all ended with it"""
    def __init__(self, command):
        self.command, self.directory = command, tempfile.TemporaryDirectory(prefix='finwait-agent-')
        self.path = os.path.join(self.directory.name, 'agent')
        self.processes, self.sockets = [], []

    def start(self, *options, **streams):
        streams = {'stdin': subprocess.DEVNULL, 'stdout': subprocess.PIPE, 'stderr': subprocess.PIPE, **streams}
        process = subprocess.Popen([*self.command, *options], **streams)
        self.processes.append(process)
        return process

    def ends(self, *options):
        """The exit status of an agent that does not serve"""
        process = self.start(*options)
        try:
            out, err = process.communicate(timeout=LIMIT)
        except subprocess.TimeoutExpired:
            raise Wrong(f'still there: {" ".join(options)}') from None
        expect(process.returncode == 0 or err, f'says not why it ends: {" ".join(options)}')
        return process.returncode

    def refused(self, *options):
        status = self.ends(*options)
        expect(status in (2, 3), f'exit status {status} of: {" ".join(options)}')

    def unix(self, *options):
        process = self.start('--unix', self.path, *options, stderr=None)

        def there():
            same(process.poll(), None, 'exit status')
            with socket.socket(socket.AF_UNIX) as probe:
                return probe.connect_ex(self.path) == 0
        until_true('the unix socket takes connections', there)
        return process

    def tcp(self, *options):
        """An agent on a free port of loopback: its process and port, and what it said"""
        for _ in range(5):  # another may have taken it meanwhile
            with peer_socket() as free:
                port = free.getsockname()[1]
            process = self.start('--port', str(port), *options, stderr=None)
            said = Controller(process.stdout.fileno(), process.stdout.fileno()).line()
            if said or status(process) != 3:
                break
        expect(said, 'the agent ended instead of listening')
        return process, port, said

    def connect(self, where):
        """A socket to an agent, at a path or a port"""
        unix = isinstance(where, str)
        sock = socket.socket(socket.AF_UNIX if unix else socket.AF_INET)
        self.sockets.append(sock)
        sock.settimeout(LIMIT)
        sock.connect(where if unix else ('127.0.0.1', where))
        return sock

    def controller(self, where, hello='allow=127.0.0.1'):
        sock = self.connect(where)
        controller = Controller(sock.fileno(), sock.fileno()).greeting()
        controller.sock = sock
        if hello is not None:
            controller.ask(f'hello version=1 {hello}').only('')
        return controller

    def token_file(self, content=TOKEN + '\n', mode=0o600):
        path = os.path.join(self.directory.name, 'token')
        with open(path, 'w', newline='') as f:
            f.write(content)
        os.chmod(path, mode)
        return path

    def end(self):
        for sock in self.sockets:
            sock.close()
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.communicate()
        self.directory.cleanup()


def one(command, function, options):
    here = Here(command)
    try:
        function(here)
    finally:
        here.end()


def connected(a):
    """A connection that the agent opened: the agent's number, and the peer's socket"""
    with peer_socket() as waiting:
        waiting.listen()
        s = a.ask('socket family=ipv4')['socket']
        a.ask(f'connect socket={s} to={text(waiting.getsockname())}').only('local peer')
        peer, _ = waiting.accept()
    peer.settimeout(LIMIT)
    return s, peer


def status(process):
    try:
        return process.wait(LIMIT)
    except subprocess.TimeoutExpired:
        raise Wrong('the agent does not end') from None


# --- standard input and output ---

@check('stdio: nothing to read')
def _(here):
    same(here.ends('--stdio'), 0, 'exit status')


@check('stdio: requests from a file')
def _(here):
    requests = here.token_file('a hello version=1\nb socket family=ipv4\n')
    with open(requests) as f:
        process = here.start('--stdio', stdin=f)
        out, _ = process.communicate(timeout=LIMIT)
    same(out.split(b'\n')[1:], [b'a ok', b'b ok socket=1', b''] if b'socket=1\n' in out else out, 'replies')
    same(process.returncode, 0, 'exit status')


@check('stdio: a controller that is gone')
def _(here):
    process = here.start('--stdio', stdin=subprocess.PIPE)
    process.stdout.readline()
    process.stdout.close()
    process.stdin.write(b'a hello version=1\n')
    process.stdin.flush()
    expect(status(process) >= 0, 'killed by a signal')
    process.stdout = None
    process.stdin.close()
    process.stdin = None


@check('stdio: signals end the session, and reset its connections')
def _(here):
    for number in (signal.SIGTERM, signal.SIGINT):
        agent = Process([*here.command, '--stdio'])
        here.processes.append(agent.process)
        agent.greeting().ask('hello version=1 allow=127.0.0.1')
        _, peer = connected(agent)
        agent.process.send_signal(number)
        expect(is_reset(peer), 'the connection was not reset')
        same(agent.status(), 0, 'exit status')


@check('stdio: --idle ends a silent session')
def _(here):
    agent = Process([*here.command, '--stdio', '--idle', '1'])
    here.processes.append(agent.process)
    agent.greeting().ask('hello version=1 allow=127.0.0.1')
    _, peer = connected(agent)
    expect(is_reset(peer), 'the connection was not reset')
    agent.drain()
    same(agent.status(), 0, 'exit status')


# --- unix sockets ---

@check('unix: mode 0600, removed at the end')
def _(here):
    for number in (signal.SIGTERM, signal.SIGINT):
        process = here.unix()
        mode = os.lstat(here.path).st_mode
        expect(stat.S_ISSOCK(mode), 'not a socket')
        same(oct(stat.S_IMODE(mode)), oct(0o600), 'mode')
        here.controller(here.path).ask('socket family=ipv4').only('socket')
        process.send_signal(number)
        same(status(process), 0, 'exit status')
        expect(not os.path.lexists(here.path), 'the socket is still there')


@check('unix: a stale socket is replaced')
def _(here):
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(here.path)
    here.unix()
    here.controller(here.path)


@check('unix: anything else is refused, and left alone')
def _(here):
    with open(here.path, 'w') as f:
        f.write('mine')
    here.refused('--unix', here.path)
    with open(here.path) as f:
        same(f.read(), 'mine', 'the file')
    os.unlink(here.path)
    os.symlink('nowhere', here.path)
    here.refused('--unix', here.path)
    same(os.readlink(here.path), 'nowhere', 'the link')
    os.unlink(here.path)
    os.mkdir(here.path)
    here.refused('--unix', here.path)
    os.rmdir(here.path)
    here.refused('--unix', os.path.join(here.path, 'no', 'such', 'directory'))
    here.refused('--unix', here.path + 'x' * 200)


@check('unix: the socket of another agent is refused, and left alone')
def _(here):
    here.unix()
    here.refused('--unix', here.path)
    here.controller(here.path).ask('socket family=ipv4').only('socket')


@check('unix: nothing is allowed but what hello names')
def _(here):
    here.unix()
    a = here.controller(here.path, '')
    s = a.ask('socket family=ipv4')['socket']
    a.ask(f'connect socket={s} to=127.0.0.1:1').error('EACCES')


@check('sessions know nothing of each other')
def _(here):
    here.unix()
    a, b = here.controller(here.path), here.controller(here.path)
    _, first = connected(a)
    s, peer = connected(a)
    b.ask(f'close socket={s}').error('EBADF')
    mine, other = connected(b)
    first.close()
    a.sock.close()
    expect(is_reset(peer), 'the end of the session did not reset its connection')
    other.sendall(b'x')
    same(b.ask(f'recv socket={mine}')['length'], '1', 'length')


@check('8 controllers, the next: EUSERS')
def _(here):
    here.unix()
    there = []

    def all_there():
        # Connections that probed whether the agent listens may not have ended yet.
        sock = here.connect(here.path)
        controller = Controller(sock.fileno(), sock.fileno())
        if controller.line().startswith('hello'):
            there.append((controller, sock))
        return len(there) == 8
    until_true('8 controllers', all_there)
    sock = here.connect(here.path)
    extra = Controller(sock.fileno(), sock.fileno())
    expect(extra.line().startswith('- error EUSERS '), 'another answer')
    same(extra.line(), None, 'what follows')
    for controller, _ in there:
        controller.ask('hello version=1').only('')
    there.pop()[1].close()
    until_true('room for another', all_there)


@check('a session that is idle ends, the agent does not')
def _(here):
    here.unix('--idle', '1')
    a = here.controller(here.path)
    while a.line() is not None:
        pass
    here.controller(here.path)


# --- TCP ---

@check('TCP: loopback, without a token')
def _(here):
    process, port, said = here.tcp()
    try:
        peer_socket('::1').close()
        hosts = '127.0.0.1, ::1'
    except OSError:
        hosts = '127.0.0.1'
    same(said, f'finwait-agent: agent on {hosts} port {port}', 'what the agent prints')
    a = here.controller(port, '')
    connected(a)
    s = a.ask('socket family=ipv4')['socket']
    a.ask(f'connect socket={s} to=127.0.0.2:1').error('EACCES')
    for host in ('127.0.0.2', '0.0.0.0'):
        with socket.socket() as sock:
            if host == '127.0.0.2':
                same(sock.connect_ex((host, port)) == 0, False, 'a connection to another address')
    if '::1' in hosts:
        with socket.socket(socket.AF_INET6) as sock:
            sock.settimeout(LIMIT)
            sock.connect(('::1', port))
            b = Controller(sock.fileno(), sock.fileno()).greeting()
            b.ask('hello version=1 allow=::1').only('')
    _, peer = connected(a)
    process.terminate()
    expect(is_reset(peer), 'the connection was not reset')
    same(status(process), 0, 'exit status')


@check('TCP: --listen on loopback, without a token')
def _(here):
    _, port, said = here.tcp('--listen', '127.0.0.2', '--listen', '127.0.0.1')
    same(said, f'finwait-agent: agent on 127.0.0.2, 127.0.0.1 port {port}', 'what the agent prints')
    here.controller(port)


@check('TCP: allow= names only what --allow does')
def _(here):
    _, port, _ = here.tcp('--allow', '192.0.2.0/24', '--allow', '2001:db8::/32')
    for net in ('192.0.2.7', '192.0.2.128/25', '192.0.2.0/24', '2001:db8:793::/48', '127.0.0.1/32',
                '127.0.0.1,192.0.2.1'):
        here.controller(port, None).ask(f'hello version=1 allow={net}').only('')
    for net in ('192.0.3.1', '192.0.0.0/16', '0.0.0.0/0', '2001:db9::1', '::/0', '127.0.0.2', '127.0.0.0/8',
                '192.0.2.1,192.0.3.1'):
        a = here.controller(port, None)
        a.ask(f'hello version=1 allow={net}').error('EACCES')
        a.sock.close()


@check('TCP: the token')
def _(here):
    for content in (TOKEN + '\n', TOKEN, TOKEN + '\r\n', TOKEN + '\nsecond line\n'):
        process, port, _ = here.tcp('--token-file', here.token_file(content))
        here.controller(port, f'token={TOKEN} allow=127.0.0.1').ask('socket family=ipv4').only('socket')
        for wrong in ('', 'token=', f'token={TOKEN[:-1]}', f'token={TOKEN}0', f'token={TOKEN[:-1]}F',
                      f'token={TOKEN}%00', f'token=%20{TOKEN}'):
            a = here.controller(port, None)
            a.ask(f'hello version=1 {wrong}').error('EACCES')
            same(a.line(), None, 'after a wrong token')
        a = here.controller(port, None)
        a.ask('socket family=ipv4').error('EPERM')
        process.terminate()
        same(status(process), 0, 'exit status')
    longest = 'x' * 255 + '~'
    _, port, _ = here.tcp('--token-file', here.token_file(longest))
    here.controller(port, f'token={longest}')


@check('TCP: a token file that others may read is refused')
def _(here):
    for mode in (0o640, 0o604, 0o620, 0o602, 0o610, 0o644):
        here.refused('--port', '0', '--token-file', here.token_file(mode=mode))


@check('TCP: what is no token is refused')
def _(here):
    for content in ('', '\n', 'x' * 15, 'x' * 257, 'with a space in it', 'x' * 16 + '\t', 'x' * 16 + '\x7f',
                    '\n' + TOKEN, 'x' * 16 + '\0'):
        here.refused('--port', '0', '--token-file', here.token_file(content))
    here.refused('--port', '0', '--token-file', os.path.join(here.directory.name, 'no-such-file'))
    here.refused('--port', '0', '--token-file', here.directory.name)


@check('TCP: --listen beyond loopback needs a token')
def _(here):
    for addresses in (['0.0.0.0'], ['::'], ['192.0.2.1'], ['2001:db8::1'], ['127.0.0.1', '0.0.0.0']):
        same(here.ends(*(word for a in addresses for word in ('--listen', a))), 2, f'exit status of {addresses}')


@check('TCP: a port that is taken')
def _(here):
    with peer_socket() as taken:
        taken.listen()
        same(here.ends('--listen', '127.0.0.1', '--port', str(taken.getsockname()[1])), 3, 'exit status')


@check('TCP: a controller that is reset')
def _(here):
    _, port, _ = here.tcp()
    a = here.controller(port)
    _, peer = connected(a)
    a.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
    a.sock.close()
    expect(is_reset(peer), 'the connection was not reset')
    here.controller(port)


@check('command lines that are wrong: exit status 2')
def _(here):
    for words in (['--stdio', '--allow', '127.0.0.1'], ['--unix', here.path, '--allow', '127.0.0.1'], ['--no-such'],
                  ['operand'], ['--port', '65536'], ['--port', 'x'], ['--port', ''], ['--idle', 'x'], ['--idle', '-1'],
                  ['--allow', 'x'], ['--allow', '127.0.0.1/33'], ['--listen', 'x'], ['--unix'], ['--idle']):
        same(here.ends(*words), 2, f'exit status of {" ".join(words)}')


if __name__ == '__main__':
    main(one, __doc__)
