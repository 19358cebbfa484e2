-- host_full.lua: the engine of a host has said that its disk is full.
-- ARGV   1 name  2 error code  3 detail for administrators
-- RETURN {1} | {0} it is down already
-- No probe can see a disk, so the host comes back by itself, with the pauses
-- of host_seen.lua, and the next desktop is the question.

local PAUSE_MS, PAUSE_MS_MAX = 30000, 120000

local key = host_key(ARGV[1])
local h = redis.call('HMGET', key, 'health', 'disk_pause_ms', 'disk_ms')

if h[1] == 'down' then
    return { 0 }
end

-- full again soon after it came back: a longer pause
local now = now_ms()
local pause = PAUSE_MS

if h[3] and now - tonumber(h[3]) < 4 * PAUSE_MS_MAX then
    pause = math.min(tonumber(h[2]) * 2, PAUSE_MS_MAX)
end

host_health(ARGV[1], 'down', 'disk')
redis.call('HINCRBY', key, 'probe', 1)
redis.call('HSET', key, 'error', ARGV[2], 'detail', ARGV[3],
           'disk_ms', int(now), 'disk_pause_ms', int(pause),
           'fails', '1', 'failed_ms', int(now), 'pause_ms', '0',
           'next_ms', int(now + pause))

return { 1 }
