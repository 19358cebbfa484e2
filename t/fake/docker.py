#!/usr/bin/env python3
"""docker.py SOCKET: a strict Docker engine that only pretends, for herds that
no test machine could hold.  It listens on the unix socket SOCKET, speaks
HTTP/1.1 with keepalive, and refuses with a 4xx and a reason whatever the real
engine would not have understood, and also what it would have let pass in
silence: an unknown field is a fault of the caller.

    --image NAME     the one image it has        (rd-test-desktop:latest)
    --start-ms N     how long a start takes      (300)
    --start-max N    how many at a time          (4; the others wait)
    --cpus N         what /info says             (64)
    --memory N       ... in bytes                (1 TB)
    --age N          containers are N seconds older than they are (0)
    --full FILE      while this file exists, its disk is full
    --record FILE    every request, a line of JSON each; no bodies, they hold
                     passwords

    GET /_ping /version /info /images/NAME/json /containers/json?all&filters
    POST /containers/create?name= /containers/NAME/start
    GET /containers/NAME/json    DELETE /containers/NAME?force&v

A container that runs has a real listener on each published address, which
answers a WebSocket handshake with the greeting of a desktop.
"""

import argparse
import asyncio
import base64
import contextlib
import hashlib
import json
import os
import re
import secrets
import signal
import sys
import time
import urllib.parse

HEAD_BYTES_MAX = 16 * 1024
BODY_BYTES_MAX = 256 * 1024

GUID = b'258EAFA5-E914-47DA-95CA-C5AB0DC85B11'
GREETING = b'RFB 003.008\n'

NAME = re.compile(r'[a-zA-Z0-9][a-zA-Z0-9_.-]+\Z')
PORT = re.compile(r'(\d{1,5})/tcp\Z')

REASONS = {200: 'OK', 201: 'Created', 204: 'No Content', 304: 'Not Modified',
           400: 'Bad Request', 404: 'Not Found', 405: 'Method Not Allowed',
           409: 'Conflict', 411: 'Length Required',
           500: 'Internal Server Error', 505: 'HTTP Version Not Supported'}

# field: the type it must have
CREATE = {'Hostname': str, 'Image': str, 'Env': list, 'Labels': dict,
          'ExposedPorts': dict, 'HostConfig': dict, 'Cmd': list, 'User': str}

HOST_CONFIG = {'Memory': int, 'MemorySwap': int, 'NanoCpus': int,
               'ShmSize': int, 'PidsLimit': int, 'CapAdd': list,
               'CapDrop': list, 'Init': bool, 'AutoRemove': bool,
               'RestartPolicy': dict, 'LogConfig': dict, 'PortBindings': dict,
               'SecurityOpt': list, 'NetworkMode': str, 'Tmpfs': dict,
               'ReadonlyRootfs': bool, 'Privileged': bool}


class Refused(Exception):
    """what the engine answers instead"""

    def __init__(self, status, message):
        super().__init__(message)
        self.status = status


class Container:
    """one container; its listeners exist while it runs"""

    def __init__(self, name, body):
        self.id = secrets.token_hex(32)
        self.name = name
        self.image = body['Image']
        self.labels = body.get('Labels', {})
        self.env = body.get('Env', [])
        self.bindings = body.get('HostConfig', {}).get('PortBindings', {})
        self.created = time.time()
        self.state = 'created'
        self.starting = asyncio.Lock()
        self.servers = []
        self.visitors = set()
        self.ports = {}

    async def start(self):
        for port, bindings in self.bindings.items():
            self.ports[port] = []

            for binding in bindings:
                server = await asyncio.start_server(
                    self.visit, binding['HostIp'],
                    int(binding.get('HostPort') or 0), backlog=16)
                self.servers.append(server)
                self.ports[port].append({
                    'HostIp': binding['HostIp'],
                    'HostPort': str(server.sockets[0].getsockname()[1])})

        self.state = 'running'

    def stop(self):
        for server in self.servers:
            server.close()

        for writer in self.visitors:
            writer.close()

        self.servers = []
        self.ports = {}
        self.state = 'exited'

    async def visit(self, reader, writer):
        self.visitors.add(writer)

        try:
            await desktop(reader, writer)
        except (OSError, asyncio.IncompleteReadError, ValueError,
                asyncio.LimitOverrunError):
            pass
        finally:
            self.visitors.discard(writer)
            writer.close()

    def inspect(self):
        running = self.state == 'running'

        return {'Id': self.id, 'Name': '/' + self.name,
                'Created': stamp(self.created),
                'State': {'Status': self.state, 'Running': running,
                          'Paused': False, 'Restarting': False,
                          'OOMKilled': False, 'Dead': False, 'ExitCode': 0,
                          'Error': ''},
                'Config': {'Image': self.image, 'Labels': self.labels,
                           'Env': self.env},
                'NetworkSettings': {'Ports': self.ports}}

    def row(self):
        return {'Id': self.id, 'Names': ['/' + self.name],
                'Image': self.image, 'Created': int(self.created),
                'State': self.state, 'Status': self.state,
                'Labels': self.labels,
                'Ports': [{'IP': one['HostIp'], 'Type': 'tcp',
                           'PrivatePort': int(port.split('/')[0]),
                           'PublicPort': int(one['HostPort'])}
                          for port, all in self.ports.items()
                          for one in all]}


# ---- what is inside a container ----------------------------------------------

async def desktop(reader, writer):
    """the WebSocket of a desktop: greets, then waits for the visitor to go"""

    head = (await reader.readuntil(b'\r\n\r\n')).decode('latin-1')
    first, headers = parse_head(head)

    if first[:2] != ['GET', '/websockify'] \
            or headers.get('upgrade', '').lower() != 'websocket' \
            or headers.get('sec-websocket-version') != '13' \
            or len(headers.get('sec-websocket-key', '')) != 24:
        writer.write(b'HTTP/1.1 426 Upgrade Required\r\n'
                     b'Content-Length: 0\r\nConnection: close\r\n\r\n')
        return await writer.drain()

    key = headers['sec-websocket-key'].encode()
    accept = base64.b64encode(hashlib.sha1(key + GUID).digest())

    writer.write(b'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n'
                 b'Connection: Upgrade\r\nSec-WebSocket-Protocol: binary\r\n'
                 b'Sec-WebSocket-Accept: ' + accept + b'\r\n\r\n'
                 + bytes([0x82, len(GREETING)]) + GREETING)
    await writer.drain()

    while await reader.read(4096):
        pass


# ---- HTTP --------------------------------------------------------------------

def parse_head(text):
    """(words of the first line, {name: value}) of a whole head"""

    lines = text[:-4].split('\r\n')
    first = lines[0].split(' ')
    headers = {}

    for line in lines[1:]:
        name, colon, value = line.partition(':')

        if not colon or not re.match(r'[A-Za-z0-9-]+\Z', name):
            raise ValueError('malformed header line')

        if name.lower() in headers:
            raise ValueError('header sent twice: ' + name)

        headers[name.lower()] = value.strip()

    return first, headers


def stamp(seconds):
    return time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds)) + 'Z'


def typed(fields, known, where):
    for key, value in fields.items():
        if key not in known:
            raise Refused(400, f'unknown field {where}{key}')

        if not isinstance(value, known[key]) \
                or known[key] is int and isinstance(value, bool):
            raise Refused(400, f'{where}{key} must be {known[key].__name__}')


def strings(value, where):
    for item in value.values() if isinstance(value, dict) else value:
        if not isinstance(item, str):
            raise Refused(400, f'{where} may only hold strings')


class Engine:
    """what all connections share"""

    def __init__(self, opt):
        self.opt = opt
        self.containers = {}            # by name
        self.starts = asyncio.Semaphore(opt.start_max)
        self.id = secrets.token_hex(16)
        self.connections = set()
        self.record = open(opt.record, 'a', buffering=1, encoding='utf-8') \
            if opt.record else None

    async def serve(self, reader, writer):
        self.connections.add(writer)

        try:
            while await self.exchange(reader, writer):
                pass
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            self.connections.discard(writer)
            writer.close()

    async def exchange(self, reader, writer):
        """one request and its answer; False when it was the last"""

        begun = time.time()
        line, keep = '?', False

        try:
            head = await reader.readuntil(b'\r\n\r\n')
        except asyncio.LimitOverrunError:
            await self.answer(writer, 400, {'message': 'head too long'})
            return False

        try:
            first, headers = parse_head(head.decode('ascii'))
            line = ' '.join(first[:2])
            method, target, version = first
        except ValueError as fault:
            await self.answer(writer, 400, {'message': str(fault)})
            self.note(begun, line, 400)
            return False

        try:
            body = await self.body(reader, method, version, headers)
            keep = headers.get('connection', '').lower() != 'close'
            status, value = await self.route(method, target, headers, body)
        except Refused as refused:
            status, value = refused.status, {'message': str(refused)}
        except OSError as fault:
            status, value = 500, {'message': f'driver failed: {fault}'}

        await self.answer(writer, status, value, keep, method == 'HEAD')
        self.note(begun, line, status)

        return keep

    async def body(self, reader, method, version, headers):
        if version != 'HTTP/1.1':
            raise Refused(505, 'HTTP/1.1 is spoken here')

        if not headers.get('host'):
            raise Refused(400, 'missing required Host header')

        if 'transfer-encoding' in headers:
            raise Refused(400, 'this engine takes Content-Length alone')

        length = headers.get('content-length')

        if length is None:
            if method == 'POST':
                raise Refused(411, 'a POST says how long it is')
            return b''

        if not re.match(r'\d{1,9}\Z', length) or int(length) > BODY_BYTES_MAX:
            raise Refused(400, 'bad Content-Length')

        return await reader.readexactly(int(length))

    async def answer(self, writer, status, value, keep=False, bare=False):
        text = b'' if value is None else \
            value.encode() if isinstance(value, str) else \
            json.dumps(value).encode() + b'\n'
        kind = 'text/plain' if isinstance(value, str) else 'application/json'

        head = f'HTTP/1.1 {status} {REASONS[status]}\r\n' \
               'Api-Version: 1.41\r\nServer: Docker/20.10.24 (linux)\r\n'

        if status not in (204, 304):
            head += f'Content-Type: {kind}\r\nContent-Length: {len(text)}\r\n'

        head += '\r\n' if keep else 'Connection: close\r\n\r\n'

        writer.write(head.encode() + (b'' if bare else text))
        await writer.drain()

    def note(self, begun, line, status):
        if self.record:
            self.record.write(json.dumps({
                'at': round(begun, 4), 'ms': round((time.time() - begun) * 1e3),
                'request': line, 'status': status}) + '\n')

    # ---- routes --------------------------------------------------------------

    async def route(self, method, target, headers, body):
        if not re.match(r'/[!-~]*\Z', target) or '#' in target:
            raise Refused(400, 'malformed path')

        path, _, query = target.partition('?')
        path = re.sub(r'^/v1\.\d{1,2}(?=/)', '', path)

        try:
            asked = urllib.parse.parse_qsl(query, strict_parsing=True,
                                           keep_blank_values=True) \
                if query else []
        except ValueError:
            raise Refused(400, 'malformed query') from None

        if len(dict(asked)) != len(asked):
            raise Refused(400, 'a parameter was sent twice')

        if method != 'POST' and body:
            raise Refused(400, f'a {method} has no body')

        for methods, pattern, known, call in self.routes():
            match = re.match(pattern + r'\Z', path)

            if match is None:
                continue

            if method not in methods:
                continue

            for name, _value in asked:
                if name not in known:
                    raise Refused(400, f'unknown parameter {name}')

            return await call(*match.groups(), query=dict(asked), body=body,
                              headers=headers)

        if any(re.match(row[1] + r'\Z', path) for row in self.routes()):
            raise Refused(405, 'method not allowed')

        raise Refused(404, 'page not found')

    def routes(self):
        name = r'([^/]+)'

        return (
            (('GET', 'HEAD'), '/_ping', (), self.ping),
            (('GET',), '/version', (), self.version),
            (('GET',), '/info', (), self.info),
            (('GET',), r'/images/(.+)/json', (), self.image),
            (('GET',), '/containers/json', ('all', 'filters', 'limit'),
             self.list),
            (('POST',), '/containers/create', ('name',), self.create),
            (('POST',), f'/containers/{name}/start', (), self.start),
            (('GET',), f'/containers/{name}/json', (), self.look),
            (('DELETE',), f'/containers/{name}', ('force', 'v'), self.remove),
        )

    async def ping(self, **_more):
        return 200, 'OK'

    async def version(self, **_more):
        return 200, {'Version': '20.10.24', 'ApiVersion': '1.41',
                     'MinAPIVersion': '1.12', 'Os': 'linux', 'Arch': 'amd64',
                     'KernelVersion': os.uname().release}

    async def info(self, **_more):
        states = [one.state for one in self.containers.values()]

        return 200, {'ID': self.id, 'Name': 'fake', 'ServerVersion': '20.10.24',
                     'SystemTime': stamp(time.time()),
                     'NCPU': self.opt.cpus, 'MemTotal': self.opt.memory,
                     'Containers': len(states),
                     'ContainersRunning': states.count('running'),
                     'ContainersPaused': 0,
                     'ContainersStopped': len(states)
                     - states.count('running'),
                     'Images': 1, 'Driver': 'overlay2', 'DriverStatus': [],
                     'DockerRootDir': '/var/lib/docker', 'Warnings': None,
                     'OSType': 'linux', 'Architecture': 'x86_64',
                     'OperatingSystem': 'none', 'CgroupDriver': 'cgroupfs'}

    async def image(self, name, **_more):
        if urllib.parse.unquote(name) != self.opt.image:
            raise Refused(404, f'No such image: {name}')

        return 200, {'Id': 'sha256:' + '0' * 64, 'RepoTags': [self.opt.image],
                     'Size': 1, 'Created': stamp(0), 'Os': 'linux',
                     'Architecture': 'amd64',
                     'Config': {'Labels': None, 'ExposedPorts':
                                {'5900/tcp': {}, '6080/tcp': {}}}}

    async def list(self, query, **_more):
        if query.get('all', '0') not in ('0', '1', 'true', 'false'):
            raise Refused(400, 'all must be a truth value')

        if not re.match(r'\d{1,6}\Z', query.get('limit', '0')):
            raise Refused(400, 'limit must be a number')

        try:
            filters = json.loads(query.get('filters', '{}'))
            filters = {key: list(value) for key, value in filters.items()}
        except (ValueError, AttributeError, TypeError):
            raise Refused(400, 'invalid filter') from None

        unknown = set(filters) - {'label', 'name', 'status', 'id'}

        if unknown:
            raise Refused(400, f"Invalid filter '{sorted(unknown)[0]}'")

        rows = [one for one in self.containers.values()
                if query.get('all') in ('1', 'true')
                or one.state == 'running']

        for want in filters.get('label', []):
            key, equals, value = want.partition('=')
            rows = [one for one in rows if key in one.labels
                    and (not equals or one.labels[key] == value)]

        for key, get in (('status', lambda one: one.state),
                         ('id', lambda one: one.id)):
            if key in filters:
                rows = [one for one in rows if get(one) in filters[key]]

        if 'name' in filters:
            rows = [one for one in rows
                    if any(re.search(want, '/' + one.name)
                           for want in filters['name'])]

        rows.sort(key=lambda one: -one.created)

        return 200, [one.row() for one in rows][:int(query.get('limit', 0))
                                                or None]

    async def create(self, query, body, headers):
        name = query.get('name', '')

        if not NAME.match(name):
            raise Refused(400, f'Invalid container name ({name})')

        if headers.get('content-type') != 'application/json':
            raise Refused(400, 'Content-Type must be application/json')

        try:
            spec = json.loads(body)
        except ValueError as fault:
            raise Refused(400, f'invalid JSON: {fault}') from None

        self.check(spec)

        if spec['Image'] != self.opt.image:
            raise Refused(404, f'No such image: {spec["Image"]}')

        if name in self.containers:
            raise Refused(409, f'Conflict. The container name "/{name}" is '
                          'already in use by container '
                          f'"{self.containers[name].id}". You have to remove '
                          '(or rename) that container to be able to reuse '
                          'that name.')

        if self.opt.full and os.path.exists(self.opt.full):
            raise Refused(500, 'failed to create shim task: OCI runtime '
                          'create failed: runc create failed: unable to start '
                          'container process: error during container init: '
                          'error preparing rootfs: mkdir /var/lib/docker/'
                          f'overlay2/{secrets.token_hex(32)}-init/merged: '
                          'no space left on device')

        self.containers[name] = Container(name, spec)
        self.containers[name].created -= self.opt.age

        return 201, {'Id': self.containers[name].id, 'Warnings': []}

    def check(self, spec):
        if not isinstance(spec, dict) or not spec.get('Image'):
            raise Refused(400, 'no image is named')

        host = spec.get('HostConfig', {})

        typed(spec, CREATE, '')
        typed(host, HOST_CONFIG, 'HostConfig.')

        for key in ('Env', 'Labels', 'Cmd'):
            strings(spec.get(key, []), key)

        for key in ('CapAdd', 'CapDrop'):
            strings(host.get(key, []), key)

        for line in spec.get('Env', []):
            if '=' not in line[1:]:
                raise Refused(400, 'invalid environment variable')

        if host.get('Memory', 1 << 30) < 6 << 20:
            raise Refused(400, 'Minimum memory limit allowed is 6MB')

        for port, bindings in host.get('PortBindings', {}).items():
            if not PORT.match(port) or not isinstance(bindings, list):
                raise Refused(400, f'invalid port specification: {port}')

            if port not in spec.get('ExposedPorts', {}):
                raise Refused(400, f'{port} is bound but not exposed')

            for binding in bindings:
                typed(binding, {'HostIp': str, 'HostPort': str}, 'binding.')

    def find(self, name):
        for one in self.containers.values():
            if name in (one.name, one.id):
                return one

        raise Refused(404, f'No such container: {name}')

    async def start(self, name, body, **_more):
        if body:
            raise Refused(400, 'starting container with non-empty request '
                          'body was removed in v1.24')

        one = self.find(name)

        async with one.starting:
            if one.state == 'running':
                return 304, None

            async with self.starts:
                await asyncio.sleep(self.opt.start_ms / 1000)

                # it may have been removed meanwhile
                if self.containers.get(one.name) is not one:
                    raise Refused(404, f'No such container: {name}')

                await one.start()

        return 204, None

    async def look(self, name, **_more):
        return 200, self.find(name).inspect()

    async def remove(self, name, query, **_more):
        one = self.find(name)

        for value in query.values():
            if value not in ('0', '1', 'true', 'false'):
                raise Refused(400, 'not a truth value: ' + value)

        if one.state == 'running' and query.get('force') not in ('1', 'true'):
            raise Refused(409, 'You cannot remove a running container '
                          f'{one.id}. Stop the container before attempting '
                          'removal or force remove')

        one.stop()
        del self.containers[one.name]

        return 204, None


async def main():
    args = argparse.ArgumentParser(description='a Docker engine that pretends')
    args.add_argument('socket')
    args.add_argument('--image', default='rd-test-desktop:latest')
    args.add_argument('--start-ms', type=int, default=300)
    args.add_argument('--start-max', type=int, default=4)
    args.add_argument('--cpus', type=int, default=64)
    args.add_argument('--memory', type=int, default=1 << 40)
    args.add_argument('--record')
    args.add_argument('--age', type=int, default=0)
    args.add_argument('--full')
    opt = args.parse_args()

    engine = Engine(opt)
    ended = asyncio.Event()

    for signum in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signum, ended.set)

    server = await asyncio.start_unix_server(engine.serve, opt.socket,
                                             limit=HEAD_BYTES_MAX,
                                             backlog=256)
    await ended.wait()

    server.close()

    # from 3.13 on the server has done so itself
    with contextlib.suppress(FileNotFoundError):
        os.unlink(opt.socket)

    for one in list(engine.containers.values()):
        one.stop()

    for writer in list(engine.connections):
        writer.close()

    # what is in the middle of a request ends by itself, or is cancelled
    rest = asyncio.all_tasks() - {asyncio.current_task()}

    if rest:
        await asyncio.wait(rest, timeout=1)


if __name__ == '__main__':
    sys.exit(asyncio.run(main()))
