#!/usr/bin/env python3
"""tunnels.py serve PORT | tunnels.py open PORT: many WebSockets at once, with
somebody at both ends who has nothing to say.

serve: a desktop's end at 127.0.0.1:PORT; it greets, then waits.

open: the visitors' end.  Reads lines of JSON and answers each with a line:

    {"open": [{"path", "cookie"}, ...]}     -> {"open": how many, "bad": [...]}
    {"watch": [numbers], "seconds": at most}
        -> {number: [time of the close frame, its code, its reason], ...}
           code 0: the connection ended without one
    {"close": true}                         -> {}
"""

import asyncio
import base64
import hashlib
import json
import signal
import sys
import time

GUID = b'258EAFA5-E914-47DA-95CA-C5AB0DC85B11'
KEY = b'dGhlIHNhbXBsZSBub25jZQ=='
GREETING = b'\x82\x0cRFB 003.008\n'
OPEN_S = 10


def accept_of(key):
    return base64.b64encode(hashlib.sha1(key + GUID).digest())


# ---- the desktop's end -------------------------------------------------------

async def greet(reader, writer):
    try:
        head = await reader.readuntil(b'\r\n\r\n')
        key = head.lower().partition(b'sec-websocket-key:')[2]
        at = len(head) - len(key)
        key = head[at:].split(b'\r\n')[0].strip()

        writer.write(b'HTTP/1.1 101 Switching Protocols\r\n'
                     b'Upgrade: websocket\r\nConnection: Upgrade\r\n'
                     b'Sec-WebSocket-Protocol: binary\r\n'
                     b'Sec-WebSocket-Accept: ' + accept_of(key)
                     + b'\r\n\r\n' + GREETING)

        while await reader.read(4096):
            pass
    except (OSError, asyncio.IncompleteReadError):
        pass
    finally:
        writer.close()


async def serve(port):
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)

    async with await asyncio.start_server(greet, '127.0.0.1', port,
                                          backlog=512):
        await ended.wait()


# ---- the visitors' end -------------------------------------------------------

class Tunnel:
    def __init__(self):
        self.closed = None              # [time, code, reason]
        self.ended = asyncio.Event()
        self.writer = None

    async def open(self, port, what):
        reader, self.writer = await asyncio.open_connection('127.0.0.1', port)

        self.writer.write(
            f'GET {what["path"]} HTTP/1.1\r\nHost: localhost\r\n'
            'Origin: http://localhost\r\nUpgrade: websocket\r\n'
            'Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n'
            'Sec-WebSocket-Protocol: binary\r\n'
            f'Sec-WebSocket-Key: {KEY.decode()}\r\n'
            f'Cookie: session={what["cookie"]}\r\n\r\n'.encode())

        head = await reader.readuntil(b'\r\n\r\n')

        if not head.startswith(b'HTTP/1.1 101 '):
            raise ValueError(head.split(b'\r\n')[0].decode())

        if await reader.readexactly(len(GREETING)) != GREETING:
            raise ValueError('no greeting came')

        self.reader = asyncio.create_task(self.read(reader))

    async def read(self, reader):
        """frames of a server: never masked"""

        try:
            while True:
                first, size = await reader.readexactly(2)

                if size == 126:
                    size = int.from_bytes(await reader.readexactly(2), 'big')
                elif size == 127:
                    size = int.from_bytes(await reader.readexactly(8), 'big')

                data = await reader.readexactly(size)

                if first & 15 == 8:
                    self.closed = [time.time(),
                                   int.from_bytes(data[:2], 'big'),
                                   data[2:].decode('utf-8', 'replace')]
                    break
        except (OSError, asyncio.IncompleteReadError):
            self.closed = [time.time(), 0, '']

        self.writer.close()
        self.ended.set()


async def visitors(port):
    tunnels = []
    loop = asyncio.get_running_loop()

    while line := await loop.run_in_executor(None, sys.stdin.readline):
        ask, said = json.loads(line), {}

        if 'open' in ask:
            new = [Tunnel() for _what in ask['open']]
            got = await asyncio.gather(
                *[asyncio.wait_for(one.open(port, what), OPEN_S)
                  for one, what in zip(new, ask['open'])],
                return_exceptions=True)

            tunnels += new
            said = {'open': got.count(None),
                    'bad': sorted({str(x) for x in got if x is not None})}

        elif 'watch' in ask:
            wanted = [tunnels[n] for n in ask['watch']]
            wait = [asyncio.create_task(one.ended.wait()) for one in wanted]
            await asyncio.wait(wait, timeout=ask['seconds'])

            for task in wait:
                task.cancel()

            said = {n: tunnels[n].closed for n in ask['watch']
                    if tunnels[n].closed}

        elif 'close' in ask:
            for one in tunnels:
                if one.writer is not None:
                    one.writer.close()
            tunnels = []

        print(json.dumps(said), flush=True)


if __name__ == '__main__':
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    asyncio.run({'serve': serve, 'open': visitors}[sys.argv[1]](
        int(sys.argv[2])))
