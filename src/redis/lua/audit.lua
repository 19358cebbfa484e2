-- audit.lua: what an administrator did, when no other script tells it.
-- ARGV   1 id and  2 name of the administrator  3 level
--        4 message: "viewing session for", "killed all sessions (3 total)"
--        5 id of the user whose session it is about, or ""  6 metadata, JSON
-- RETURN 1

audit(ARGV[1], ARGV[2], ARGV[3], ARGV[4],
      ARGV[5] ~= '' and redis.call('GET', owner_key(ARGV[5])) or '',
      cjson.decode(ARGV[6]))

return 1
