# SPDX-License-Identifier: BSD-2-Clause
"""An agent that lies about some calls: liar.py PATTERN ANSWER COMMAND...

Stands between the controller and COMMAND, an agent on standard input and output. PATTERN, a regular expression, is
looked for at the end of all requests so far, without their tags and with '; ' between them; the one with which it
first fits, or fits again, is answered with ANSWER, which may refer to its groups (\\1), in place of what the agent
said. ANSWER may also be "hangs", which answers nothing from then on, or "dies".
"""
import os
import re
import subprocess
import sys
import threading

pattern, lie = sys.argv[1:3]
agent = subprocess.Popen(sys.argv[3:], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
lies = {}  # by tag
hangs = threading.Event()


def answers():
    for line in agent.stdout:
        tag = line.split(b' ')[0]
        if tag in lies:
            line = tag + b' ' + lies.pop(tag).encode() + b'\n'
        if not hangs.is_set():
            os.write(1, line)
    os._exit(0)


threading.Thread(target=answers, daemon=True).start()
asked = ''
for request in iter(sys.stdin.buffer.readline, b''):
    tag, _, said = request.partition(b' ')
    asked += said.decode().strip() + '; '
    match = re.search(f'(?:{pattern}); $', asked)
    if match and lie == 'dies':
        agent.kill()
        break
    if match and lie == 'hangs':
        hangs.set()
    elif match:
        lies[tag] = match.expand(lie)
    agent.stdin.write(request)
    agent.stdin.flush()
agent.stdin.close()
agent.wait()
