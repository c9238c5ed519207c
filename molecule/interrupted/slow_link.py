"""An SSH ProxyCommand: HOST PORT BYTES_PER_SECOND. What goes to the robot goes no faster than that."""

import os
import select
import socket
import sys
import time

host, port, rate = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
PIECE = 16384
robot = socket.create_connection((host, port))
allowed_at = time.monotonic()
while True:
    waits = allowed_at - time.monotonic()
    sources = [robot] if waits > 0 else [robot, sys.stdin]
    readable, _, _ = select.select(sources, [], [], max(waits, 0) or None)
    if robot in readable:
        answer = robot.recv(PIECE)
        if not answer:
            break
        os.write(1, answer)
    if sys.stdin in readable:
        piece = os.read(0, PIECE)
        if not piece:
            break
        robot.sendall(piece)
        allowed_at = max(allowed_at, time.monotonic()) + len(piece) / rate
