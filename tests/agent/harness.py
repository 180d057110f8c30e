# SPDX-License-Identifier: BSD-2-Clause
"""For the tests of agents: comes in an agent's command, goes out TAP; and a controller to talk to the agent."""
import os
import re
import select
import signal
import socket
import subprocess
import sys
import time
import traceback

LIMIT = float(os.environ.get('FINWAIT_AGENT_LIMIT', '30'))  # seconds for what comes by itself

# What is started in the background by a shell has it ignored, and hands that on.
signal.signal(signal.SIGINT, signal.SIG_DFL)


class Wrong(Exception):
    """What is not as the protocol says."""


class Skip(Exception):
    pass


def expect(true, what):
    if not true:
        raise Wrong(what)


def same(got, wanted, what):
    expect(got == wanted, f'{what}: got {repr(got)[:500]}, wanted {repr(wanted)[:500]}')


# --- TAP ---

checks = []


def check(name, **options):
    """Registers a check; run() calls it with a session of its own (hello=ARGUMENTS or None for no hello)."""
    def add(function):
        checks.append((name, function, options))
        return function
    return add


def note(text):
    for line in text.rstrip().split('\n'):
        print(f'# {line}')


def run(each, only=''):
    """Runs what matches, each(function, options) doing the work."""
    chosen = [c for c in checks if re.search(only, c[0])]
    print(f'1..{len(chosen)}', flush=True)
    for number, (name, function, options) in enumerate(chosen, 1):
        try:
            each(function, options)
            print(f'ok {number} - {name}', flush=True)
        except Skip as e:
            print(f'ok {number} - {name} # SKIP {e}', flush=True)
        except Wrong as e:
            print(f'not ok {number} - {name}')
            note(f'{e}\nline {traceback.extract_tb(e.__traceback__)[-1].lineno}, called from ' + ', '.join(
                str(f.lineno) for f in traceback.extract_tb(e.__traceback__)))
            sys.stdout.flush()
        except Exception:
            print(f'not ok {number} - {name}')
            note(traceback.format_exc())
            sys.stdout.flush()


def main(one, usage):
    """A test's command line, [--only PATTERN] COMMAND...; one(COMMAND, function, options) does one check."""
    only, words = '', sys.argv[1:]
    if words[:1] == ['--only']:
        only, words = words[1], words[2:]
    if not words:
        sys.exit(usage)
    run(lambda function, options: one(words, function, options), only)


# --- the controller's side ---

class Reply:
    """One line of the agent: tag, ok, keys, or the errno's name and text"""
    def __init__(self, line):
        self.line = line
        match = re.fullmatch(r'(-|[A-Za-z0-9._-]{1,16}) (?:ok((?: [a-z0-9_]+=[!-~]*)*)|error (E[A-Z0-9]+) (.+))', line)
        expect(match, f'not a reply: {line[:200]!r}')
        self.tag, words, self.name, self.text = match.groups()
        self.ok = words is not None
        self.keys = {}
        for word in (words or '').split():
            key, _, value = word.partition('=')
            expect(key not in self.keys, f'a key twice: {line}')
            expect(not re.search(r'%(?![0-9A-Fa-f]{2})', value), f'% without two digits: {line}')
            self.keys[key] = re.sub('%(..)', lambda m: chr(int(m[1], 16)), value)

    def __getitem__(self, key):
        expect(self.ok, f'an error instead of {key}=: {self.line}')
        expect(key in self.keys, f'{key}= is missing: {self.line}')
        return self.keys[key]

    def only(self, keys):
        """ok, with exactly these keys, some of them optional (marked ?)"""
        expect(self.ok, f'an error instead of ok: {self.line}')
        known = keys.split()
        for key in known:
            expect(key[-1] == '?' or key in self.keys, f'{key}= is missing: {self.line}')
        return self

    def error(self, *names):
        expect(not self.ok and self.name in names, f'wanted error {" or ".join(names)}: {self.line}')
        return self


class Controller:
    """Talks to an agent over two file descriptors; never blocks for longer than the limit."""
    def __init__(self, rfd, wfd, limit=LIMIT):
        self.rfd, self.wfd, self.limit = rfd, wfd, limit
        self.inbox, self.replies, self.count, self.eof = b'', [], 0, False
        os.set_blocking(rfd, False)
        os.set_blocking(wfd, False)

    def fill(self, until, also_write=False):
        """Waits for bytes, or for room to write; False when until has passed"""
        wait = max(0, until - time.monotonic())
        readable, writable, _ = select.select([self.rfd], [self.wfd] if also_write else [], [], wait)
        if readable:
            try:
                data = os.read(self.rfd, 1 << 16)
            except ConnectionResetError:
                data = b''
            self.eof = not data
            self.inbox += data
        return bool(readable or writable)

    def send(self, data):
        """All of it, reading meanwhile"""
        data = memoryview(data.encode() if isinstance(data, str) else data)
        until = time.monotonic() + self.limit
        while data:
            expect(self.fill(until, True), 'the agent reads no more requests')
            expect(not self.eof, 'the agent ended the session')
            try:
                data = data[os.write(self.wfd, data[:1 << 16]):]
            except BlockingIOError:
                pass

    def line(self):
        """The next line, or None at the end"""
        until = time.monotonic() + self.limit
        while b'\n' not in self.inbox:
            if self.eof:
                same(self.inbox, b'', 'half a line at the end')
                return None
            expect(self.fill(until), 'the agent does not answer')
        line, _, self.inbox = self.inbox.partition(b'\n')
        expect(len(line) < 4096, f'a line of {len(line) + 1} bytes')
        expect(re.fullmatch(rb'[ -~]*', line), f'not printable ASCII: {line[:200]!r}')
        return line.decode()

    def next(self):
        """The next reply, whatever its tag"""
        if self.replies:
            return self.replies.pop(0)
        line = self.line()
        expect(line is not None, 'the agent ended the session')
        return Reply(line)

    def wait(self, tag):
        """The reply with this tag; others are kept"""
        for reply in self.replies:
            if reply.tag == tag:
                self.replies.remove(reply)
                return reply
        while True:
            line = self.line()
            expect(line is not None, f'the agent ended the session without an answer to {tag}')
            reply = Reply(line)
            if reply.tag == tag:
                return reply
            self.replies.append(reply)

    def start(self, request):
        """Sends a request under a new tag and returns the tag"""
        self.count += 1
        self.send(f't{self.count} {request}\n')
        return f't{self.count}'

    def ask(self, request):
        return self.wait(self.start(request))

    def nothing(self, *tags):
        """None of these was answered, also not before a request that came after them"""
        self.ask('no-such-verb')
        for reply in self.replies:
            expect(reply.tag not in tags, f'answered too early: {reply.line}')

    def greeting(self):
        line = self.line()
        expect(line is not None, 'the agent ended before its greeting')
        expect(line.startswith('hello finwait-agent 1 '), f'not the greeting: {line}')
        self.hello = Reply('- ok' + line[len('hello finwait-agent 1'):]).only('system sockets can')
        self.can = self.hello['can'].split(',')
        return self


class Process(Controller):
    """An agent on standard input and output"""
    def __init__(self, command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        super().__init__(self.process.stdout.fileno(), self.process.stdin.fileno())

    def end(self):
        """Ends the session from here; the agent must end well"""
        self.process.stdin.close()
        self.drain()
        same(self.status(), 0, 'exit status of the agent')

    def drain(self):
        until = time.monotonic() + self.limit
        while not self.eof:
            expect(self.fill(until), 'the agent does not end')

    def status(self):
        try:
            return self.process.wait(self.limit)
        except subprocess.TimeoutExpired:
            raise Wrong('the agent does not exit') from None

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


def until_true(what, function, limit=None):
    """Calls function until it is true"""
    until = time.monotonic() + (limit or LIMIT)
    while not function():
        expect(time.monotonic() < until, f'still not: {what}')
        time.sleep(0.02)


# --- the peer's side ---

def peer_socket(host='127.0.0.1', port=0):
    """Bound, not yet connected"""
    sock = socket.socket(socket.AF_INET6 if ':' in host else socket.AF_INET)
    sock.settimeout(LIMIT)
    sock.bind((host, port))
    return sock


def text(address):
    return ('[%s]:%d' if ':' in address[0] else '%s:%d') % address[:2]


def is_reset(sock, connect_to=None):
    """The connection, made first if it is not there, ends with RST, after whatever else comes"""
    try:
        if connect_to:
            sock.connect(connect_to)
        while True:
            if not sock.recv(1 << 16):
                return False
    except ConnectionResetError:
        return True
    except socket.timeout:
        return False
