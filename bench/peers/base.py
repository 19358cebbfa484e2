"""base.py FILE: the SQL base of check.py, from the lines "id name" in
FILE.users."""

import os
import sqlite3
import sys

path = sys.argv[1]

if os.path.exists(path):
    os.unlink(path)

with sqlite3.connect(path) as sql, open(path + '.users') as users:
    sql.execute('create table users (id integer primary key, name, banned)')
    sql.execute('create table config (name primary key, value)')
    sql.execute('insert into config values ("enabled", "1")')
    sql.executemany('insert into users values (?, ?, 0)',
                    [line.split() for line in users])
