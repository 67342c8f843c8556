#!/usr/bin/env python3
"""A name server for one name: dns.py NAME, on 127.0.0.1:53, says 127.0.0.1 for it and that there is nothing else."""
import socket
import struct
import sys

TYPE_A = 1


def question(query):
    """The name that is asked for, and where its question ends."""
    labels, at = [], 12
    while query[at]:
        labels.append(query[at + 1 : at + 1 + query[at]].decode())
        at += 1 + query[at]
    return ".".join(labels), at + 5


def answer(query, name):
    asked, end = question(query)
    (kind,) = struct.unpack(">H", query[end - 4 : end - 2])
    found = asked.lower() == name and kind == TYPE_A
    flags = 0x8180 if asked.lower() == name else 0x8183  # no such name
    head = query[:2] + struct.pack(">5H", flags, 1, found, 0, 0)
    record = struct.pack(">3HIH4B", 0xC00C, TYPE_A, 1, 60, 4, 127, 0, 0, 1) if found else b""
    return head + query[12:end] + record


server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 53))
print("ready", flush=True)
while True:
    packet, client = server.recvfrom(512)
    server.sendto(answer(packet, sys.argv[1]), client)
