"""check.py: the question of nginx auth_request, as a plugin in Python answers
it: 15 reads of Redis and 2 of SQL a request.  For gunicorn: check:app."""

import os
import sqlite3

import redis
from flask import Flask, request
from itsdangerous import BadSignature, Signer

SITE = 'rd:{' + os.environ['BENCH_SITE'] + '}:'

app = Flask(__name__)
store = redis.Redis(unix_socket_path=os.environ['BENCH_REDIS'])
sql = sqlite3.connect(os.environ['BENCH_SQL'], check_same_thread=False)

with open(os.environ['BENCH_SECRET'], 'rb') as secret:
    signer = Signer(secret.read())

# what such a plugin reads of a session, one call each
FIELDS = ('state', 'host', 'container', 'address', 'web_port', 'vnc_port',
          'expires_ms', 'ready_ms', 'created_ms', 'owner',
          'extensions_used')


@app.route('/check')
def check():
    try:
        sid = signer.unsign(request.cookies.get('session', '')).decode()
    except BadSignature:
        return '', 401

    if store.get('flask_cache_session' + sid) is None:
        return '', 401

    user = request.headers['X-User-ID']

    name = sql.execute('select name, banned from users where id = ?',
                       (user,)).fetchone()
    limits = sql.execute('select value from config where name = ?',
                         ('enabled',)).fetchone()

    if name is None or name[1] or limits is None:
        return '', 403

    session = store.get(SITE + 'owner:' + user)

    if session is None:
        return '', 404

    key = SITE + 'session:' + session.decode()
    record = {field: store.hget(key, field) for field in FIELDS}
    store.zscore(SITE + 'expiry', session)
    store.sismember(SITE + 'slots:h1', session)

    if record['state'] != b'ready' or record['owner'].decode() != user:
        return '', 403

    return '', 200, {'X-VNC-Host': record['address'].decode(),
                     'X-VNC-Port': record['web_port'].decode()}
