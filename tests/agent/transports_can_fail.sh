#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Shows transports.py agents whose text differs from agent.py in one place: the check that is there for it must fail.
# shellcheck disable=SC2154 # set by what is sourced
srcdir=${srcdir-.}
. "$srcdir/tests/lab/lab.sh"
. "$srcdir/tests/agent/python.sh"
# What does not come need not be waited for long: an agent that is too slow is also found.
FINWAIT_AGENT_LIMIT=2
export FINWAIT_AGENT_LIMIT

# wrong CHECK WHAT BY: transports.py finds, with this check, an agent whose text has BY in place of WHAT
wrong() {
	name="$1: $(printf '%s' "$3" | head -n 1) is found"
	WHAT=$2 BY=$3 python3 -c 'import os, sys
text = sys.stdin.read()
sys.exit(text.count(os.environ["WHAT"]) != 1 or print(text.replace(os.environ["WHAT"], os.environ["BY"])))' \
		<"$srcdir/contrib/agent.py" >"$work/wrong.py" || {
		fail "$name" "agent.py does not have just once: $2"
		return
	}
	python3 "$agent_tests/transports.py" --only "^$1" python3 "$work/wrong.py" \
		>"$work/transports.out" 2>&1 </dev/null
	if grep -q '^not ok' "$work/transports.out"; then
		pass "$name"
	else
		fail "$name" "$(cat "$work/transports.out")"
	fi
}

wrong 'stdio: nothing to read' 'agent.run()' 'sys.exit(1)'
wrong 'stdio: requests from a file' 'selectors.PollSelector()' 'selectors.EpollSelector()'
wrong 'stdio: a controller that is gone' 'except OSError:
            return self.end()
        if self.gone' 'except OSError:
            os.kill(os.getpid(), 9)
        if self.gone'
wrong 'stdio: signals' 'sock.end(reset)' 'sock.end(socket.socket.close)'
wrong 'stdio: --idle' 'now >= self.heard + self.agent.idle' 'False'
wrong 'unix: mode 0600' '0o177' '0o111'
wrong 'unix: mode 0600' 'os.unlink(options.unix)' 'pass'
wrong 'unix: a stale' 'if probe.connect_ex(path) == errno.ECONNREFUSED' 'if False'
wrong 'unix: anything else' 'stat.S_ISSOCK(os.lstat(path).st_mode)' 'os.path.isfile(path) or os.path.islink(path)'
wrong 'unix: the socket of another' 'if probe.connect_ex(path) == errno.ECONNREFUSED' 'if True'
wrong 'unix: nothing is allowed' 'self.allowed = named or self.own' \
	'self.allowed = named or [read_network("127.0.0.0/8")]'
wrong 'sessions know' 'self.numbers, self.order' 'self.sockets = agent.__dict__.setdefault("all", {})
        self.numbers, self.order'
wrong '8 controllers' '>= CONTROLLERS' '> CONTROLLERS'
wrong '8 controllers' '>= CONTROLLERS' '>= CONTROLLERS - 1'
wrong '8 controllers' '- error EUSERS' '- error EAGAIN'
wrong 'a session that is idle' 'self.agent.sessions.remove(self)' 'self.agent.sessions.clear()
            sys.exit(0)'
wrong 'TCP: loopback' 'agent on {", "' 'agent: {", "'
wrong 'TCP: loopback' '[ipaddress.ip_network(plain(peer)), ' '[read_network("127.0.0.0/8"), '
wrong 'TCP: --listen on loopback' 'plain((address,)).is_loopback' 'address == "127.0.0.1"'
wrong 'TCP: allow= names' 'net.subnet_of(n)' 'net.overlaps(n)'
wrong 'TCP: allow= names' '*self.allow]' ']'
wrong 'TCP: the token' 'if token and hashlib' 'if not token and hashlib'
wrong 'TCP: the token' "readline().rstrip(b'\\r\\n')" "readline().rstrip(b'\\n')"
wrong 'TCP: the token' "is missing or wrong')
            return self.close()" "is missing or wrong')
            return"
wrong 'TCP: a token file that others' '0o077' '0o037'
wrong 'TCP: a token file that others' '0o077' '0o070'
wrong 'TCP: what is no token' '{16,256}' '{15,256}'
wrong 'TCP: what is no token' '{16,256}' '{16,257}'
wrong 'TCP: what is no token' '[!-~]{16' '[ -~]{16'
wrong 'TCP: --listen beyond' 'if not loopback and' 'if not loopback and options.port != PORT and'
wrong 'TCP: a port that is taken' "fail(3, f'{options.unix or" "fail(1, f'{options.unix or"
wrong 'TCP: a controller that is reset' 'sock.end(reset)' 'sock.end(socket.socket.close)'
wrong 'command lines' 'number(options.idle, 1,' 'number(options.idle, -1,'
wrong 'command lines' 'any(option is not None for option in tcp)' 'any(tcp[:3])'
done_testing
