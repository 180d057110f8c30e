#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The finwait agent in Python: makes socket calls on the target for a prober that asks in lines of text.

For targets that have Python (3.8 or later) and no compiler, and as a second reading of the protocol that
finwait-agent(8) describes. One thread; needs nothing but Python's own library.

    agent.py [--listen ADDRESS]... [--port N] [--token-file FILE] [--allow NET]... [--idle SECONDS]
    agent.py --stdio [--idle SECONDS]
    agent.py --unix PATH [--idle SECONDS]
"""
import argparse
import base64
import collections
import errno
import hashlib
import heapq
import ipaddress
import itertools
import os
import re
import selectors
import signal
import socket
import stat
import struct
import sys
import time

LINE, RECV, STEP, UNREAD = 4096, 2048, 65536, 65536  # bytes
SOCKETS, WAITING, WAITING_ALL, KEPT, CONTROLLERS, GARBAGE = 1024, 64, 4096, 128, 8, 32
PORT = 7930
READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE
SOL = socket.SOL_SOCKET

STATES = ('', 'ESTABLISHED', 'SYN-SENT', 'SYN-RECEIVED', 'FIN-WAIT-1', 'FIN-WAIT-2', 'TIME-WAIT', 'CLOSED',
          'CLOSE-WAIT', 'LAST-ACK', 'LISTEN', 'CLOSING', 'SYN-RECEIVED')  # as Linux numbers them
OPTIONS = {  # name: level, constant, lowest and highest value
    name: (level, getattr(socket, constant), *values) for name, level, constant, *values in (
        ('reuseaddr', SOL, 'SO_REUSEADDR', 0, 1), ('reuseport', SOL, 'SO_REUSEPORT', 0, 1),
        ('v6only', getattr(socket, 'IPPROTO_IPV6', 41), 'IPV6_V6ONLY', 0, 1),
        ('nodelay', socket.IPPROTO_TCP, 'TCP_NODELAY', 0, 1), ('keepalive', SOL, 'SO_KEEPALIVE', 0, 1),
        ('maxseg', socket.IPPROTO_TCP, 'TCP_MAXSEG', 0, 65535),
        ('user_timeout', socket.IPPROTO_TCP, 'TCP_USER_TIMEOUT', 0, 2**31 - 1),
        ('linger', SOL, 'SO_LINGER', -1, 65535)) if hasattr(socket, constant)}


class Refused(Exception):
    """A request that is answered with an error: the errno's name, and why."""
    def __init__(self, name, text):
        super().__init__(text)
        self.name = name


def errno_name(number):
    return errno.errorcode.get(number, f'E{number}')


def number(text, low, high):
    if not re.fullmatch(r'-?[0-9]{1,10}', text) or not low <= int(text) <= high:
        raise Refused('EINVAL', f'not a number from {low} to {high}: {text}')
    return int(text)


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as sock:
            sock.bind(('::1', 0))
        return True
    except OSError:
        return False


def escaped(text):
    return re.sub(rb'[^!-$&-~]', lambda m: b'%%%02X' % m[0][0], str(text).encode()).decode()


def unescaped(text):
    if re.search(r'%(?![0-9A-Fa-f]{2})', text):
        raise Refused('EINVAL', '% without two hex digits')
    return re.sub('%(..)', lambda m: chr(int(m[1], 16)), text)


def read_address(text):
    """ADDR:PORT as family and sockaddr"""
    parts = re.fullmatch(r'(?:\[([0-9A-Fa-f:.]+)(?:%([!-Z^-~]+))?\]|([0-9.]+)):([0-9]{1,5})', text)
    try:
        port = number(parts[4], 0, 65535)
        if parts[3]:
            socket.inet_pton(socket.AF_INET, parts[3])
            return socket.AF_INET, (parts[3], port)
        socket.inet_pton(socket.AF_INET6, parts[1])
        scope = parts[2] or '0'
        return socket.AF_INET6, (parts[1], port, 0, int(scope) if scope.isdigit() else socket.if_nametoindex(scope))
    except (OSError, TypeError):
        raise Refused('EINVAL', f'not an address and port: {text}') from None


def write_address(address):
    return ('[%s]:%d' if ':' in address[0] else '%s:%d') % address[:2]


def plain(address):
    """the address of a sockaddr without scope; what is IPv4 in IPv6 as IPv4"""
    ip = ipaddress.ip_address(address[0].partition('%')[0])
    return getattr(ip, 'ipv4_mapped', None) or ip


def interface_of(address):
    """The scope of a link-local address of this machine, or its own scope where it names one"""
    if address[3] or not ipaddress.ip_address(address[0]).is_link_local:
        return address[3]
    wanted, found = ipaddress.ip_address(address[0]).packed.hex(), set()
    try:
        with open('/proc/net/if_inet6') as addresses:
            found = {int(words[1], 16) for words in map(str.split, addresses) if words[0] == wanted}
    except OSError:
        pass
    if len(found) != 1:
        raise Refused('EINVAL', f'{len(found)} interfaces have {address[0]}; name one of them')
    return found.pop()


def read_network(text):
    try:
        net = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise Refused('EINVAL', f'not a network: {text}') from None
    mapped = getattr(net.network_address, 'ipv4_mapped', None)
    return ipaddress.ip_network((mapped, net.prefixlen - 96)) if mapped and net.prefixlen >= 96 else net


def mix(seed, offset, length):
    return bytes([((i ^ seed) * 2654435761 & 0xffffffff) >> 24
                  for i in (n & 0xffffffff for n in range(offset, offset + length))])


def reset(sock):
    """Closes with an RST; a listener just closes."""
    try:
        sock.setsockopt(SOL, socket.SO_LINGER, struct.pack('ii', 1, 0))
    except OSError:
        pass
    sock.close()


def state_by_ends(local, peer):
    """The state of the connection between two sockaddrs, by Linux's sock_diag"""
    a, b = plain(local), plain(peer)
    family = socket.AF_INET if a.version == 4 else socket.AF_INET6
    scope = interface_of(local) if a.version == 6 and b.is_link_local else 0
    ends = struct.pack('!HH16s16s', local[1], peer[1], a.packed, b.packed) + struct.pack('=I8s', scope, b'\xff' * 8)
    request = struct.pack('=BBBBI', family, socket.IPPROTO_TCP, 0, 0, 0xffffffff) + ends
    with socket.socket(16, socket.SOCK_RAW, 4) as diag:  # AF_NETLINK, NETLINK_SOCK_DIAG
        diag.send(struct.pack('=IHHII', 16 + len(request), 20, 1, 1, 0) + request)  # SOCK_DIAG_BY_FAMILY
        answer = diag.recv(8192)
    kind, = struct.unpack_from('=H', answer, 4)
    if kind == 2:  # NLMSG_ERROR
        failed = -struct.unpack_from('=i', answer, 16)[0]
        if failed != errno.ENOENT:
            raise OSError(failed, os.strerror(failed))
        return 'CLOSED'
    # Without such a connection the system tells of a listener, whose other end has no port.
    return STATES[answer[17]] if answer[22:24] == ends[2:4] else 'CLOSED'


class Call:
    """A request that may wait. attempt() returns the reply's fields, None while it cannot go on, or False
    when it got on and has more to do."""
    def __init__(self, tag, sock, verb, attempt, wanted=None):
        self.tag, self.sock, self.verb, self.attempt, self.wanted = tag, sock, verb, attempt, wanted
        self.how_far = lambda: ''


class Socket:
    gone = False

    def __init__(self, session, sock):
        self.session, self.sock, self.number = session, sock, next(session.numbers)
        self.calls = {verb: collections.deque() for verb in ('connect', 'send', 'accept', 'recv')}
        self.kept = []
        sock.setblocking(False)
        session.sockets[self.number] = self

    def serve(self, verb):
        """Goes on with the first call of a kind, and those behind it as long as they end."""
        if verb == 'accept':
            return self.serve_accept()
        while self.calls[verb]:
            call = self.calls[verb][0]
            try:
                fields = call.attempt()
            except OSError as e:
                fields = e
            if fields in (None, False):
                return fields
            self.session.finish(call, fields)

    def serve_accept(self):
        self.match()
        while self.calls['accept'] and len(self.kept) < KEPT:
            try:
                sock, peer = self.sock.accept()
            except BlockingIOError:
                return
            except OSError as e:
                self.session.finish(self.calls['accept'][0], e)
                continue
            if self.session.allows(peer):
                self.kept.append((sock, peer))
                self.match()
            else:
                reset(sock)

    def match(self):
        """Gives connections to the accepts that want them."""
        for sock, peer in list(self.kept):
            end = plain(peer), peer[1]
            call = next((c for c in self.calls['accept'] if c.wanted == end), None) or \
                next((c for c in self.calls['accept'] if not c.wanted), None)
            if call and self.session.full():
                self.session.finish(call, OSError(errno.EMFILE, 'too many sockets'))
            elif call:
                self.kept.remove((sock, peer))
                new = Socket(self.session, sock)
                self.session.finish(call, {'socket': new.number, 'local': write_address(sock.getsockname()),
                                           'peer': write_address(peer)})

    def ready(self, events):
        for event, verbs in ((WRITE, ('connect', 'send')), (READ, ('accept', 'recv'))):
            for verb in verbs:
                if events & event and not self.gone:
                    self.serve(verb)
        self.watch()

    def watch(self):
        wanted = (READ if self.calls['recv'] or self.calls['accept'] else 0) | \
            (WRITE if self.calls['connect'] or self.calls['send'] else 0)
        if not self.gone:
            self.session.agent.watch(self.sock.fileno(), wanted, self, self.ready)

    def end(self, close):
        for call in [c for calls in self.calls.values() for c in calls]:
            self.session.finish(call, Refused('ECANCELED', 'the socket was closed'))
        self.watch()
        self.gone = True
        del self.session.sockets[self.number]
        for sock, _ in self.kept:
            reset(sock)
        close(self.sock)


class Session:
    gone = closing = skipping = eof = False
    allowed = None  # until hello

    def __init__(self, agent, rfd, wfd, conn=None, own=()):
        self.agent, self.rfd, self.wfd, self.conn, self.own = agent, rfd, wfd, conn, list(own)
        self.inbox, self.out, self.sockets, self.deadlines = bytearray(), bytearray(), {}, []
        self.numbers, self.order = itertools.count(1), itertools.count()
        self.garbage = self.waiting = 0
        self.heard = time.monotonic()
        os.set_blocking(wfd, False)
        agent.sessions.append(self)
        can = [*VERBS, *OPTIONS, 'error', 'ipv4', 'ipv6']
        if not has_ipv6():
            can = [word for word in can if word not in ('ipv6', 'v6only')]
        if not hasattr(socket, 'TCP_INFO') or sys.platform != 'linux':
            can.remove('state')
        system = os.uname()
        self.line(f'hello finwait-agent 1 system={escaped(system.sysname + "-" + system.release)} '
                  f'sockets={agent.sockets_max} can={",".join(can)}')
        self.work()

    # --- lines ---

    def line(self, text):
        self.out += text.encode() + b'\n'

    def error(self, tag, name, text):
        self.line(f'{tag} error {name} ' + re.sub('[^ -~]', '?', str(text)))

    def ready(self, events):
        if events & READ and not self.closing:
            try:
                data = os.read(self.rfd, STEP)
            except BlockingIOError:
                return
            except OSError:
                return self.end()
            self.heard = time.monotonic()
            self.eof = not data
            self.inbox += data
        self.flush()
        self.work()

    def work(self):
        """Reads the requests that are there, as long as the controller reads the replies."""
        full = True
        while full and len(self.out) < UNREAD and not self.gone:
            self.read_lines()
            full = len(self.out) >= UNREAD
            self.flush()

    def read_lines(self):
        while not self.closing and len(self.out) < UNREAD:
            cut = self.inbox.find(b'\n')
            if (cut if cut >= 0 else len(self.inbox)) >= LINE:
                if not self.skipping:
                    self.unreadable('EMSGSIZE', f'a line has at most {LINE} bytes')
                self.skipping = cut < 0
                del self.inbox[:cut + 1 if cut >= 0 else len(self.inbox)]
            elif cut < 0:
                if self.eof:
                    self.close()
                break
            else:
                line = bytes(self.inbox[:cut])
                del self.inbox[:cut + 1]
                if not self.skipping:
                    self.request(line[:-1] if line.endswith(b'\r') else line)
                self.skipping = False

    def flush(self):
        try:
            while self.out:
                del self.out[:os.write(self.wfd, self.out[:STEP])]
        except BlockingIOError:
            pass
        except OSError:
            return self.end()
        if self.gone or self.closing and not self.out:
            return self.end()
        read = READ if not self.closing and len(self.out) < UNREAD else 0
        write = WRITE if self.out else 0
        if self.rfd == self.wfd:
            self.agent.watch(self.rfd, read | write, self, self.ready)
        else:
            self.agent.watch(self.rfd, read, self, self.ready)
            self.agent.watch(self.wfd, write, self, self.ready)

    def unreadable(self, name, text):
        self.error('-', name, text)
        self.garbage += 1
        if self.garbage >= GARBAGE or self.allowed is None:  # a web page's request to loopback ends here
            self.close()

    def request(self, line):
        parts = re.fullmatch(rb'([A-Za-z0-9._-]{1,16}) +([!-~]+)((?: +[!-~]+)*) *', line)
        if not parts:
            return self.unreadable('EPROTO', 'not a request: TAG VERB [key=value ...] in printable ASCII')
        self.garbage = 0
        tag, verb, words = parts[1].decode(), parts[2].decode(), parts[3].decode().split()
        try:
            if verb != 'hello' and self.allowed is None:
                raise Refused('EPERM', 'say hello first')
            if verb != 'hello' and verb not in VERBS:
                raise Refused('ENOSYS', f'unknown verb {verb}')
            function, keys = VERBS.get(verb) or (Session.hello, 'version token? allow?')
            fields = function(self, tag, self.read_keys(words, keys.split()))
            if fields is not None:
                self.reply(tag, fields)
        except Refused as e:
            self.error(tag, e.name, e)
        except OSError as e:
            self.error(tag, errno_name(e.errno), e.strerror)
        except (ValueError, OverflowError) as e:  # what Python's own calls cannot pass on
            self.error(tag, 'EINVAL', e)

    def read_keys(self, words, known):
        keys = {}
        for word in words:
            key, equals, value = word.partition('=')
            if not equals or key in keys or not {key, key + '?'} & set(known):
                raise Refused('EINVAL', f'not a key of this verb, or given twice: {word[:80]}')
            keys[key] = unescaped(value)
        for key in known:
            if key[-1] != '?' and key not in keys:
                raise Refused('EINVAL', f'{key}= is missing')
        if 'socket' in keys:
            keys['socket'] = self.sockets.get(number(keys['socket'], 0, 2**32))
            if not keys['socket']:
                raise Refused('EBADF', 'no such socket')
        return keys

    def reply(self, tag, fields):
        self.line(' '.join([f'{tag} ok', *(f'{k}={escaped(v)}' for k, v in fields.items())]))

    # --- calls that wait ---

    def start(self, call, keys):
        timeout = number(keys['timeout_ms'], 0, 3600000) if 'timeout_ms' in keys else None
        calls = call.sock.calls[call.verb]
        calls.append(call)
        self.waiting += 1
        while call.sock.serve(call.verb) is False and timeout == 0:
            pass
        if call in calls and timeout == 0:
            self.finish(call, self.late(call))
        elif call in calls and (sum(map(len, call.sock.calls.values())) > WAITING or self.waiting > WAITING_ALL):
            self.finish(call, Refused('ENOBUFS', 'too many waiting calls'))
        elif call in calls and timeout:
            heapq.heappush(self.deadlines, (time.monotonic() + timeout / 1000, next(self.order), call))
        call.sock.watch()

    def late(self, call):
        return Refused('EAGAIN', f'timed out{call.how_far()}')

    def finish(self, call, result):
        call.sock.calls[call.verb].remove(call)
        self.waiting -= 1
        if isinstance(result, Refused):
            self.error(call.tag, result.name, result)
        elif isinstance(result, OSError):
            self.error(call.tag, errno_name(result.errno), f'{result.strerror}{call.how_far()}')
        else:
            self.reply(call.tag, result)

    def next_deadline(self):
        return min([self.heard + self.agent.idle] + [d[0] for d in self.deadlines[:1]])

    def expire(self, now):
        while self.deadlines and self.deadlines[0][0] <= now:
            call = heapq.heappop(self.deadlines)[2]
            if call in call.sock.calls[call.verb]:
                self.finish(call, self.late(call))
                # What waited behind it may find more than it did.
                call.sock.serve(call.verb)
                call.sock.watch()
        if now >= self.heard + self.agent.idle:
            self.end()
        elif self.out:
            self.flush()
            self.work()

    # --- the end ---

    def close(self):
        """Resets what is open; the session ends when the last replies are written."""
        self.closing = True
        for sock in list(self.sockets.values()):
            for calls in sock.calls.values():
                calls.clear()
            sock.end(reset)

    def end(self):
        if not self.gone:
            self.close()
            self.gone = True
            self.agent.watch(self.rfd, 0, self, None)
            self.agent.watch(self.wfd, 0, self, None)
            self.agent.sessions.remove(self)
            if self.conn:
                self.conn.close()

    # --- verbs ---

    def hello(self, tag, keys):
        if self.allowed is not None:
            raise Refused('EALREADY', 'hello was said before')
        if keys['version'] != '1':
            raise Refused('EPROTONOSUPPORT', 'this agent speaks version 1')
        token = self.agent.token
        # Of digests, that the time tells nothing.
        if token and hashlib.sha256(keys.get('token', '').encode()).digest() != hashlib.sha256(token).digest():
            self.error(tag, 'EACCES', 'the token is missing or wrong')
            return self.close()
        named = [read_network(net) for net in keys['allow'].split(',')] if 'allow' in keys else []
        if self.own:
            for net in named:
                if not any(net.version == n.version and net.subnet_of(n) for n in self.own):
                    raise Refused('EACCES', f'{net} is not among what the agent was started with --allow for')
        self.allowed = named or self.own
        return {}

    def allows(self, address):
        return any(plain(address) in net for net in self.allowed)

    def full(self):
        return len(self.sockets) >= self.agent.sockets_max

    def socket(self, tag, keys):
        families = {'ipv4': socket.AF_INET, 'ipv6': socket.AF_INET6}
        if keys['family'] not in families:
            raise Refused('EINVAL', 'family is ipv4 or ipv6')
        if self.full():
            raise Refused('EMFILE', f'a session has at most {self.agent.sockets_max} sockets')
        return {'socket': Socket(self, socket.socket(families[keys['family']], socket.SOCK_STREAM)).number}

    def setopt(self, tag, keys):
        if keys['option'] not in OPTIONS:
            raise Refused('ENOPROTOOPT', 'unknown option')
        level, option, low, high = OPTIONS[keys['option']]
        value = number(keys['value'], low, high)
        if keys['option'] == 'linger':
            value = struct.pack('ii', value >= 0, max(value, 0))
        keys['socket'].sock.setsockopt(level, option, value)
        return {}

    def getopt(self, tag, keys):
        sock = keys['socket'].sock
        if keys['option'] == 'error':
            value = sock.getsockopt(SOL, socket.SO_ERROR)
            return {'value': errno_name(value) if value else 0}
        if keys['option'] not in OPTIONS:
            raise Refused('ENOPROTOOPT', 'unknown option')
        level, option, _, high = OPTIONS[keys['option']]
        if keys['option'] == 'linger':
            on, seconds = struct.unpack('ii', sock.getsockopt(level, option, 8))
            return {'value': seconds if on else -1}
        value = sock.getsockopt(level, option)
        return {'value': int(value != 0) if high == 1 else value}

    def sockaddr(self, sock, text):
        family, address = read_address(text)
        if family != sock.sock.family:
            raise Refused('EAFNOSUPPORT', 'the socket is of the other family')
        return address

    def bind(self, tag, keys):
        local = self.sockaddr(keys['socket'], keys['local'])
        keys['socket'].sock.bind(local if len(local) == 2 else (*local[:3], interface_of(local)))
        return {'local': write_address(keys['socket'].sock.getsockname())}

    def listen(self, tag, keys):
        keys['socket'].sock.listen(number(keys['backlog'], 0, 2**31 - 1))
        return {}

    def accept(self, tag, keys):
        wanted = read_address(keys['from'])[1] if 'from' in keys else None
        self.start(Call(tag, keys['socket'], 'accept', None, wanted and (plain(wanted), wanted[1])), keys)

    def connect(self, tag, keys):
        sock, to = keys['socket'].sock, self.sockaddr(keys['socket'], keys['to'])
        wait = number(keys.get('wait', '1'), 0, 1)
        number(keys.get('timeout_ms', '0'), 0, 3600000)
        if not self.allows(to):
            raise Refused('EACCES', 'the address is outside of what hello allowed')
        if len(to) == 4 and not to[3] and plain(to).is_link_local:
            to = (*to[:3], sock.getsockname()[3])
        failed = sock.connect_ex(to)
        if failed not in (0, errno.EINPROGRESS):
            raise OSError(failed, os.strerror(failed))
        if not wait:
            return {'local': write_address(sock.getsockname())}

        def attempt():
            failed = sock.getsockopt(SOL, socket.SO_ERROR)
            if failed:
                raise OSError(failed, os.strerror(failed))
            try:
                return {'local': write_address(sock.getsockname()), 'peer': write_address(sock.getpeername())}
            except OSError:
                return None
        self.start(Call(tag, keys['socket'], 'connect', attempt), keys)

    def pattern(self, keys, names):
        """seed, offset and length, or None for a call without pattern"""
        given = [name for name in names.split() if name in keys]
        if 'pattern' not in keys and not given:
            return None
        if keys.get('pattern') != 'mix' or not {'seed', 'offset', 'length'} <= set(keys):
            raise Refused('EINVAL', 'a pattern is pattern=mix with seed, offset and length')
        return [number(keys[k], 0, high) for k, high in (('seed', 2**32 - 1), ('offset', 2**32 - 1), ('length', 2**30))]

    def send(self, tag, keys):
        sock, pattern = keys['socket'].sock, self.pattern(keys, 'seed offset length')
        if bool(pattern) == ('data' in keys):
            raise Refused('EINVAL', 'send takes data, or a pattern')
        data = b''
        if not pattern:
            if not re.fullmatch('(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?', keys['data']):
                raise Refused('EINVAL', 'data is not base64')
            data = base64.b64decode(keys['data'])
        seed, offset, total = pattern or (0, 0, len(data))
        done = 0

        def attempt():
            nonlocal data, done
            if not data and done < total:
                data = mix(seed, offset + done, min(STEP, total - done))
            try:
                sent = sock.send(data) if data or not total else 0
            except BlockingIOError:
                return None
            data, done = data[sent:], done + sent
            return {'length': total} if done == total else False
        call = Call(tag, keys['socket'], 'send', attempt)
        call.how_far = lambda: f' after {done} bytes'
        self.start(call, keys)

    def recv(self, tag, keys):
        sock, pattern = keys['socket'].sock, self.pattern(keys, 'seed offset')
        most = number(keys.get('length', str(RECV)), 0 if pattern else 1, 2**30)
        seed, offset, total = pattern or (0, 0, min(most, RECV))
        done = match = 0

        def attempt():
            nonlocal done, match
            data, end = b'', 'no'
            if done < total:
                try:
                    data = sock.recv(min(STEP, total - done))
                    end = 'no' if data else 'eof'
                except BlockingIOError:
                    return None
                except ConnectionResetError:
                    end = 'reset'
                except TimeoutError:
                    end = 'timed-out'
            if not pattern:
                text = {'data': base64.b64encode(data).decode()} if data else {}
                return {'length': len(data), **text, 'end': end}
            if match == done:
                want = mix(seed, offset + done, len(data))
                match += len(data) if want == data else next(i for i, b in enumerate(data) if b != want[i])
            done += len(data)
            return {'length': done, 'match': match, 'end': end} if done == total or end != 'no' else False
        call = Call(tag, keys['socket'], 'recv', attempt)
        call.how_far = (lambda: f' after {done} bytes') if pattern else call.how_far
        self.start(call, keys)

    def shutdown(self, tag, keys):
        how = {'read': socket.SHUT_RD, 'write': socket.SHUT_WR, 'both': socket.SHUT_RDWR}
        if keys['how'] not in how:
            raise Refused('EINVAL', 'how is read, write or both')
        keys['socket'].sock.shutdown(how[keys['how']])
        return {}

    def close_socket(self, tag, keys):
        sock = keys['socket'].sock
        if struct.unpack('ii', sock.getsockopt(SOL, socket.SO_LINGER, 8))[1]:
            # With it close() would wait, also where nothing else does. The peer sees the same.
            sock.setsockopt(SOL, socket.SO_LINGER, struct.pack('ii', 0, 0))
        keys['socket'].end(socket.socket.close)
        return {}

    def abort(self, tag, keys):
        keys['socket'].end(reset)
        return {}

    def name(self, tag, keys):
        sock = keys['socket'].sock
        fields = {'local': write_address(sock.getsockname())}
        try:
            fields['peer'] = write_address(sock.getpeername())
        except OSError:
            pass
        return fields

    def state(self, tag, keys):
        if sorted(keys) not in (['socket'], ['local', 'peer']):
            raise Refused('EINVAL', 'state takes socket, or local and peer')
        if 'peer' in keys and not self.allows(read_address(keys['peer'])[1]):
            raise Refused('EACCES', 'the peer is outside of what hello allowed')
        if sys.platform != 'linux':
            raise Refused('ENOTSUP', 'only known for Linux')
        if 'peer' in keys:
            return {'state': state_by_ends(read_address(keys['local'])[1], read_address(keys['peer'])[1])}
        return {'state': STATES[keys['socket'].sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)[0]]}


VERBS = {
    'socket': (Session.socket, 'family'), 'setopt': (Session.setopt, 'socket option value'),
    'getopt': (Session.getopt, 'socket option'), 'bind': (Session.bind, 'socket local'),
    'listen': (Session.listen, 'socket backlog'), 'accept': (Session.accept, 'socket from? timeout_ms?'),
    'connect': (Session.connect, 'socket to wait? timeout_ms?'),
    'send': (Session.send, 'socket data? pattern? seed? offset? length? timeout_ms?'),
    'recv': (Session.recv, 'socket pattern? seed? offset? length? timeout_ms?'),
    'shutdown': (Session.shutdown, 'socket how'), 'close': (Session.close_socket, 'socket'),
    'abort': (Session.abort, 'socket'), 'name': (Session.name, 'socket'),
    'state': (Session.state, 'socket? local? peer?'),
}


class Agent:
    gone = False

    def __init__(self, idle, token=None, allow=()):
        self.idle, self.token, self.allow = idle, token, list(allow)
        self.selector, self.sessions, self.listeners = selectors.PollSelector(), [], []
        self.sockets_max = files_allowed()

    def watch(self, fd, events, owner, ready):
        known = fd in self.selector.get_map()
        if events and known:
            self.selector.modify(fd, events, (owner, ready))
        elif events:
            self.selector.register(fd, events, (owner, ready))
        elif known:
            self.selector.unregister(fd)

    def add_listener(self, listener):
        listener.setblocking(False)
        self.listeners.append(listener)
        self.watch(listener.fileno(), READ, self, lambda events: self.welcome(listener))

    def welcome(self, listener):
        try:
            conn, peer = listener.accept()
        except OSError:
            return
        if len(self.sessions) >= CONTROLLERS:
            conn.sendall(b'- error EUSERS too many controllers\n')
            conn.close()
            return
        own = [ipaddress.ip_network(plain(peer)), *self.allow] if listener.family != socket.AF_UNIX else ()
        Session(self, conn.fileno(), conn.fileno(), conn, own)

    def run(self):
        while self.sessions or self.listeners:
            wait = min((s.next_deadline() for s in self.sessions), default=None)
            for key, events in self.selector.select(wait and max(0, wait - time.monotonic())):
                owner, ready = key.data
                if not owner.gone:
                    ready(events)
            now = time.monotonic()
            for session in list(self.sessions):
                session.expire(now)


def files_allowed():
    """How many sockets a session may have: the limit, or less where the system grants fewer descriptors"""
    try:
        import resource
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except (ImportError, ValueError, OSError):
        hard = 256
    return SOCKETS if hard < 0 else max(1, min(SOCKETS, hard - 64))


def fail(status, text):
    print(f'agent.py: {text}', file=sys.stderr)
    sys.exit(status)


def read_token(path):
    try:
        with open(path, 'rb') as f:
            if os.fstat(f.fileno()).st_mode & 0o077:
                fail(3, f'{path} can be read by others; chmod 600 it.')
            token = f.readline().rstrip(b'\r\n')
    except OSError as e:
        fail(3, f'{path}: {e.strerror}.')
    if not re.fullmatch(rb'[!-~]{16,256}', token):
        fail(3, f'the first line of {path} must be 16 to 256 printable characters without spaces.')
    return token


def listen_unix(path):
    try:
        if stat.S_ISSOCK(os.lstat(path).st_mode):
            with socket.socket(socket.AF_UNIX) as probe:
                if probe.connect_ex(path) == errno.ECONNREFUSED:
                    os.unlink(path)
    except FileNotFoundError:
        pass
    listener = socket.socket(socket.AF_UNIX)
    mask = os.umask(0o177)
    listener.bind(path)
    os.umask(mask)
    listener.listen()
    return listener


def listen_tcp(address, port):
    ip = ipaddress.ip_address(address.partition('%')[0])
    listener = socket.socket(socket.AF_INET if ip.version == 4 else socket.AF_INET6)
    listener.setsockopt(SOL, socket.SO_REUSEADDR, 1)
    if ip.version == 6:
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    listener.bind(socket.getaddrinfo(address, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)[0][4])
    listener.listen()
    return listener


def read_options():
    def option(low, high):
        def read(text):
            return number(text, low, high)
        return read
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0], allow_abbrev=False)
    how = parser.add_mutually_exclusive_group()
    how.add_argument('--stdio', action='store_true', help='one session over standard input and output')
    how.add_argument('--unix', metavar='PATH', help='sessions over a unix socket')
    parser.add_argument('--listen', action='append', metavar='ADDRESS', help='default: 127.0.0.1 and ::1')
    parser.add_argument('--port', metavar='N', help=f'default: {PORT}')
    parser.add_argument('--token-file', metavar='FILE', help='its first line is asked of every controller')
    parser.add_argument('--allow', action='append', metavar='NET', help='also to be connected to; may be repeated')
    parser.add_argument('--idle', metavar='SECONDS', default='600', help='ends a session that is silent')
    options = parser.parse_args()
    tcp = options.listen, options.port, options.token_file, options.allow
    if (options.stdio or options.unix) and any(option is not None for option in tcp):
        parser.error('--listen, --port, --token-file and --allow are for TCP.')
    try:
        options.idle = number(options.idle, 1, 2**31 - 1)
        options.port = PORT if options.port is None else number(options.port, 0, 65535)
        options.allow = [read_network(net) for net in options.allow or ()]
        loopback = all(plain((address,)).is_loopback for address in options.listen or ())
    except (Refused, ValueError) as e:
        parser.error(str(e))
    if not loopback and not options.token_file:
        parser.error('--listen beyond loopback needs --token-file.')
    return options


def main():
    options = read_options()
    agent = Agent(options.idle, read_token(options.token_file) if options.token_file else None, options.allow)

    def on_signals(action):
        for name in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(name, action)

    on_signals(lambda *_: sys.exit(0))
    blocking, mine = os.get_blocking(1), None
    try:
        if options.stdio:
            Session(agent, 0, 1)
        elif options.unix:
            agent.add_listener(listen_unix(options.unix))
            mine = os.lstat(options.unix)
            print(f'finwait-agent: agent on {options.unix}', flush=True)
        else:
            addresses = options.listen or ['127.0.0.1'] + ['::1'] * has_ipv6()
            port = options.port
            for address in addresses:
                agent.add_listener(listen_tcp(address, port))
                port = agent.listeners[0].getsockname()[1]
            print(f'finwait-agent: agent on {", ".join(addresses)} port {port}', flush=True)
        agent.run()
    except OSError as e:
        fail(3, f'{options.unix or "cannot listen"}: {e.strerror or e}.')
    finally:
        on_signals(signal.SIG_IGN)  # it is ending
        for session in list(agent.sessions):
            session.end()
        os.set_blocking(1, blocking)
        try:
            if mine and os.path.samestat(mine, os.lstat(options.unix)):
                os.unlink(options.unix)
        except OSError:
            pass


if __name__ == '__main__':
    main()
