-- extend.lua: more time for the live session of a user.
-- ARGV   1 user id
-- RETURN {1, now_ms, expires_ms, used, max} | {0, why}: "none", "not_ready",
--        "expired", "max"
-- ATOMIC compare and set, so that two clicks use two extensions or one is
--        refused

local id = redis.call('GET', owner_key(ARGV[1]))

if not id then
    return { 0, 'none' }
end

local key = session_key(id)
local s = redis.call('HMGET', key, 'state', 'expires_ms', 'extensions_used',
                     'extensions_max', 'extension_s')
local now = now_ms()

if s[1] ~= 'ready' then
    return { 0, LIVE[s[1]] and 'not_ready' or 'none' }
end

local expires, used, max = tonumber(s[2]), tonumber(s[3]), tonumber(s[4])

if expires <= now then
    return { 0, 'expired' }
end

if used >= max then
    return { 0, 'max' }
end

used = used + 1
expires = expires + tonumber(s[5]) * 1000

redis.call('HSET', key, 'extensions_used', used)
set_expiry(id, now, expires)
event(id, 'session_extended', 'info',
      'session extended (' .. used .. '/' .. max .. ' extensions used)',
      { extensions_used = used, max_extensions = max,
        new_duration = math.floor((expires - now) / 1000) })

return { 1, int(now), int(expires), used, max }
