#!/usr/bin/env python3
"""herd.py PORT: users of an API who all come at once.  Reads one line of JSON,

    {"act": "create" | "destroy", "users": [{"cookie", "nonce"}, ...],
     "others": [...], "spread_s": seconds in which all click,
     "settle_s": seconds in which all must have got somewhere,
     "room": how many can become ready; the others wait for their turn}

and answers with one line: what each user was told, when, and how long other
users' calls of "status" took meanwhile.  Each user has one connection, as a
browser has.
"""

import asyncio
import gc
import json
import signal
import sys
import time

CALL_S = 15                 # a call that takes longer has failed
POLL_S = 1.0                # between a user's looks at creation-status
OTHER_S = 0.25              # between the calls of one of the others

API = '/remote-desktop/api/'


class User:
    """one browser: a connection that is kept, a cookie, a nonce"""

    def __init__(self, port, who):
        self.port = port
        self.who = who
        self.reader = self.writer = None

    async def call(self, method, path):
        """(status, JSON, milliseconds)"""

        begun = time.monotonic()

        try:
            status, text = await asyncio.wait_for(self.ask(method, path),
                                                  CALL_S)
            said = json.loads(text)
        except (OSError, ValueError, asyncio.TimeoutError,
                asyncio.IncompleteReadError) as fault:
            self.close()
            status, said = 0, {'code': type(fault).__name__}

        return status, said, 1000 * (time.monotonic() - begun)

    async def ask(self, method, path):
        if self.writer is None:
            self.reader, self.writer = \
                await asyncio.open_connection('127.0.0.1', self.port)

        more = f'CSRF-Token: {self.who["nonce"]}\r\nContent-Length: 0\r\n' \
            if method == 'POST' else ''

        self.writer.write(
            f'{method} {API}{path} HTTP/1.1\r\nHost: localhost\r\n'
            f'Cookie: session={self.who["cookie"]}\r\n{more}\r\n'.encode())

        head = (await self.reader.readuntil(b'\r\n\r\n')).decode('latin-1')
        headers = {}

        for line in head.split('\r\n')[1:]:
            name, _colon, value = line.partition(':')
            headers[name.lower()] = value.strip()

        if headers.get('transfer-encoding') == 'chunked':
            text = b''
            while size := int(await self.reader.readline(), 16):
                text += await self.reader.readexactly(size)
                await self.reader.readexactly(2)
            await self.reader.readexactly(2)
        else:
            text = await self.reader.readexactly(int(headers['content-length']))

        if headers.get('connection') == 'close':
            self.close()

        return int(head.split(' ')[1]), text

    def close(self):
        if self.writer is not None:
            self.writer.close()
        self.reader = self.writer = None


async def life(user, act, delay, until, room):
    """clicks after a while, then looks until it is over one way or another;
    room counts down the places that are left"""

    await asyncio.sleep(delay)

    status, said, place_ms = await user.call('POST', act)
    told = {'code': status, 'why': said.get('code'), 'place_ms': place_ms,
            'clicked': time.time() - place_ms / 1000, 'status': None}

    if act == 'create' and status == 200:
        while time.monotonic() < until:
            await asyncio.sleep(POLL_S)
            _status, said, ms = await user.call('GET', 'creation-status')

            told['polls'] = told.get('polls', [])
            told['polls'].append(ms)
            told['status'] = said.get('status')
            told['error'] = said.get('code')
            told['position'] = said.get('position')
            told['queued'] = told.get('queued', 0) + (said.get('status')
                                                      == 'queued')
            if told['status'] in ('ready', 'failed', 'cancelled', 'none'):
                room[0] -= told['status'] == 'ready'
                break

            # the look after the last place was taken tells the true position
            if told['status'] == 'queued' and room[0] <= 0:
                break

        told['over'] = time.time()

    user.close()
    return told


async def bystander(user, delay, ended, times, faults):
    await asyncio.sleep(delay)

    while not ended.is_set():
        status, said, ms = await user.call('GET', 'status')
        times.append(ms)

        if status != 200:
            faults.append(said.get('code'))

        await asyncio.sleep(OTHER_S)

    user.close()


async def main():
    port = int(sys.argv[1])
    ask = json.loads(sys.stdin.readline())
    users, others = ask['users'], ask.get('others', [])
    spread, ended, times, faults = ask['spread_s'], asyncio.Event(), [], []

    room = [ask.get('room', len(users))]

    # a pause of this program must not look like one of the server
    gc.disable()

    watch = [asyncio.create_task(
        bystander(User(port, who), OTHER_S * n / len(others), ended, times,
                  faults)) for n, who in enumerate(others)]

    until = time.monotonic() + ask['settle_s']
    told = await asyncio.gather(*[
        life(User(port, who), ask['act'], spread * n / len(users), until, room)
        for n, who in enumerate(users)])

    ended.set()
    await asyncio.gather(*watch)

    print(json.dumps({'users': told, 'others_ms': times, 'faults': faults}))


if __name__ == '__main__':
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    asyncio.run(main())
