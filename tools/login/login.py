#!/usr/bin/env python3
"""A stand-in for CTFd's login, for development and tests.

Anybody who can reach it may be anybody, so it serves this machine alone: it
refuses every address but 127.0.0.1 and unix sockets.  What it writes is the
real thing: sessions in CTFd's Redis by CTFd's own libraries, and user records
as the CTFd plugin publishes them.
"""

import argparse
import hashlib
import hmac
import html
import http.server
import json
import os
import secrets
import signal
import socket
import socketserver
import sys
import urllib.parse
import uuid

import redis
from cachelib import RedisCache
from itsdangerous import BadSignature, Signer

COOKIE = "session"
CREATED_S = 1767225600                  # when CTFd would have made the accounts
SESSION_PREFIX = "session"              # after the prefix of the cache
LIFETIME_S = 7 * 86400
BODY_BYTES_MAX = 4096

# id: name and type; the password hashes are only there to be hashed
USERS = {
    1: ("admin", "admin"),
    2: ("ada", "user"),
    3: ("bob", "user"),
    4: ("eve", "user"),
}

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Log in</title>
<style>
body {{ margin: 0; min-height: 100vh; display: flex; background: #10171d;
       color: #dfe6ec; font: 16px/1.5 system-ui, sans-serif; }}
main {{ width: min(30rem, 100% - 2rem); margin: auto; padding: 2rem;
       background: #18212a; border: 1px solid #2b3843; border-radius: 12px; }}
h1 {{ margin: 0 0 .5rem; font-size: 1.35rem; }}
p {{ color: #9db0bf; }}
button {{ display: block; width: 100%; margin: .5rem 0; padding: .6rem 1rem;
         border: 1px solid #2b3843; border-radius: 6px; background: #22303c;
         color: #fff; font: inherit; text-align: left; cursor: pointer; }}
button:hover {{ border-color: #7fd1ae; }}
small {{ color: #9db0bf; }}
</style>
</head>
<body>
<main>
<h1>Who are you today?</h1>
<p>This stands in for CTFd's login and asks for no password, by design: it is
for development and is reachable from this machine only.</p>
<form method="post" action="/login">
<input type="hidden" name="next" value="{next}">
{buttons}
</form>
</main>
</body>
</html>
"""

BUTTON = ('<button name="user" value="{name}">{name}'
          ' <small>{what}</small></button>')


class Sessions:
    """Writes, finds and deletes what CTFd keeps about a login."""

    def __init__(self, args, secret):
        self.secret = secret
        self.signer = Signer(secret)
        self.own = args.redis
        self.records = f"{args.prefix}{{{args.site}}}:user:"
        self.all = f"{args.prefix}{{{args.site}}}:records"
        self.cache = RedisCache(host=args.ctfd_redis,
                                key_prefix="flask_cache_")

    def publish(self):
        for uid, (name, kind) in USERS.items():
            self.own.hset(f"{self.records}{uid}", mapping={
                "name": name, "type": kind, "banned": "0", "verified": "1",
                "team_id": "", "hash": self.tag(uid),
                "tag": f"{uid}-{CREATED_S}"})

        # everybody has a record: who has none is refused
        self.own.set(self.all, "all")

    def tag(self, uid):
        """What CTFd puts into a session for the password it was made with."""
        password = f"$bcrypt-sha256$v=2,t=2b,r=12$stand-in${uid}"
        return hmac.new(self.secret, password.encode(),
                        hashlib.sha1).hexdigest()

    def log_in(self, uid):
        sid = str(uuid.uuid4())

        # Flask's tagged JSON is plain JSON for strings, numbers and booleans
        text = json.dumps({"_permanent": True, "hash": self.tag(uid),
                           "id": uid, "nonce": secrets.token_hex(32)},
                          separators=(",", ":"), sort_keys=True)

        # the record may have been lost with a Redis that was restarted
        self.publish()
        self.cache.set(SESSION_PREFIX + sid, text, timeout=LIFETIME_S)
        return self.signer.sign(sid).decode()

    def log_out(self, cookie):
        try:
            sid = self.signer.unsign(cookie).decode()
        except BadSignature:
            return
        self.cache.delete(SESSION_PREFIX + sid)


class Handler(http.server.BaseHTTPRequestHandler):
    server_version = "login"
    sys_version = ""
    protocol_version = "HTTP/1.1"
    timeout = 30

    def do_GET(self):
        path, _, query = self.path.partition("?")

        if path == "/":
            self.redirect("/remote-desktop")
        elif path == "/login":
            self.login_page(urllib.parse.parse_qs(query))
        elif path == "/logout":
            self.server.sessions.log_out(self.cookie())
            self.redirect("/login", self.set_cookie("", 0))
        else:
            self.error(404, "There is nothing here.")

    def do_POST(self):
        if self.path.partition("?")[0] != "/login":
            self.error(404, "There is nothing here.")
            return

        form = self.form()
        names = {name: uid for uid, (name, _) in USERS.items()}
        uid = names.get(form.get("user", [""])[0])

        if uid is None:
            self.error(400, "There is no such user.")
            return

        cookie = self.server.sessions.log_in(uid)
        self.redirect(self.local(form), self.set_cookie(cookie, LIFETIME_S))

    def login_page(self, query):
        buttons = "\n".join(
            BUTTON.format(name=html.escape(name),
                          what="administrator" if kind == "admin" else "player")
            for name, kind in USERS.values())

        self.answer(200, PAGE.format(next=html.escape(self.local(query)),
                                     buttons=buttons))

    @staticmethod
    def local(form):
        """Where to go afterwards; never to another site."""
        target = form.get("next", [""])[0]
        ok = (target.startswith("/") and not target.startswith("//")
              and "\\" not in target and target.isprintable()
              and target.isascii())
        return target if ok else "/remote-desktop"

    def form(self):
        try:
            length = int(self.headers.get("Content-Length", "0"))
        except ValueError:
            length = -1

        if not 0 <= length <= BODY_BYTES_MAX:
            self.close_connection = True
            return {}

        text = self.rfile.read(length).decode("utf-8", "replace")
        return urllib.parse.parse_qs(text)

    def cookie(self):
        for part in self.headers.get("Cookie", "").split(";"):
            name, _, value = part.strip().partition("=")
            if name == COOKIE:
                return value
        return ""

    @staticmethod
    def set_cookie(value, age_s):
        return (f"{COOKIE}={value}; Max-Age={age_s}; HttpOnly; Path=/;"
                " SameSite=Lax")

    def redirect(self, target, cookie=None):
        self.answer(302, "", {"Location": target,
                              **({"Set-Cookie": cookie} if cookie else {})})

    def error(self, status, sentence):
        self.answer(status, f"<!DOCTYPE html><title>{status}</title>"
                            f"<p>{html.escape(sentence)}</p>")

    def answer(self, status, text, headers=None):
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("Content-Security-Policy",
                         "default-src 'none'; style-src 'unsafe-inline'; "
                         "form-action 'self'; frame-ancestors 'none'")
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def address_string(self):
        return "-"                      # a unix socket has none

    def log_message(self, format, *args):
        # the query may hold anything a user was sent with
        line = f"{self.command} {(self.path or '').partition('?')[0]}"
        print(f"login: {line} {args[1] if len(args) > 1 else ''}", flush=True)

    def handle_one_request(self):
        try:
            super().handle_one_request()
        except redis.RedisError as error:
            self.close_connection = True
            print(f"login: redis: {type(error).__name__}", flush=True)
            self.error(503, "The session store cannot be reached.")


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    allow_reuse_address = True


class UnixServer(Server):
    address_family = socket.AF_UNIX

    def server_bind(self):
        # HTTPServer's own looks for the name of a host
        if os.path.exists(self.server_address):
            os.unlink(self.server_address)
        umask = os.umask(0o077)
        try:
            socketserver.TCPServer.server_bind(self)
        finally:
            os.umask(umask)
        self.server_name, self.server_port = "localhost", 0

    def get_request(self):
        connection, _ = super().get_request()
        return connection, ("-", 0)


def listen_address(text):
    if text.startswith("unix:") and len(text) > 5:
        return text[5:]

    host, _, port = text.rpartition(":")
    if host != "127.0.0.1":
        raise argparse.ArgumentTypeError(
            "a login without passwords serves 127.0.0.1 or unix:PATH only")
    if not port.isdigit() or not 0 <= int(port) < 65536:
        raise argparse.ArgumentTypeError("the port is no port")
    return host, int(port)


def redis_address(text):
    """unix:PATH or HOST:PORT, either with /DB at its end"""
    rest, _, db = text.rpartition("/")
    if db.isdigit() and rest:
        text = rest
    else:
        db = "0"

    if text.startswith("unix:"):
        return redis.Redis(unix_socket_path=text[5:], db=int(db),
                           socket_timeout=5)

    host, _, port = text.rpartition(":")
    if not host or not port.isdigit():
        raise argparse.ArgumentTypeError("want unix:PATH or HOST:PORT")
    return redis.Redis(host=host, port=int(port), db=int(db), socket_timeout=5,
                       socket_connect_timeout=5)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--listen", type=listen_address, required=True,
                        metavar="127.0.0.1:PORT|unix:PATH")
    parser.add_argument("--redis", type=redis_address, required=True,
                        metavar="unix:PATH|HOST:PORT[/DB]",
                        help="where the user records go")
    parser.add_argument("--ctfd-redis", type=redis_address, default=None,
                        metavar="unix:PATH|HOST:PORT[/DB]",
                        help="where CTFd keeps its sessions, if elsewhere")
    parser.add_argument("--secret-file", required=True,
                        help="CTFd's SECRET_KEY, read whole")
    parser.add_argument("--site", required=True)
    parser.add_argument("--prefix", default="rd:")
    args = parser.parse_args()

    if args.ctfd_redis is None:
        args.ctfd_redis = args.redis
    return args


def main():
    args = arguments()

    try:
        with open(args.secret_file, "rb") as file:
            secret = file.read()
    except OSError as error:
        sys.exit(f"login: {args.secret_file}: {error.strerror}")

    if not secret:
        sys.exit(f"login: {args.secret_file} is empty")

    sessions = Sessions(args, secret)
    try:
        sessions.publish()
    except redis.RedisError as error:
        sys.exit(f"login: redis: {error}")

    make = UnixServer if isinstance(args.listen, str) else Server
    try:
        server = make(args.listen, Handler)
    except OSError as error:
        sys.exit(f"login: {args.listen}: {error.strerror}")

    server.sessions = sessions
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))

    port = server.server_address if server.server_port == 0 \
        else server.server_port
    print(f"login: ready on {port}", flush=True)

    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass
    finally:
        if isinstance(args.listen, str):
            os.unlink(args.listen)


if __name__ == "__main__":
    main()
