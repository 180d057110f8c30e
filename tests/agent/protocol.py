# SPDX-License-Identifier: BSD-2-Clause
"""Does an agent keep the protocol? As TAP:

    protocol.py [--only PATTERN] COMMAND...

COMMAND is an agent on standard input and output. Every check starts one of its own, and is the peer of its
connections, on 127.0.0.1 and ::1. FINWAIT_AGENT_LIMIT is how many seconds to wait for what comes by itself.
"""
import base64
import os
import random
import select
import socket
import struct
import sys
import time

sys.dont_write_bytecode = True
from harness import (LIMIT, Process, Skip, check, expect, is_reset, main, peer_socket, same,  # noqa: E402
                     text, until_true)

VERBS = 'socket setopt getopt bind listen accept connect send recv shutdown close abort name state'.split()
NEEDED = {  # each verb with all that it must have; S is a socket's number
    'socket': 'family=ipv4', 'setopt': 'socket=S option=nodelay value=1', 'getopt': 'socket=S option=nodelay',
    'bind': 'socket=S local=127.0.0.1:0', 'listen': 'socket=S backlog=5', 'accept': 'socket=S',
    'connect': 'socket=S to=127.0.0.1:1', 'send': 'socket=S data=AAAA', 'recv': 'socket=S',
    'shutdown': 'socket=S how=both', 'close': 'socket=S', 'abort': 'socket=S', 'name': 'socket=S',
    'state': 'socket=S'}
MANY = 1 << 20


def one(command, function, options):
    """One check with a session of its own"""
    agent = Process(command)
    try:
        agent.greeting()
        need(agent, *options.get('needs', '').split())
        if options.get('hello', '') is not None:
            agent.ask('hello version=1 ' + (options.get('hello') or 'allow=127.0.0.1,::1')).only('')
        function(agent)
        if not options.get('ended'):
            agent.end()
    finally:
        agent.kill()


def need(agent, *words):
    """Skips what this system lacks"""
    for word in words:
        if word == 'ipv6' and not has_ipv6():
            raise Skip('no IPv6 on loopback')
        if word not in agent.can:
            raise Skip(f'the agent has no {word}')


def has_ipv6():
    try:
        peer_socket('::1').close()
        return True
    except OSError:
        return False


def mix(seed, offset, length):
    return bytes(((((i % 2**32) ^ seed) * 2654435761) % 2**32) >> 24 for i in range(offset, offset + length))


def address(reply, key):
    host, _, port = reply[key].rpartition(':')
    return host.strip('[]'), int(port)


def new(a, family='ipv4'):
    return a.ask(f'socket family={family}').only('socket')['socket']


def listener(a, host='127.0.0.1', backlog=64):
    """A listener of the agent: its number and address"""
    s = new(a, 'ipv6' if ':' in host else 'ipv4')
    local = address(a.ask(f'bind socket={s} local={text((host, 0))}').only('local'), 'local')
    same(local[0], host, 'address bound to')
    a.ask(f'listen socket={s} backlog={backlog}').only('')
    return s, local


def peer_listener(host='127.0.0.1', backlog=64):
    sock = peer_socket(host)
    sock.listen(backlog)
    return sock


def accepted(a, host='127.0.0.1'):
    """A connection that the peer opened: the agent's socket, the peer's, and the agent's address"""
    s, local = listener(a, host)
    peer = peer_socket(host)
    peer.connect(local)
    reply = a.ask(f'accept socket={s}').only('socket local peer')
    a.ask(f'close socket={s}').only('')
    return reply['socket'], peer, local


def connected(a, host='127.0.0.1'):
    """A connection that the agent opened: its socket, the peer's, and the agent's address"""
    with peer_listener(host) as waiting:
        s = new(a, 'ipv6' if ':' in host else 'ipv4')
        reply = a.ask(f'connect socket={s} to={text(waiting.getsockname())}').only('local peer')
        peer, _ = waiting.accept()
    peer.settimeout(LIMIT)
    same(reply['local'], text(peer.getpeername()), 'local= of connect')
    same(reply['peer'], text(peer.getsockname()), 'peer= of connect')
    return s, peer, peer.getpeername()


def slow_reader(a):
    """A connection whose peer has a small window: the agent's socket and the peer's"""
    s, local = listener(a)
    peer = peer_socket()
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
    peer.connect(local)
    return a.ask(f'accept socket={s}').only('socket')['socket'], peer


def read(sock, length):
    """So many bytes, or what came before the end"""
    data = b''
    while len(data) < length:
        more = sock.recv(min(1 << 16, length - len(data)))
        if not more:
            break
        data += more
    return data


def receive(a, s, length):
    """So many bytes that the agent receives"""
    data = b''
    while len(data) < length:
        reply = a.ask(f'recv socket={s}').only('length end data')
        more = base64.b64decode(reply['data'], validate=True)
        same(reply['length'], str(len(more)), 'length= of recv')
        data += more
    return data


def state_becomes(a, request, state):
    until_true(f'{request} is {state}', lambda: a.ask(f'state {request}').only('state')['state'] == state)


def full_listener():
    """A listener that answers no further SYN, and those that filled it"""
    waiting = peer_listener(backlog=0)
    fillers = []
    while True:
        filler = socket.socket()
        filler.setblocking(False)
        filler.connect_ex(waiting.getsockname())
        fillers.append(filler)
        if not select.select([], [filler], [], 0.2)[1]:
            return waiting, fillers


# --- greeting and hello ---

@check('the greeting tells system, sockets and what the agent can', hello=None)
def _(a):
    expect(a.hello['system'], 'system= is empty')
    expect(a.hello['sockets'].isdigit() and int(a.hello['sockets']) > 0, f'sockets={a.hello["sockets"]}')
    words = VERBS[:-1] + 'reuseaddr nodelay keepalive linger error ipv4'.split()
    if sys.platform == 'linux':
        words += 'state reuseport maxseg user_timeout'.split() + ['ipv6', 'v6only'] * has_ipv6()
    for word in words:
        expect(word in a.can, f'can= lacks {word}')
    expect('hello' not in a.can, 'can= lists hello')
    same(len(set(a.can)), len(a.can), 'words in can=')


@check('before hello everything is refused with EPERM', hello=None)
def _(a):
    for request in ('socket family=ipv4', 'name socket=1', 'socket', 'no-such-verb', 'socket family=ipv4 x=1'):
        a.ask(request).error('EPERM')
    a.ask('hello version=1').only('')
    new(a)


@check('a second hello: EALREADY')
def _(a):
    a.ask('hello version=1').error('EALREADY')
    new(a)


@check('hello without, or with another version', hello=None)
def _(a):
    a.ask('hello').error('EINVAL')
    a.ask('socket family=ipv4').error('EPERM')
    for version in ('0', '2', '10', '11'):
        a.ask(f'hello version={version}').error('EPROTONOSUPPORT')
        a.ask('socket family=ipv4').error('EPERM')


@check('hello with keys that are wrong', hello=None)
def _(a):
    for keys in ('version=1 colour=red', 'version=1 version=1', 'version=1 allow', 'version=1 allow=127.0.0.1/33',
                 'version=1 allow=localhost', 'version=1 allow=127.0.0.1/', 'version=1 allow=::1/129',
                 'version=1 allow=127.0.0.1/-1', 'version=1 allow=127.0.0.1,', 'version=1 allow=127.1'):
        a.ask(f'hello {keys}').error('EINVAL')
        a.ask('socket family=ipv4').error('EPERM')


@check('a token that nobody asked for does no harm', hello=None)
def _(a):
    a.ask('hello version=1 token=0123456789abcdef%25').only('')
    new(a)


# --- whom allow= admits ---

def connect_to(a, host):
    with peer_listener(host) as waiting:
        s = new(a, 'ipv6' if ':' in host else 'ipv4')
        reply = a.ask(f'connect socket={s} to={text(waiting.getsockname())}')
        a.ask(f'abort socket={s}')
    return reply


@check('nothing allowed: connect is refused with EACCES', hello='token=x')
def _(a):
    connect_to(a, '127.0.0.1').error('EACCES')
    s = new(a)
    a.ask(f'connect socket={s} to=127.0.0.1:1 wait=0').error('EACCES')


@check('only what is allowed may be connected to', hello='allow=127.0.0.2/31,192.0.2.0/24')
def _(a):
    for host in ('127.0.0.2', '127.0.0.3'):
        connect_to(a, host).only('local peer')
    for host in ('127.0.0.1', '127.0.0.4'):
        connect_to(a, host).error('EACCES')


@check('allowed for IPv6', needs='ipv6', hello='allow=::1')
def _(a):
    connect_to(a, '::1').only('local peer')
    connect_to(a, '127.0.0.1').error('EACCES')
    s = new(a, 'ipv6')
    a.ask(f'connect socket={s} to=[2001:db8::1]:7').error('EACCES')
    a.ask(f'connect socket={s} to=[::ffff:127.0.0.1]:7').error('EACCES')


@check('IPv4 in IPv6 counts as IPv4 when connecting', needs='ipv6', hello='allow=127.0.0.1')
def _(a):
    with peer_listener() as waiting:
        s = new(a, 'ipv6')
        a.ask(f'connect socket={s} to=[::ffff:127.0.0.1]:{waiting.getsockname()[1]}').only('local peer')
    connect_to(a, '::1').error('EACCES')


@check('IPv4 in IPv6 counts as IPv4 in allow', needs='ipv6', hello='allow=::ffff:127.0.0.1')
def _(a):
    connect_to(a, '127.0.0.1').only('local peer')
    connect_to(a, '127.0.0.2').error('EACCES')


@check('a peer outside is reset and not told', hello='allow=127.0.0.3')
def _(a):
    s, local = listener(a)
    tag = a.start(f'accept socket={s}')
    with peer_socket() as outside:
        expect(is_reset(outside, local), 'a peer outside allow was not reset')
    with peer_socket() as outside:
        from_outside = a.start(f'accept socket={s} from={text(outside.getsockname())}')
        expect(is_reset(outside, local), 'a peer outside allow that from= names was not reset')
    a.nothing(tag, from_outside)
    with peer_socket('127.0.0.3') as inside:
        inside.connect(local)
        same(a.wait(tag).only('socket local peer')['peer'], text(inside.getsockname()), 'peer= of accept')


# --- lines ---

@check('lines that cannot be read: - error EPROTO')
def _(a):
    for line in (b'', b' ', b'x', b'x ', b'!x name socket=1', b'abcdefghijklmnopq name socket=1', b'x=1 name',
                 b'x na\0me socket=1', b'\0', b'x name socket=1\0', b'\xff\xfe name', b'x name socket=\xc3\xa4',
                 b'x\tname\tsocket=1', b'x name\rsocket=1', b'x name socket=1\x7f', b'\r'):
        a.send(line + b'\n')
        reply = a.next()
        same((reply.tag, reply.name), ('-', 'EPROTO'), f'the answer to {line!r}')
        new(a)


@check('tags of any kind come back')
def _(a):
    for tag in ('x', '0', 'abcdefghijklmnop', 'A.b_c-9', '._-', 'Zz'):
        a.send(f'{tag} socket family=ipv4\n')
        a.wait(tag).only('socket')
    a.send('same socket family=ipv4\nsame socket family=ipv4\n')
    expect(a.wait('same')['socket'] != a.wait('same')['socket'], 'one number twice')


@check('a CR before the line end is dropped')
def _(a):
    a.send('x socket family=ipv4\r\ny socket family=ipv4\r\n')
    a.wait('x').only('socket')
    a.wait('y').only('socket')


@check('unknown verbs: ENOSYS')
def _(a):
    for verb in ('sleep', 'SOCKET', 'sockets', 'sock', 'x=1', '%20', 'sleep duration=1 duration=1'):
        a.ask(verb).error('ENOSYS')


@check('lines of 4096 bytes are read, longer ones skipped with EMSGSIZE')
def _(a):
    def line(length, end=b'\n'):
        start = b'x name socket=1 x='
        return start + b'a' * (length - len(start) - len(end)) + end
    for data in (line(4096), line(4096, b'\r\n'), line(4095)):
        a.send(data)
        same((a.next().error('EINVAL')).tag, 'x', 'tag')
    for length in (4097, 4098, 8192, 8193, 12289, MANY):
        a.send(line(length) + b'after name socket=4000000000\n')
        reply = a.next()
        same((reply.tag, reply.name), ('-', 'EMSGSIZE'), f'the answer to {length} bytes')
        same(a.next().error('EBADF').tag, 'after', 'tag of what follows a long line')
    a.send(b'a' * MANY)
    same(a.next().error('EMSGSIZE').tag, '-', 'tag')
    a.send(b'\0' * MANY + b'\nafter name socket=4000000000\n')
    same(a.next().error('EBADF').tag, 'after', 'tag of what follows a long line')


@check('a line may come in pieces')
def _(a):
    for byte in b'x socket family=ipv4\r\ny socket fam':
        a.send(bytes([byte]))
    a.wait('x').only('socket')
    a.send('ily=ipv4\nz socket family=ipv4\n')
    a.wait('y').only('socket')
    a.wait('z').only('socket')


@check('31 unreadable lines in a row are borne')
def _(a):
    for _ in range(2):
        a.send('?\n' * 31)
        for _ in range(31):
            same(a.next().error('EPROTO').tag, '-', 'tag')
        a.ask('no-such-verb').error('ENOSYS')


@check('after 32 unreadable lines in a row the agent closes', ended=True)
def _(a):
    a.send('?\n' * 32)
    for _ in range(32):
        same(a.next().error('EPROTO').tag, '-', 'tag')
    same(a.line(), None, 'after 32 unreadable lines')
    same(a.status(), 0, 'exit status')


@check('before hello the agent closes after one unreadable line', hello=None, ended=True)
def _(a):
    a.send('POST / HTTP/1.1\r\nHost: 127.0.0.1:7930\r\n\r\nx hello version=1\n')
    same(a.next().error('EPERM').tag, 'POST', 'tag')
    same(a.next().error('EPROTO').tag, '-', 'tag')
    same(a.line(), None, 'after an unreadable line')
    same(a.status(), 0, 'exit status')


@check('half a line at the end is not executed', ended=True)
def _(a):
    a.send('x socket family=ipv4\ny socket family=ipv4')
    a.wait('x').only('socket')
    a.process.stdin.close()
    same(a.line(), None, 'after half a line')
    same(a.status(), 0, 'exit status')


@check('what came before the end is answered', ended=True)
def _(a):
    a.send(''.join(f'x{i} socket family=ipv4\n' for i in range(100)))
    a.process.stdin.close()
    for i in range(100):
        a.wait(f'x{i}').only('socket')
    same(a.line(), None, 'after all was answered')


# --- keys ---

@check('a key that a verb does not know, has twice, or lacks: EINVAL')
def _(a):
    for verb in VERBS:
        if verb not in a.can:
            continue
        keys = NEEDED[verb].replace('S', new(a))
        a.ask(f'{verb} {keys} colour=red').error('EINVAL')
        a.ask(f'{verb} {keys} {keys.split()[-1]}').error('EINVAL')
        a.ask(f'{verb} {keys} colour').error('EINVAL')
        a.ask(f'{verb} {keys} =1').error('EINVAL')
        for word in keys.split():
            a.ask(f'{verb} ' + ' '.join(w for w in keys.split() if w != word)).error('EINVAL')
    s = new(a)
    for verb in 'socket setopt getopt bind listen shutdown close abort name state'.split():
        a.ask(f'{verb} {NEEDED[verb].replace("S", s)} timeout_ms=0').error('EINVAL')


@check('no such socket: EBADF, for every verb')
def _(a):
    s = new(a)
    a.ask(f'close socket={s}').only('')
    for verb in VERBS[1:]:
        for number in (s, '4000000000'):
            if verb in a.can:
                a.ask(f'{verb} {NEEDED[verb].replace("S", number)}').error('EBADF')


@check('numbers that are none: EINVAL')
def _(a):
    s = new(a)
    for bad in ('', 'x', '-1', '+1', '0x1', '1.0', '1x', '%201', '1%20', '1%00', '99999999999999999999999'):
        for request in ('name socket=B', 'listen socket=S backlog=B', 'recv socket=S timeout_ms=B',
                        'accept socket=S timeout_ms=B', 'connect socket=S to=127.0.0.1:1 timeout_ms=B',
                        'send socket=S data=AAAA timeout_ms=B', 'recv socket=S length=B',
                        'setopt socket=S option=nodelay value=B',
                        'recv socket=S pattern=mix seed=B offset=0 length=1',
                        'recv socket=S pattern=mix seed=0 offset=B length=1',
                        'send socket=S pattern=mix seed=0 offset=0 length=B'):
            a.ask(request.replace('S', s).replace('B', bad)).error('EINVAL')
    for verb in ('accept', 'recv', 'connect', 'send'):
        a.ask(f'{verb} {NEEDED[verb].replace("S", s)} timeout_ms=3600001').error('EINVAL')


@check('words that are none of those named: EINVAL')
def _(a):
    s = new(a)
    for request in ('socket family=ipv5', 'socket family=', 'socket family=IPV4', 'shutdown socket=S how=up',
                    'connect socket=S to=127.0.0.1:1 wait=2', 'send socket=S pattern=max seed=0 offset=0 length=1',
                    'recv socket=S pattern=max seed=0 offset=0 length=1', 'send socket=S',
                    'send socket=S data=AAAA pattern=mix seed=0 offset=0 length=1',
                    'send socket=S pattern=mix seed=0 offset=0', 'send socket=S pattern=mix seed=0 length=1',
                    'send socket=S pattern=mix offset=0 length=1', 'recv socket=S pattern=mix seed=0 offset=0',
                    'recv socket=S seed=0', 'send socket=S data=AAAA length=3',
                    'send socket=S pattern=mix seed=4294967296 offset=0 length=1',
                    'send socket=S pattern=mix seed=0 offset=0 length=1073741825',
                    'recv socket=S pattern=mix seed=0 offset=0 length=1073741825',
                    'setopt socket=S option=nodelay value=2', 'setopt socket=S option=nodelay value=-1',
                    'setopt socket=S option=linger value=-2'):
        a.ask(request.replace('S', s)).error('EINVAL')
    for bad in ('A', 'AAA', 'AAAA=', 'AA=A', '====', 'A-_A', 'AAAA%20', 'AAAA%0A', 'AA%00A', '%FF'):
        a.ask(f'send socket={s} data={bad}').error('EINVAL')


@check('keys in any order, and %XX in values')
def _(a):
    s = new(a)
    a.ask(f'bind local=127.0.0.1:0 socket={s}').only('local')
    s = new(a)
    a.ask(f'bind socket={s} local=%312%37.0.0.1%3a0').only('local')
    a.ask('socket family=%69%70v4').only('socket')
    for bad in ('%', '%4', '%zz', '%3', '127.0.0.1:0%', '127.0.0.1:0%g0', '%+1', '%-1'):
        a.ask(f'bind socket={new(a)} local={bad}').error('EINVAL')


@check('addresses that are none: EINVAL')
def _(a):
    s = new(a)
    for bad in ('', '127.0.0.1', ':0', '127.0.0.1:', '127.0.0.1:65536', '127.0.0.1:x', '127.0.0.1:-1', '127.1:0',
                '[127.0.0.1]:0', '::1:0', '[::1]', '[::1]0', '[::1:0', 'localhost:0', '256.0.0.1:0', '0127.0.0.1:0',
                '127.0.0.1:0%20', '127.0.0.1:%200', '127.0.0.1%25lo:0', '127.0.0.1:0%00', '*:0', '[::1%25]:0'):
        a.ask(f'bind socket={s} local={bad}').error('EINVAL')
        a.ask(f'connect socket={s} to={bad}').error('EINVAL')
        a.ask(f'accept socket={s} from={bad} timeout_ms=0').error('EINVAL')
        if 'state' in a.can:
            a.ask(f'state local=127.0.0.1:1 peer={bad}').error('EINVAL')
            a.ask(f'state local={bad} peer=127.0.0.1:1').error('EINVAL')


# --- socket, bind, listen, name ---

@check('numbers of sockets are never used again')
def _(a):
    seen = set()
    for _ in range(20):
        for verb in ('close', 'abort'):
            s = new(a)
            expect(s.isdigit() and int(s) > 0 and s not in seen, f'number {s} after {sorted(seen)}')
            seen.add(s)
            a.ask(f'{verb} socket={s}').only('')


@check('as many sockets as the greeting says, then EMFILE')
def _(a):
    most = int(a.hello['sockets'])
    s, local = listener(a)
    a.send(''.join(f'm{i} socket family=ipv4\n' for i in range(most - 1)))
    numbers = [a.wait(f'm{i}').only('socket')['socket'] for i in range(most - 1)]
    same(len({s, *numbers}), most, 'different numbers')
    a.ask('socket family=ipv4').error('EMFILE')
    with peer_socket() as peer:
        peer.connect(local)
        a.ask(f'accept socket={s}').error('EMFILE')
        a.ask(f'close socket={numbers[0]}').only('')
        same(a.ask(f'accept socket={s}').only('socket')['peer'], text(peer.getsockname()), 'the peer')
    a.ask('socket family=ipv4').error('EMFILE')
    a.ask(f'abort socket={numbers[1]}').only('')
    new(a)


@check('bind tells the port; errors of the system come through')
def _(a):
    s = new(a)
    same(a.ask(f'name socket={s}').only('local').keys.get('peer'), None, 'peer= of an unconnected socket')
    host, port = address(a.ask(f'bind socket={s} local=127.0.0.1:0').only('local'), 'local')
    expect(host == '127.0.0.1' and port, 'no port told')
    same(a.ask(f'name socket={s}')['local'], f'127.0.0.1:{port}', 'name after bind')
    a.ask(f'listen socket={s} backlog=1').only('')
    other = new(a)
    a.ask(f'bind socket={other} local=127.0.0.1:{port}').error('EADDRINUSE')
    a.ask(f'bind socket={other} local=192.0.2.1:0').error('EADDRNOTAVAIL')
    a.ask(f'bind socket={s} local=127.0.0.1:0').error('EINVAL')
    a.ask(f'bind socket={other} local=[::1]:0').error('EAFNOSUPPORT', 'EINVAL')
    with peer_socket() as free:
        number = free.getsockname()[1]
    same(a.ask(f'bind socket={other} local=127.0.0.1:{number}')['local'], f'127.0.0.1:{number}', 'a given port')


@check('IPv6: bind, accept, connect, name', needs='ipv6')
def _(a):
    s, peer, local = accepted(a, '::1')
    reply = a.ask(f'name socket={s}').only('local peer')
    same((reply['local'], reply['peer']), (text(local), text(peer.getsockname())), 'name')
    s, peer, local = connected(a, '::1')
    reply = a.ask(f'name socket={s}').only('local peer')
    same((reply['local'], reply['peer']), (text(local), text(peer.getsockname())), 'name')
    s = new(a, 'ipv6')
    a.ask(f'bind socket={s} local=[fe80::793%25no-such-if]:0').error('EINVAL', 'ENODEV', 'ENXIO', 'EADDRNOTAVAIL')
    a.ask(f'bind socket={s} local=[fe80::793%25lo]:0').error('EADDRNOTAVAIL')
    a.ask(f'bind socket={s} local=[fe80::793%251]:0').error('EADDRNOTAVAIL')
    a.ask(f'bind socket={s} local=127.0.0.1:0').error('EAFNOSUPPORT', 'EINVAL')
    a.ask(f'bind socket={s} local=[0:0:0:0:0:0:0:1]:0').only('local')


@check('a listener for both families', needs='ipv6 v6only')
def _(a):
    s = new(a, 'ipv6')
    a.ask(f'setopt socket={s} option=v6only value=0').only('')
    _, port = address(a.ask(f'bind socket={s} local=[::]:0').only('local'), 'local')
    a.ask(f'listen socket={s} backlog=5').only('')
    with peer_socket() as peer4, peer_socket('::1') as peer6:
        tag6 = a.start(f'accept socket={s} from={text(peer6.getsockname())}')
        tag4 = a.start(f'accept socket={s} from=[::ffff:127.0.0.1]:{peer4.getsockname()[1]}')
        peer4.connect(('127.0.0.1', port))
        peer6.connect(('::1', port))
        same(address(a.wait(tag4), 'peer')[1], peer4.getsockname()[1], 'peer')
        same(a.wait(tag6)['peer'], text(peer6.getsockname()), 'peer')


@check('link-local addresses, with scope and without', needs='ipv6', hello='allow=fe80::/10')
def _(a):
    try:
        with open('/proc/net/if_inet6') as addresses:
            packed, scope = next(line.split()[:2] for line in addresses if line.startswith('fe80'))
    except (OSError, StopIteration):
        raise Skip('no link-local address') from None
    host, scope = socket.inet_ntop(socket.AF_INET6, bytes.fromhex(packed)), int(scope, 16)
    peers = []
    for local in (f'[{host}]:0', f'[{host}%25{scope}]:0', f'[{host}%25{socket.if_indextoname(scope)}]:0'):
        s = new(a, 'ipv6')
        _, port = address(a.ask(f'bind socket={s} local={local}').only('local'), 'local')
        a.ask(f'listen socket={s} backlog=5').only('')
        peer = socket.socket(socket.AF_INET6)
        peers.append(peer)
        peer.settimeout(LIMIT)
        peer.bind((host, 0, 0, scope))
        peer_port = peer.getsockname()[1]
        tag = a.start(f'accept socket={s} from=[{host}]:{peer_port}')
        peer.connect((host, port, 0, scope))
        a.wait(tag).only('socket local peer')
        if 'state' in a.can:
            reply = a.ask(f'state local=[{host}]:{port} peer=[{host}]:{peer_port}')
            expect(reply.name == 'ENOTSUP' or reply['state'] == 'ESTABLISHED', reply.line)
    with socket.socket(socket.AF_INET6) as waiting:
        waiting.bind((host, 0, 0, scope))
        waiting.listen()
        s = new(a, 'ipv6')
        a.ask(f'bind socket={s} local=[{host}]:0').only('local')
        a.ask(f'connect socket={s} to=[{host}]:{waiting.getsockname()[1]}').only('local peer')
    a.ask(f'bind socket={new(a, "ipv6")} local=[fe80::793:793:793]:0').error('EINVAL')


# --- options ---

@check('options are set and read')
def _(a):
    for family in ('ipv4', 'ipv6'):
        if family not in a.can:
            continue
        s = new(a, family)
        for option, values in (('reuseaddr', '101'), ('reuseport', '101'), ('nodelay', '101'), ('keepalive', '101'),
                               ('user_timeout', (12345, 0)), ('linger', (5, 0, -1)), ('v6only', '101')):
            if option not in a.can or option == 'v6only' and family == 'ipv4':
                continue
            for value in values:
                a.ask(f'setopt socket={s} option={option} value={value}').only('')
                same(a.ask(f'getopt socket={s} option={option}').only('value')['value'], str(value), option)
        same(a.ask(f'getopt socket={s} option=linger')['value'], '-1', 'linger')
        same(a.ask(f'getopt socket={s} option=error')['value'], '0', 'error')
    for option in ('colour', '', 'NODELAY', 'so_linger'):
        a.ask(f'setopt socket={s} option={option} value=1').error('ENOPROTOOPT')
        a.ask(f'getopt socket={s} option={option}').error('ENOPROTOOPT')


@check('maxseg is what the connection uses', needs='maxseg')
def _(a):
    with peer_listener() as waiting:
        s = new(a)
        a.ask(f'setopt socket={s} option=maxseg value=700').only('')
        a.ask(f'connect socket={s} to={text(waiting.getsockname())}').only('local peer')
        expect(int(a.ask(f'getopt socket={s} option=maxseg')['value']) <= 700, 'maxseg is larger than it was set')


@check('getopt error tells how a connect ended, once')
def _(a):
    with peer_socket() as closed:
        s = new(a)
        reply = a.ask(f'connect socket={s} to={text(closed.getsockname())} wait=0')
        if not reply.ok:
            reply.error('ECONNREFUSED')
            raise Skip('the system refused at once')
        seen = []
        until_true('an error', lambda: seen.append(a.ask(f'getopt socket={s} option=error')['value']) or seen[-1] != '0')
        same(seen[-1], 'ECONNREFUSED', 'error')
        same(a.ask(f'getopt socket={s} option=error')['value'], '0', 'error, read again')


@check('recv tells how a connect ended')
def _(a):
    with peer_socket() as closed:
        s = new(a)
        reply = a.ask(f'connect socket={s} to={text(closed.getsockname())} wait=0')
        if not reply.ok:
            reply.error('ECONNREFUSED')
            raise Skip('the system refused at once')
        a.ask(f'recv socket={s}').error('ECONNREFUSED')


# --- accept ---

@check('accept waits for a connection, and holds nothing up')
def _(a):
    s, local = listener(a)
    tag = a.start(f'accept socket={s}')
    a.nothing(tag)
    other, other_local = listener(a)
    other_tag = a.start(f'accept socket={other}')
    with peer_socket() as peer, peer_socket() as second:
        second.connect(other_local)
        same(a.wait(other_tag)['peer'], text(second.getsockname()), 'peer')
        a.nothing(tag)
        peer.connect(local)
        reply = a.wait(tag).only('socket local peer')
        same((reply['local'], reply['peer']), (text(local), text(peer.getsockname())), 'ends')
        expect(reply['socket'] not in (s, other), 'the number is not new')


@check('accept: the oldest connection first, accepts in their order')
def _(a):
    s, local = listener(a)
    peers = [peer_socket() for _ in range(6)]
    for peer in peers[:3]:
        peer.connect(local)
    tags = [a.start(f'accept socket={s}') for _ in range(6)]
    for peer, tag in zip(peers[:3], tags):
        same(a.wait(tag)['peer'], text(peer.getsockname()), 'peer')
    for peer, tag in zip(peers[3:], tags[3:]):
        peer.connect(local)
        same(a.wait(tag)['peer'], text(peer.getsockname()), 'peer')


@check('accept from= waits for that peer only')
def _(a):
    s, local = listener(a)
    peers = [peer_socket() for _ in range(5)]
    names = [text(p.getsockname()) for p in peers]
    tags = [a.start(f'accept socket={s} from={name}') for name in names]
    for i in (3, 0, 4, 2, 1):
        peers[i].connect(local)
        same(a.wait(tags[i])['peer'], names[i], 'peer')
        a.nothing(*tags)


@check('accept without from= leaves those that another waits for')
def _(a):
    s, local = listener(a)
    awaited, other = peer_socket(), peer_socket()
    plain = a.start(f'accept socket={s}')
    tag = a.start(f'accept socket={s} from={text(awaited.getsockname())}')
    a.nothing(plain, tag)
    awaited.connect(local)
    same(a.wait(tag)['peer'], text(awaited.getsockname()), 'peer')
    a.nothing(plain)
    other.connect(local)
    same(a.wait(plain)['peer'], text(other.getsockname()), 'peer')


@check('connections that nobody waited for are kept')
def _(a):
    s, local = listener(a)
    first, second, awaited = peer_socket(), peer_socket(), peer_socket()
    tag = a.start(f'accept socket={s} from={text(awaited.getsockname())}')
    for peer in (first, second, awaited):
        peer.connect(local)
    a.wait(tag).only('socket')
    reply = a.ask(f'accept socket={s} from={text(second.getsockname())} timeout_ms=0').only('socket')
    same(reply['peer'], text(second.getsockname()), 'peer')
    same(a.ask(f'accept socket={s} timeout_ms=0')['peer'], text(first.getsockname()), 'peer')
    a.ask(f'accept socket={s} timeout_ms=0').error('EAGAIN')


@check('128 connections are kept')
def _(a):
    s, local = listener(a, backlog=256)
    tag = a.start(f'accept socket={s} from=127.0.0.1:1')
    peers = [peer_socket() for _ in range(128)]
    for peer in peers:
        peer.connect(local)
    a.nothing(tag)
    for peer in peers:
        same(a.ask(f'accept socket={s}')['peer'], text(peer.getsockname()), 'peer')
    a.nothing(tag)


@check('without an accept the connections stay in the queue of the system')
def _(a):
    s, local = listener(a, backlog=1)

    def queue_is_full(of):
        """of connections are made, and another is not: what can be seen is only that it is not yet"""
        made = []
        while len(made) < 8:
            sock = socket.socket()
            sock.setblocking(False)
            sock.connect_ex(local)
            a.ask(f'name socket={s}').only('local')
            if not select.select([], [sock], [], 0.3)[1]:
                sock.close()
                expect(len(made) >= of, f'only {len(made)} connections came into the queue')
                return made
            made.append(sock)
        expect(False, 'the agent takes connections that no accept waits for')
    made = queue_is_full(1)
    same(a.ask(f'accept socket={s}')['peer'], text(made[0].getsockname()), 'peer')
    rest = queue_is_full(1)
    for sock in made[1:] + rest:
        same(a.ask(f'accept socket={s}')['peer'], text(sock.getsockname()), 'peer')


@check('timeout_ms: EAGAIN, and the next connection is not lost')
def _(a):
    s, local = listener(a)
    for request in ('timeout_ms=0', 'timeout_ms=50', 'from=127.0.0.1:1 timeout_ms=50'):
        a.ask(f'accept socket={s} {request}').error('EAGAIN')
    late = a.start(f'accept socket={s} timeout_ms=3600000')
    with peer_socket() as peer:
        peer.connect(local)
        same(a.wait(late)['peer'], text(peer.getsockname()), 'peer')
        m = address(a.ask(f'name socket={s}'), 'local')
        same(m, local, 'name')


@check('what times out is answered in the order of its time')
def _(a):
    s, _ = listener(a)
    a.send(''.join(f'after.{ms} accept socket={s} timeout_ms={ms}\n' for ms in (900, 500, 100)))
    same([a.next().error('EAGAIN').tag for _ in range(3)], ['after.100', 'after.500', 'after.900'], 'order')


@check('accept on a socket that does not listen: EINVAL')
def _(a):
    a.ask(f'accept socket={new(a)}').error('EINVAL')


# --- connect ---

@check('connect: refused, and twice')
def _(a):
    with peer_socket() as closed:
        a.ask(f'connect socket={new(a)} to={text(closed.getsockname())}').error('ECONNREFUSED')
    s, peer, _ = connected(a)
    # As the system says: Linux lets the first that comes after a connect that did not block succeed once more.
    a.ask(f'connect socket={s} to={text(peer.getsockname())}')
    a.ask(f'connect socket={s} to={text(peer.getsockname())}').error('EISCONN')
    a.ask(f'connect socket={new(a)} to=[::1]:7').error('EAFNOSUPPORT', 'EINVAL')


@check('connect from a port that was bound')
def _(a):
    with peer_listener() as waiting:
        s = new(a)
        local = a.ask(f'bind socket={s} local=127.0.0.1:0')['local']
        same(a.ask(f'connect socket={s} to={text(waiting.getsockname())} wait=1')['local'], local, 'local=')
        same(text(waiting.accept()[0].getpeername()), local, 'the peer sees')


@check('connect wait=0 answers at once')
def _(a):
    waiting, fillers = full_listener()
    s = new(a)
    reply = a.ask(f'connect socket={s} to={text(waiting.getsockname())} wait=0').only('local')
    expect(address(reply, 'local')[1], 'no port told')
    a.ask(f'connect socket={s} to={text(waiting.getsockname())} wait=0').error('EALREADY')
    if 'state' in a.can:
        same(a.ask(f'state socket={s}')['state'], 'SYN-SENT', 'state')
    tag = a.start(f'recv socket={s}')
    a.nothing(tag)
    for _ in fillers:
        waiting.accept()
    a.ask(f'abort socket={s}').only('')
    a.wait(tag).error('ECANCELED')


@check('a connect that times out goes on')
def _(a):
    waiting, fillers = full_listener()
    s = new(a)
    a.ask(f'connect socket={s} to={text(waiting.getsockname())} timeout_ms=100').error('EAGAIN')
    zero = new(a)
    a.ask(f'connect socket={zero} to={text(waiting.getsockname())} timeout_ms=0').error('EAGAIN')
    local = a.ask(f'name socket={s}')['local']
    for filler in fillers:
        filler.close()
    peers = {}
    while local not in peers:
        peer, name = waiting.accept()
        peers[text(name)] = peer
    peers[local].sendall(b'come')
    same(receive(a, s, 4), b'come', 'data')


@check('connect waits while the peer does not answer, and is told then')
def _(a):
    waiting, fillers = full_listener()
    s = new(a)
    tag = a.start(f'connect socket={s} to={text(waiting.getsockname())}')
    a.nothing(tag)
    for filler in fillers:
        filler.close()
    waiting.accept()
    a.wait(tag).only('local peer')


# --- send and recv ---

@check('send and recv: every byte, in both directions')
def _(a):
    every = bytes(range(256))
    for s, peer, _ in (accepted(a), connected(a)):
        same(a.ask(f'send socket={s} data={base64.b64encode(every).decode()}').only('length')['length'], '256', 'length')
        same(read(peer, 256), every, 'what the peer got')
        peer.sendall(every)
        same(receive(a, s, 256), every, 'what the agent got')
        same(a.ask(f'send socket={s} data=').only('length')['length'], '0', 'length of nothing')
        a.ask(f'send socket={s} data=QQ%3D%3D').only('length')
        same(read(peer, 1), b'A', 'what the peer got')


@check('recv takes length bytes, 2048 at most')
def _(a):
    s, peer, _ = accepted(a)
    peer.sendall(b'0123456789')
    reply = a.ask(f'recv socket={s} length=4').only('length data end')
    same((reply['length'], base64.b64decode(reply['data']), reply['end']), ('4', b'0123', 'no'), 'recv length=4')
    same(receive(a, s, 6), b'456789', 'the rest')
    data = mix(1, 2, 10000)
    peer.sendall(data)
    got = b''
    while len(got) < len(data):
        reply = a.ask(f'recv socket={s} length=5000').only('length data end')
        more = base64.b64decode(reply['data'])
        expect(0 < len(more) <= 2048, f'{len(more)} bytes at once')
        got += more
    same(got, data, 'data')


@check('recv answers as soon as anything is there')
def _(a):
    s, peer, _ = accepted(a)
    tag = a.start(f'recv socket={s} length=100')
    a.nothing(tag)
    peer.sendall(b'x')
    same(a.wait(tag).only('length data')['length'], '1', 'length')
    a.ask(f'recv socket={s} timeout_ms=0').error('EAGAIN')
    a.ask(f'recv socket={s} timeout_ms=50').error('EAGAIN')


@check('recv and send on a socket that is not connected')
def _(a):
    s = new(a)
    a.ask(f'recv socket={s}').error('ENOTCONN')
    a.ask(f'send socket={s} data=AAAA').error('EPIPE', 'ENOTCONN')
    a.ask(f'shutdown socket={s} how=write').error('ENOTCONN')


@check('the end of a connection: eof')
def _(a):
    s, peer, _ = accepted(a)
    tag = a.start(f'recv socket={s}')
    peer.close()
    reply = a.wait(tag).only('length end')
    same((reply['length'], reply['end'], 'data' in reply.keys), ('0', 'eof', False), 'recv')
    s, peer, _ = accepted(a)
    peer.sendall(b'last')
    peer.close()
    same(receive(a, s, 4), b'last', 'data before the end')
    same(a.ask(f'recv socket={s}')['end'], 'eof', 'end=')


@check('the end of a connection: reset')
def _(a):
    for pattern in ('', ' pattern=mix seed=0 offset=0 length=5'):
        s, peer, _ = accepted(a)
        tag = a.start(f'recv socket={s}{pattern}')
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        peer.close()
        reply = a.wait(tag).only('length end')
        same((reply['length'], reply['end']), ('0', 'reset'), 'recv')


@check('the end of a connection: timed-out', needs='user_timeout')
def _(a):
    s, peer = slow_reader(a)
    a.ask(f'setopt socket={s} option=user_timeout value=300').only('')
    # The peer does not read: its window closes, and the system gives up probing it.
    a.ask(f'send socket={s} pattern=mix seed=0 offset=0 length=1073741824 timeout_ms=500').error('EAGAIN')
    tag = a.start(f'recv socket={s} timeout_ms=15000')
    reply = a.wait(tag)
    if not reply.ok and reply.name == 'EAGAIN':
        raise Skip('this system does not give up a closed window')
    same((reply['length'], reply['end']), ('0', 'timed-out'), 'recv')


@check('send pattern: the bytes of the formula')
def _(a):
    s, peer, _ = accepted(a)
    for seed, offset, length in ((0, 0, 3000), (4294967295, 77, 3000), (123456789, 4294967290, 20), (5, 6, 0)):
        reply = a.ask(f'send socket={s} pattern=mix seed={seed} offset={offset} length={length}').only('length')
        same(reply['length'], str(length), 'length')
        same(read(peer, length), mix(seed, offset, length), f'seed {seed} offset {offset}')


@check('send pattern: 1 MiB')
def _(a):
    s, peer, _ = connected(a)
    tag = a.start(f'send socket={s} pattern=mix seed=42 offset=1000 length={MANY}')
    data = read(peer, MANY)
    same(a.wait(tag)['length'], str(MANY), 'length')
    expect(data == mix(42, 1000, MANY), 'other bytes than those of the pattern')


@check('recv pattern: 1 MiB, and with one wrong byte')
def _(a):
    s, peer, _ = connected(a)
    data = bytearray(mix(7, 4294967000, MANY))
    for wrong in (None, 0, 70001, MANY - 1):
        tag = a.start(f'recv socket={s} pattern=mix seed=7 offset=4294967000 length={MANY}')
        if wrong is not None:
            data[wrong] ^= 1
        peer.sendall(data)
        reply = a.wait(tag).only('length match end')
        if wrong is not None:
            data[wrong] ^= 1
        same((reply['length'], reply['match'], reply['end']),
             (str(MANY), str(MANY if wrong is None else wrong), 'no'), f'byte {wrong} wrong')


@check('recv pattern: no more than was asked for, and not less')
def _(a):
    s, peer, _ = connected(a)
    data = mix(1, 0, 3000)
    tag = a.start(f'recv socket={s} pattern=mix seed=1 offset=0 length=1000')
    peer.sendall(data[:500])
    a.nothing(tag)
    peer.sendall(data[500:])
    same(a.wait(tag)['match'], '1000', 'match=')
    same(receive(a, s, 2000), data[1000:], 'the rest')
    same(a.ask(f'recv socket={s} pattern=mix seed=0 offset=0 length=0')['length'], '0', 'length of nothing')


@check('recv pattern: the end before all came')
def _(a):
    s, peer, _ = connected(a)
    peer.sendall(mix(1, 0, 300))
    peer.close()
    reply = a.ask(f'recv socket={s} pattern=mix seed=1 offset=0 length=1000').only('length match end')
    same((reply['length'], reply['match'], reply['end']), ('300', '300', 'eof'), 'recv')


@check('a pattern that times out tells how far it got')
def _(a):
    s, peer, _ = connected(a)
    peer.sendall(b'x' * 123)
    reply = a.ask(f'recv socket={s} pattern=mix seed=1 offset=0 length=1000 timeout_ms=300').error('EAGAIN')
    expect('after 123 bytes' in reply.text, reply.line)
    peer.sendall(b'next')
    same(receive(a, s, 4), b'next', 'what was read is gone')
    reply = a.ask(f'send socket={s} pattern=mix seed=1 offset=0 length=1073741824 timeout_ms=300').error('EAGAIN')
    words = reply.text.split()
    expect('after' in words and words[words.index('after') + 1].isdigit(), reply.line)
    sent = int(words[words.index('after') + 1])
    expect(sent > 0, reply.line)
    a.ask(f'shutdown socket={s} how=write').only('')
    got = 0
    while True:
        more = peer.recv(1 << 20)
        if not more:
            break
        if not got:
            same(more[:1000], mix(1, 0, min(1000, len(more))), 'the start of the pattern')
        got += len(more)
    same(got, sent, 'bytes that the peer got')


@check('calls of one verb on a socket are served in their order')
def _(a):
    s, peer, _ = connected(a)
    tags = [a.start(f'recv socket={s} length=1') for _ in range(20)]
    a.nothing(*tags)
    peer.sendall(bytes(range(20)))
    for i, tag in enumerate(tags):
        same(base64.b64decode(a.wait(tag)['data']), bytes([i]), 'byte')
    tags = [a.start(f'send socket={s} pattern=mix seed={i} offset=0 length=100000') for i in range(20)]
    for i, tag in enumerate(tags):
        expect(read(peer, 100000) == mix(i, 0, 100000), f'other bytes in place of send {i}')
        a.wait(tag).only('length')


@check('calls on many sockets wait at once, and are answered as they end')
def _(a):
    s, local = listener(a)
    pairs = []
    for _ in range(20):
        peer = peer_socket()
        peer.connect(local)
        pairs.append((a.ask(f'accept socket={s}')['socket'], peer))
    tags = [a.start(f'recv socket={m}') for m, _ in pairs]
    a.nothing(*tags)
    for i in reversed(range(20)):
        pairs[i][1].sendall(bytes([i]))
        reply = a.next()
        same(reply.tag, tags[i], 'the call that ended')
        same(base64.b64decode(reply['data']), bytes([i]), 'data')


@check('recv and send wait on one socket without each other')
def _(a):
    s, peer = slow_reader(a)
    receiving = a.start(f'recv socket={s}')
    sending = a.start(f'send socket={s} pattern=mix seed=1 offset=0 length={16 * MANY}')
    a.nothing(receiving, sending)
    peer.sendall(b'x')
    a.wait(receiving).only('data')
    a.nothing(sending)
    got = 0
    while got < 16 * MANY:
        got += len(peer.recv(1 << 20))
    same(a.wait(sending)['length'], str(16 * MANY), 'length')


# --- shutdown, close, abort ---

@check('shutdown how=write: the peer sees the end, and can go on')
def _(a):
    s, peer, _ = accepted(a)
    a.ask(f'shutdown socket={s} how=write').only('')
    same(peer.recv(1), b'', 'what the peer got')
    a.ask(f'send socket={s} data=AAAA').error('EPIPE')
    peer.sendall(b'still')
    same(receive(a, s, 5), b'still', 'data')


@check('shutdown how=read: no end for the peer')
def _(a):
    s, peer, _ = accepted(a)
    a.ask(f'shutdown socket={s} how=read').only('')
    same(a.ask(f'recv socket={s}')['end'], 'eof', 'end=')
    a.ask(f'send socket={s} data=AAAA').only('length')
    same(read(peer, 3), b'\0\0\0', 'what the peer got')


@check('shutdown how=both, while a recv waits')
def _(a):
    s, peer, _ = accepted(a)
    tag = a.start(f'recv socket={s}')
    a.nothing(tag)
    a.ask(f'shutdown socket={s} how=both').only('')
    same(peer.recv(1), b'', 'what the peer got')
    same(a.wait(tag)['end'], 'eof', 'end=')
    a.ask(f'send socket={s} data=AAAA').error('EPIPE')


@check('close ends with FIN, after all data')
def _(a):
    for s, peer, _ in (accepted(a), connected(a)):
        a.ask(f'send socket={s} pattern=mix seed=1 offset=0 length=50000').only('length')
        a.ask(f'close socket={s}').only('')
        expect(read(peer, 50000) == mix(1, 0, 50000), 'not all data')
        same(peer.recv(1), b'', 'what the peer got')
        a.ask(f'name socket={s}').error('EBADF')


@check('close does not wait for the peer, whatever linger says')
def _(a):
    s, peer = slow_reader(a)
    a.ask(f'setopt socket={s} option=linger value=600').only('')
    a.ask(f'send socket={s} pattern=mix seed=0 offset=0 length=1073741824 timeout_ms=300').error('EAGAIN')
    a.ask(f'close socket={s}').only('')
    while peer.recv(1 << 20):
        pass


@check('abort ends with RST')
def _(a):
    for s, peer, _ in (accepted(a), connected(a)):
        a.ask(f'abort socket={s}').only('')
        expect(is_reset(peer), 'the peer saw no RST')
        a.ask(f'name socket={s}').error('EBADF')


@check('calls that wait are cancelled before close and abort are answered')
def _(a):
    for verb in ('close', 'abort'):
        s, peer, _ = connected(a)
        waiting, fillers = full_listener()
        c = new(a)
        listening, _ = listener(a)
        for number, tags in (
                (s, [a.start(f'recv socket={s}'), a.start(f'recv socket={s} timeout_ms=3600000'),
                     a.start(f'recv socket={s} pattern=mix seed=0 offset=0 length=5'),
                     a.start(f'send socket={s} pattern=mix seed=1 offset=0 length={64 * MANY}'),
                     a.start(f'send socket={s} data=AAAA')]),
                (c, [a.start(f'connect socket={c} to={text(waiting.getsockname())}'), a.start(f'recv socket={c}')]),
                (listening, [a.start(f'accept socket={listening}'),
                             a.start(f'accept socket={listening} from=127.0.0.1:1')])):
            a.nothing(*tags)
            a.replies.clear()
            tag = a.start(f'{verb} socket={number}')
            for _ in list(tags):
                reply = a.next().error('ECANCELED')
                expect(reply.tag in tags, reply.line)
                tags.remove(reply.tag)
            reply = a.next().only('')
            same(reply.tag, tag, 'tag')
            a.ask(f'recv socket={number}').error('EBADF')


@check('connections kept for a listener that is closed are reset')
def _(a):
    for verb in ('close', 'abort'):
        s, local = listener(a)
        tag = a.start(f'accept socket={s} from=127.0.0.1:1')
        kept = [peer_socket() for _ in range(5)]
        for peer in kept:
            peer.connect(local)
        a.nothing(tag)
        a.ask(f'{verb} socket={s}').only('')
        a.wait(tag).error('ECANCELED')
        for peer in kept:
            expect(is_reset(peer), 'a kept connection was not reset')
        with peer_socket() as peer:
            same(peer.connect_ex(local), 111 if sys.platform == 'linux' else peer.connect_ex(local), 'connect')


# --- state ---

@check('state of a socket', needs='state')
def _(a):
    s = new(a)
    same(a.ask(f'state socket={s}').only('state')['state'], 'CLOSED', 'a new socket')
    s, _ = listener(a)
    same(a.ask(f'state socket={s}')['state'], 'LISTEN', 'a listener')
    s, peer, _ = connected(a)
    same(a.ask(f'state socket={s}')['state'], 'ESTABLISHED', 'a connection')
    a.ask(f'shutdown socket={s} how=write').only('')
    state_becomes(a, f'socket={s}', 'FIN-WAIT-2')
    s, peer, _ = connected(a)
    peer.close()
    state_becomes(a, f'socket={s}', 'CLOSE-WAIT')
    a.ask(f'shutdown socket={s} how=write').only('')
    state_becomes(a, f'socket={s}', 'CLOSED')
    a.ask(f'state socket={s} local=127.0.0.1:1 peer=127.0.0.1:2').error('EINVAL')
    a.ask('state local=127.0.0.1:1').error('EINVAL')
    a.ask('state').error('EINVAL')


@check('state of what is between two ends', needs='state')
def _(a):
    hosts = ['127.0.0.1'] + ['::1'] * ('ipv6' in a.can)
    for host in hosts:
        s, peer, local = accepted(a, host)
        ends = f'local={text(local)} peer={text(peer.getsockname())}'
        reply = a.ask(f'state {ends}')
        if not reply.ok:
            reply.error('ENOTSUP', 'EOPNOTSUPP')
            raise Skip('the system does not tell')
        same(reply['state'], 'ESTABLISHED', 'state')
        same(a.ask(f'state peer={text(local)} local={text(peer.getsockname())}')['state'], 'ESTABLISHED', 'the other end')
        a.ask(f'close socket={s}').only('')
        state_becomes(a, ends, 'FIN-WAIT-2')
        peer.close()
        state_becomes(a, ends, 'TIME-WAIT')
        s, peer, local = accepted(a, host)
        ends = f'local={text(local)} peer={text(peer.getsockname())}'
        a.ask(f'abort socket={s}').only('')
        state_becomes(a, ends, 'CLOSED')
        s, local = listener(a, host)
        same(a.ask(f'state local={text(local)} peer={text((host, 1))}')['state'], 'CLOSED', 'a listener and nobody')


@check('state of a peer outside: EACCES', needs='state', hello='allow=127.0.0.1')
def _(a):
    a.ask('state local=127.0.0.1:1 peer=127.0.0.2:1').error('EACCES')
    a.ask('state local=127.0.0.2:1 peer=127.0.0.1:1').only('state')


# --- limits, and controllers that behave badly ---

@check('64 calls wait on a socket, the next: ENOBUFS')
def _(a):
    s, peer, _ = connected(a)
    tags = [a.start(f'recv socket={s} length=1') for _ in range(64)]
    a.nothing(*tags)
    a.ask(f'recv socket={s}').error('ENOBUFS')
    peer.sendall(b'x')
    a.wait(tags.pop(0)).only('data')
    tags.append(a.start(f'recv socket={s} length=1'))
    a.ask(f'recv socket={s}').error('ENOBUFS')
    a.nothing(*tags)
    peer.sendall(b'x' * 64)
    for tag in tags:
        a.wait(tag).only('data')


@check('4096 calls wait in a session, the next: ENOBUFS')
def _(a):
    listeners = [listener(a)[0] for _ in range(65)]
    a.send(''.join(f'w{s}.{i} accept socket={s}\n' for s in listeners[:64] for i in range(64)))
    a.ask(f'accept socket={listeners[64]}').error('ENOBUFS')
    same([r.line for r in a.replies], [], 'answered too early')
    a.ask(f'close socket={listeners[0]}').only('')
    same({r.name for r in a.replies}, {'ECANCELED'}, 'cancelled')
    same(len(a.replies), 64, 'cancelled')
    tag = a.start(f'accept socket={listeners[64]}')
    a.nothing(tag)


@check('5000 requests at once')
def _(a):
    s, local = listener(a)
    a.send(''.join(f'p{i} name socket={s}\n' for i in range(5000)))
    tags = []
    for _ in range(5000):
        reply = a.next()
        same(reply['local'], text(local), 'local=')
        tags.append(reply.tag)
    same(sorted(set(tags) ^ {f'p{i}' for i in range(5000)}), [], 'tags of one side only')


@check('requests of every kind at once: a connection without waiting for an answer')
def _(a):
    with peer_listener() as waiting:
        first = int(new(a)) + 1
        a.send(f'p1 socket family=ipv4\np2 bind socket={first} local=127.0.0.1:0\n')
        a.wait('p1')
        a.wait('p2').only('local')
        a.send(f'p3 connect socket={first} to={text(waiting.getsockname())} wait=0\np4 send socket={first} data=QUJD\n'
               f'p5 recv socket={first}\np6 name socket={first}\np7 nothing\n')
        a.wait('p3').only('local')
        a.wait('p7').error('ENOSYS')
        peer, _ = waiting.accept()
        same(read(peer, 3), b'ABC', 'data')
        a.wait('p4').only('length')
        a.nothing('p5')
        peer.close()
        same(a.wait('p5')['end'], 'eof', 'end=')


@check('3000 requests of chance are each answered once')
def _(a):
    chance = random.Random(793)
    s, local = listener(a)
    values = {
        'socket': [s, '2', '3', '4', '5', '0', '99999999999'], 'family': ['ipv4', 'ipv6', 'unix'],
        'option': 'reuseaddr reuseport v6only nodelay keepalive maxseg user_timeout linger error x'.split(),
        'value': '-1 0 1 2 1000 65536 2147483647 4294967295 99999999999'.split(), 'wait': ['0', '1', '2'],
        'local': ['127.0.0.1:0', '[::1]:0', '[fe80::1%2599999999999]:0', '[fe80::1%25' + 'x' * 300 + ']:0', '%00:1',
                  '0.0.0.0:65535', '[::]:0', '[::ffff:127.0.0.1]:0', '224.0.0.1:0', '255.255.255.255:1'],
        'to': [text(local), '127.0.0.1:0', '[::1]:0', '[fe80::1%251]:1', '0.0.0.0:1', '[::]:1', '255.255.255.255:1'],
        'peer': [text(local), '[::1]:0', '127.0.0.1:0', 'x'], 'from': ['127.0.0.1:1', '[::1%25lo]:1', '%25'],
        'backlog': ['0', '5', '2147483647', '4294967295', '-1'], 'how': ['read', 'write', 'both', 'no'],
        'data': ['', 'AAAA', 'A', 'QQ==', 'AAAA' * 200], 'pattern': ['mix', 'no'], 'seed': ['0', '4294967295', '-1'],
        'offset': ['0', '4294967295', '4294967296'], 'length': ['0', '1', '5000', '1073741824', '1073741825']}
    waits = {'accept', 'connect', 'send', 'recv'}
    requests = []
    for i in range(3000):
        verb = chance.choice(VERBS)
        keys = [w.split('=')[0] for w in NEEDED[verb].split() if chance.random() < 0.95]
        if chance.random() < 0.3:
            keys += chance.sample(sorted(values), chance.randint(1, 4))
        if chance.random() < 0.1:
            keys.append(chance.choice(['', 'x', '%', 'a=b', '==']))
        words = [f'{k}={chance.choice(values[k])}' if k in values else k for k in keys]
        requests.append(' '.join([f'c{i}', verb, *words, *['timeout_ms=0'] * (verb in waits)]) + '\n')
    a.send(''.join(requests))
    a.send('last no-such-verb\n')
    a.wait('last')
    tags = sorted(r.tag for r in a.replies)
    same(sorted(set(tags) ^ {f'c{i}' for i in range(3000)}), [], 'tags of one side only')
    same(len(tags), 3000, 'answers')
    expect(any(r.ok for r in a.replies), 'nothing succeeded')


@check('for a controller that does not read no more requests are read')
def _(a):
    s, _ = listener(a)
    request, written, total = f'p name socket={s}\n'.encode() * 200, 0, 0
    while written < 16 * MANY:
        if not select.select([], [a.wfd], [], 1)[1]:
            break
        rest = request[written % len(request):]
        written += os.write(a.wfd, rest)
    expect(written < 16 * MANY, f'{written} bytes of requests were read while no reply was')
    a.send(request[len(request) - -written % len(request):] + b'last no-such-verb\n')
    while True:
        reply = a.next()
        if reply.tag == 'last':
            break
        same(reply.tag, 'p', 'tag')
        total += 1
    same(total, -(-written // len(request)) * 200, 'replies')


@check('the end of a session resets its connections and closes its listeners')
def _(a):
    s, local = listener(a)
    tag = a.start(f'accept socket={s} from=127.0.0.1:1')
    kept = peer_socket()
    kept.connect(local)
    a.nothing(tag)
    _, queued_at = listener(a)
    queued = peer_socket()
    queued.connect(queued_at)
    peers = [accepted(a)[1], connected(a)[1], kept, queued]
    s, waiting, _ = connected(a)
    a.start(f'recv socket={s}')
    a.end()
    for peer in peers + [waiting]:
        expect(is_reset(peer), 'a connection was not reset')
    for where in (local, queued_at):
        with peer_socket() as peer:
            expect(peer.connect_ex(where), 'a listener is still there')


if __name__ == '__main__':
    main(one, __doc__)
