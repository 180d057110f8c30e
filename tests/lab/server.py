# SPDX-License-Identifier: BSD-2-Clause
"""A server that sends a line and closes first: server.py ADDRESS PORT REUSEADDR PIDFILE

Binds with SO_REUSEADDR set to 0 or 1, again and again until it may; PIDFILE is there once it listens.
"""
import os
import socket
import sys
import time

address, port, reuse, pidfile = sys.argv[1:]
while True:
    listener = socket.socket(socket.AF_INET6 if ':' in address else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, int(reuse))
    try:
        listener.bind((address, int(port)))
        break
    except OSError:
        listener.close()
        time.sleep(0.05)
listener.listen()
with open(pidfile + '.new', 'w') as file:
    file.write(f'{os.getpid()}\n')
os.rename(pidfile + '.new', pidfile)
while True:
    connection, _ = listener.accept()
    connection.sendall(b'it is late\r\n')
    connection.close()
