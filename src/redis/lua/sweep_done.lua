-- sweep_done.lua: a sweep of a host is over.
-- ARGV   1 host  2 number of the sweep  3 error code, "" when it went well
--        4 detail for administrators  5 sessions it has ended
--        6 history is kept for so many ms
--        7 containers removed
--        then of the first of them: name, age in s
-- RETURN {1} | {0} a later sweep has been begun; what was removed is told

local host = ARGV[1]
local key = sweep_key(host)
local now = now_ms()
local removed = tonumber(ARGV[7])
local more = removed - (#ARGV - 7) / 2

for i = 8, #ARGV, 2 do
    event('', 'orphan_reaped', 'warning',
          'reaped orphan container ' .. ARGV[i] .. ' on ' .. host,
          { context = host, container_name = ARGV[i],
            age_seconds = tonumber(ARGV[i + 1]) })
end

if more > 0 then
    event('', 'orphan_reaped', 'warning',
          'reaped ' .. more .. ' more orphan containers on ' .. host,
          { context = host, more = more })
end

redis.call('XTRIM', prefix .. 'history', 'MINID',
           int(now - tonumber(ARGV[6])))

local s = redis.call('HMGET', key, 'number', 'began_ms')

if s[1] ~= ARGV[2] then
    return { 0 }
end

redis.call('HSET', key, 'error', ARGV[3], 'detail', ARGV[4],
           'removed', removed, 'ended', ARGV[5],
           'took_ms', int(now - tonumber(s[2])))

if ARGV[3] == '' then
    redis.call('HSET', key, 'last_ok_ms', int(now))
end

return { 1 }
