#!/usr/bin/env python3
"""rd_sign.py --secret-file FILE --user ID [--role admin] [--body FILE] \
METHOD TARGET

Prints the header X-RD-Signature for one request (docs/SIGNED.md).  TARGET is
path and query as the request line has them.  For curl:

    curl -H "$(tools/rd_sign.py --secret-file secret --user 17 \
        GET /remote-desktop/api/status)" \\
        http://127.0.0.1/remote-desktop/api/status
"""

import argparse
import hashlib
import hmac
import secrets
import time


def sign(secret, method, target, user, role="user", body=b"", time_ms=None,
         nonce=None):
    """The value of the header; secret and body are bytes."""
    time_ms = str(int(time.time() * 1000) if time_ms is None else time_ms)
    nonce = nonce or secrets.token_hex(16)
    digest = hashlib.sha256(body).hexdigest()
    text = "\n".join(["v1", time_ms, nonce, method, target, str(user), role,
                      digest])
    mac = hmac.new(secret, text.encode("latin-1"), hashlib.sha256).hexdigest()
    return ":".join(["v1", time_ms, nonce, str(user), role, mac])


def read(path):
    with open(path, "rb") as file:
        return file.read()


def main():
    parser = argparse.ArgumentParser(
        usage=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--secret-file", required=True)
    parser.add_argument("--user", required=True, type=int)
    parser.add_argument("--role", default="user", choices=["user", "admin"])
    parser.add_argument("--body", help="the file that is sent")
    parser.add_argument("--time-ms", type=int)
    parser.add_argument("--nonce")
    parser.add_argument("method")
    parser.add_argument("target")
    args = parser.parse_args()

    # an editor's line feed is no part of the secret
    secret = read(args.secret_file)
    secret = secret[:-1] if secret.endswith(b"\n") else secret

    print("X-RD-Signature: "
          + sign(secret, args.method, args.target, args.user, args.role,
                 read(args.body) if args.body else b"", args.time_ms,
                 args.nonce))


if __name__ == "__main__":
    main()
