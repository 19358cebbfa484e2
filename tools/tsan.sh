#!/bin/sh
# tsan.sh: the thread side (the pool, SSH, Docker) under ThreadSanitizer:
# t/40-docker's driver, built anew with it, through the tests in which many
# threads are at work or hosts die under them.
set -eu

top=$(cd "$(dirname "$0")/.." && pwd)
cd "$top"

RD_SANITIZE=thread
export RD_SANITIZE

exec prove -It/lib t/40-docker/004-host_down.t t/40-docker/005-pool.t
