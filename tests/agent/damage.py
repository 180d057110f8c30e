# SPDX-License-Identifier: BSD-2-Clause
"""An agent that is wrong in one way, made of one that is right: damage.py KIND COMMAND...

Stands between controller and COMMAND on standard input and output, and changes chosen lines. KIND none changes
nothing; --list names the kinds, each with the check of protocol.py that must fail.
"""
import os
import re
import selectors
import subprocess
import sys

# kind: the check that finds it, ask or answer, pattern, replacement (None: the line is lost)
CHANGES = {
    'greeting-version': ('the greeting tells', 'answer', r'^hello finwait-agent 1', 'hello finwait-agent 2'),
    'greeting-no-limit': ('the greeting tells', 'answer', r'^(hello.*) sockets=\d+', r'\1'),
    'can-lacks-verb': ('the greeting tells', 'answer', r'^(hello.*),accept,', r'\1,'),
    'too-many-sockets': ('as many sockets', 'answer', r'^(hello.* sockets)=\d+', r'\1=1100'),
    'hello-not-needed': ('before hello everything', 'answer', r'error EPERM', 'error EINVAL'),
    'hello-twice': ('a second hello', 'answer', r'error EALREADY.*', 'ok'),
    'any-version': ('hello without, or with another', 'ask', r'hello version=\d+', 'hello version=1'),
    'allow-all': ('only what is allowed may', 'ask', r'allow=\S+', 'allow=0.0.0.0/0'),
    'allow-not-said': ('nothing allowed', 'ask', r'hello version=1 token=x', 'hello version=1 allow=127.0.0.0/8'),
    'accepts-outsiders': ('a peer outside is reset', 'ask', r'allow=127.0.0.3', 'allow=127.0.0.0/8'),
    'state-of-outsiders': ('state of a peer outside', 'ask', r'allow=127.0.0.1$', 'allow=127.0.0.0/8'),
    'unreadable-tagged': ('lines that cannot be read', 'answer', r'^- error EPROTO', 'x error EPROTO'),
    'unreadable-einval': ('lines that cannot be read', 'answer', r'error EPROTO', 'error EINVAL'),
    'nul-skipped': ('lines that cannot be read', 'ask', '\0', ''),
    'tag-changed': ('tags of any kind', 'answer', r'^abcdefghijklmnop ', 'abcdefghijklmno '),
    'answer-lost': ('5000 requests at once', 'answer', r'^p4321 .*', None),
    'answer-twice': ('5000 requests at once', 'answer', r'^(p4321 .*)', r'\1\n\1'),
    'answer-of-3000-lost': ('3000 requests', 'answer', r'^c2345 .*', None),
    'verb-known': ('unknown verbs', 'answer', r'error ENOSYS', 'error EINVAL'),
    'verb-any-case': ('unknown verbs', 'ask', r' SOCKET$', ' socket family=ipv4'),
    'long-line-einval': ('lines of 4096 bytes', 'answer', r'error EMSGSIZE', 'error EPROTO'),
    'long-line-run': ('lines of 4096 bytes', 'ask', r'^(.{4000}).*', r'\1'),
    'garbage-borne': ('after 32 unreadable', 'ask', r'^\?$', '?\nx no-such-verb'),
    'garbage-not-borne': ('31 unreadable lines', 'ask', r'^(\?)$', r'\1\n\1'),
    'half-line-run': ('half a line at the end', 'end', '', ''),
    'unknown-key': ('a key that a verb does not know', 'ask', r' colour=red', ''),
    'key-without-value': ('a key that a verb does not know', 'ask', r' colour$', ''),
    'no-such-socket': ('no such socket', 'answer', r'error EBADF', 'error EINVAL'),
    'number-loose': ('numbers that are none', 'ask', r'=\+1', '=1'),
    'hour-exceeded': ('numbers that are none', 'ask', r'timeout_ms=3600001', 'timeout_ms=1'),
    'escape-loose': ('keys in any order', 'ask', r'local=%$', 'local=127.0.0.1:0'),
    'bind-no-port': ('bind tells the port', 'answer', r' local=127.0.0.1:\d+', ' local=127.0.0.1:0'),
    'errno-lost': ('bind tells the port', 'answer', r'error EADDRINUSE', 'error EIO'),
    'option-not-set': ('options are set', 'ask', r'setopt (.*)value=-?\d+', r'setopt \1value=0'),
    'error-stays': ('getopt error tells', 'answer', r' value=ECONNREFUSED', ' value=0'),
    'accept-any': ('accept from= waits', 'ask', r' from=\S+', ''),
    'accept-wrong-peer': ('accept waits for', 'answer', r' peer=127.0.0.1:', ' peer=127.0.0.2:'),
    'kept-lost': ('connections that nobody waited for are kept', 'ask', r'accept (\S+) timeout_ms=0', r'name \1'),
    'queue-emptied': ('without an accept', 'ask', r'^(\S+) listen (socket=\d+)( .*)',
                      r'\1 listen \2\3\nq accept \2 from=127.0.0.1:1'),
    'no-timeout': ('timeout_ms: EAGAIN', 'ask', r' timeout_ms=50', ''),
    'wrong-timeout': ('what times out', 'ask', r' timeout_ms=\d+', ' timeout_ms=400'),
    'connect-waits': ('connect wait=0', 'ask', r' wait=0', ''),
    'connect-does-not': ('connect waits while', 'ask', r'(connect \S+ \S+)$', r'\1 wait=0'),
    'timeout-aborts': ('a connect that times out', 'ask', r'^(\S+ connect (socket=\d+) .* timeout_ms=100)',
                       r'\1\nq shutdown \2 how=both'),
    'recv-long': ('recv takes length bytes', 'ask', r'(recv \S+) length=4$', r'\1'),
    'recv-all': ('recv answers as soon', 'ask', r'recv (\S+) length=100$', r'recv \1 pattern=mix seed=0 offset=0 length=2'),
    'eof-is-no': ('the end of a connection: eof', 'answer', r'end=eof', 'end=no'),
    'eof-is-reset': ('the end of a connection: eof', 'answer', r'end=eof', 'end=reset'),
    'reset-is-eof': ('the end of a connection: reset', 'answer', r'end=reset', 'end=eof'),
    'timed-out-is-reset': ('the end of a connection: timed-out', 'answer', r'end=timed-out', 'end=reset'),
    'pattern-seed': ('send pattern: the bytes', 'ask', r'(send .* seed)=\d+', r'\1=1'),
    'pattern-offset': ('send pattern: 1 MiB', 'ask', r'(send .* offset)=\d+', r'\1=0'),
    'pattern-short': ('send pattern: 1 MiB', 'ask', r'length=1048576', 'length=1048575'),
    'match-all': ('recv pattern: 1 MiB', 'answer', r'length=(\d+) match=\d+', r'length=\1 match=\1'),
    'recv-order': ('calls of one verb', 'answer', r'data=AQ==', 'data=Ag=='),
    'how-far-not-told': ('a pattern that times out', 'answer', r' after \d+ bytes', ''),
    'shutdown-other-way': ('shutdown how=write', 'ask', r'how=write', 'how=read'),
    'shutdown-half': ('shutdown how=both', 'ask', r'how=both', 'how=read'),
    'shutdown-too-much': ('shutdown how=read', 'ask', r'how=read', 'how=both'),
    'close-resets': ('close ends with FIN', 'ask', r' close ', ' abort '),
    'abort-closes': ('abort ends with RST', 'ask', r' abort ', ' close '),
    'cancelled-late': ('calls that wait are cancelled', 'order', '', ''),
    'cancelled-otherwise': ('calls that wait are cancelled', 'answer', r'error ECANCELED', 'error EBADF'),
    'state-name': ('state of a socket', 'answer', r'state=FIN-WAIT-2', 'state=FIN-WAIT-1'),
    'state-closed': ('state of what is between', 'answer', r'state=TIME-WAIT', 'state=CLOSED'),
    'no-limit-of-calls': ('64 calls wait', 'ask', r'recv (socket=\d+)$', r'name \1'),
    'no-limit-of-all': ('4096 calls wait', 'answer', r'error ENOBUFS', 'error EAGAIN'),
    'reads-on': ('for a controller that does not read', 'read', '', ''),
    'sockets-stay': ('the end of a session', 'close', '', ''),
    'outsiders-v6': ('allowed for IPv6', 'ask', r'allow=::1$', 'allow=::/0'),
    'mapped-not-allowed': ('IPv4 in IPv6 counts as IPv4 when', 'ask', r'allow=127.0.0.1$', 'allow=192.0.2.1'),
    'mapped-all': ('IPv4 in IPv6 counts as IPv4 in allow', 'ask', r'allow=::ffff:127.0.0.1', 'allow=::ffff:0:0/96'),
    'cr-kept': ('a CR before', 'ask', r'\r$', '%0D'),
    'pieces-are-lines': ('a line may come in pieces', 'pieces', '', ''),
    'unreadable-borne-before-hello': ('before hello the agent closes', 'ask', r'^Host: ', 'Host '),
    'end-hasty': ('what came before the end', 'answer', r'^x99 .*', None),
    'family-loose': ('words that are none', 'ask', r'family=IPV4', 'family=ipv4'),
    'base64-loose': ('words that are none', 'ask', r'data=AAA$', 'data=AAAA'),
    'address-loose': ('addresses that are none', 'ask', r'local=127\.1:0', 'local=127.0.0.1:0'),
    'number-again': ('numbers of sockets', 'again', '', ''),
    'no-peer': ('IPv6: bind', 'answer', r' peer=.*', ''),
    'mapped-peer': ('a listener for both', 'ask', r'from=\[::ffff:', 'from=[::fffe:'),
    'maxseg-other': ('maxseg is', 'ask', r'value=700', 'value=900'),
    'accepts-swapped': ('accept: the oldest', 'answer', r'^t([45]) ok', lambda m: f't{9 - int(m[1])} ok'),
    'accept-steals': ('accept without from=', 'ask', r' from=\S+', ''),
    'kept-fewer': ('128 connections', 'ask', r'^(\S+ no-such-verb)', r'\1\nq accept socket=1 timeout_ms=0'),
    'accept-waits-in-vain': ('accept on a socket that', 'answer', r'error EINVAL', 'error EAGAIN'),
    'refused-otherwise': ('connect: refused', 'answer', r'ECONNREFUSED', 'ETIMEDOUT'),
    'refused-otherwise-recv': ('recv tells how a connect', 'answer', r'ECONNREFUSED', 'ENOTCONN'),
    'local-other': ('connect from a port', 'answer', r' local=\S+ peer', ' local=127.0.0.1:1 peer'),
    'nul-changed': ('send and recv: every byte', 'ask', r'data=AAEC', 'data=AQEC'),
    'not-connected': ('recv and send on a socket', 'answer', r'ENOTCONN', 'EIO'),
    'pattern-long': ('recv pattern: no more', 'ask', r'length=1000', 'length=1001'),
    'end-not-told': ('recv pattern: the end', 'answer', r'end=eof', 'end=no'),
    'in-order': ('accept waits for', 'in-order', '', ''),
    'in-order-many': ('calls on many', 'in-order', '', ''),
    'length-other': ('recv and send wait', 'answer', r'length=16777216', 'length=16777215'),
    'kept-stay': ('connections kept for', 'ask', r'^(\S+) (close|abort) ', r'\1 getopt option=error '),
    'exit-status': ('a token that nobody asked', 'status', '', ''),
}


class Proxy:
    def __init__(self, kind, command):
        _, self.what, self.pattern, self.replacement = CHANGES.get(kind, ('', '', '', ''))
        self.numbers, self.waiting, self.held = [], [], b''
        self.agent = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        self.ways = {0: [self.agent.stdin.fileno(), 'ask', b'', b''],
                     self.agent.stdout.fileno(): [1, 'answer', b'', b'']}  # in, and not yet written

    def changed(self, direction, line):
        text = line.decode('latin-1')
        if direction == self.what and self.replacement is None:
            return b'' if re.search(self.pattern, text) else line + b'\n'
        if direction == self.what:
            text = re.sub(self.pattern, self.replacement, text)
        if self.what == 'in-order':
            return self.in_order(direction, line)
        if direction == 'answer' and self.what == 'again' and ' ok socket=' in text:
            text = text[:text.index('=') + 1] + '1'
        if direction == 'answer' and text.startswith('q '):  # of a request that was put in
            return b''
        numbers = re.search(r'ok socket=(\d+)', text)
        if direction == 'answer' and numbers:
            self.numbers.append(numbers[1])
        if direction == 'answer' and self.what == 'order' and ' error ECANCELED ' in text:
            self.held += line + b'\n'
            return b''
        held, self.held = (self.held, b'') if direction == 'answer' else (b'', self.held)
        return (text + '\n').encode('latin-1') + held

    def in_order(self, direction, line):
        """Answers come in the order in which they were asked for."""
        if direction == 'ask':
            self.numbers.append(line.split(b' ')[0])
            return line + b'\n'
        self.waiting.append(line)
        out = line + b'\n' if line.startswith(b'hello') else b''
        while self.numbers and any(w.startswith(self.numbers[0] + b' ') for w in self.waiting):
            first = next(w for w in self.waiting if w.startswith(self.numbers[0] + b' '))
            self.waiting.remove(first)
            self.numbers.pop(0)
            out += first + b'\n'
        return out

    def end(self, way):
        target, direction, rest, _ = way
        if direction == 'ask' and rest:
            way[3] += rest + (b'\n' if self.what == 'end' else b'')
        if direction == 'ask' and self.what == 'close':
            way[3] += b''.join(b'q close socket=%s\n' % n.encode() for n in self.numbers)
        way[2] = None

    def run(self):
        for fd in self.ways:
            os.set_blocking(self.ways[fd][0], False)
        while self.ways:
            with selectors.PollSelector() as selector:
                for fd, (target, direction, rest, out) in self.ways.items():
                    greedy = self.what == 'read'
                    if rest is not None and (greedy or len(out) < 1 << 16):
                        selector.register(fd, selectors.EVENT_READ, fd)
                    if out:
                        selector.register(target, selectors.EVENT_WRITE, fd)
                ready = selector.select()
            for key, events in ready:
                way = self.ways.get(key.data)
                if way and events & selectors.EVENT_WRITE:
                    self.write(way)
                elif way:
                    self.read(key.data, way)
            for fd, way in list(self.ways.items()):
                if way[2] is None and not way[3]:
                    os.close(way[0])
                    del self.ways[fd]
                    if way[1] == 'answer':
                        self.ways.clear()
                        break
        return self.agent.wait() + (self.what == 'status')

    def write(self, way):
        try:
            way[3] = way[3][os.write(way[0], way[3][:1 << 16]):]
        except BlockingIOError:
            pass
        except OSError:
            way[3] = b''

    def read(self, fd, way):
        data = os.read(fd, 1 << 16)
        if self.what == 'pieces' and way[1] == 'ask' and data:
            data += b'' if data.endswith(b'\n') else b'\n'
        *lines, way[2] = (way[2] + data).split(b'\n')
        way[3] += b''.join(self.changed(way[1], line) for line in lines)
        if len(way[2]) > 8192:
            way[3], way[2] = way[3] + way[2], b''
        if not data:
            self.end(way)


def main(words):
    if words == ['--list']:
        for kind, change in CHANGES.items():
            print(kind, change[0])
        return 0
    if len(words) < 2 or words[0] != 'none' and words[0] not in CHANGES:
        sys.exit(__doc__)
    return Proxy(words[0], words[1:]).run()


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
