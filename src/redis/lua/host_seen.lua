-- host_seen.lua: what a probe saw of a host.
-- ARGV   1 name  2 number of the probe  3 what is wrong: "" nothing,
--        unreachable daemon no_image too_small  4 error code  5 detail for
--        administrators  6 ms between probes  7 memory of the host in bytes
--        8 its processors * 10^9  9 of a host that is too small: what a
--        desktop needs  10 what the host has, both in words; else ""
-- RETURN {1, health, health before, reason before} | {0} a later probe has been
--        begun
--
-- up -> suspect at the first failure, down at the third or after 60 s.  A
-- host that was never up, one without the image, and one that is too small for
-- a desktop is down at once.  One
-- that is down is asked with pauses of 5 s doubling to 2 min, and a single
-- good answer brings it back.  Of a host that somebody needs (host_away.lua)
-- the pauses are those of its back-off instead.

local SUSPECT_FAILS, SUSPECT_MS = 3, 60000
local PAUSE_MS, PAUSE_MS_MAX = 5000, 120000

local name, reason = ARGV[1], ARGV[3]
local key = host_key(name)
local h = redis.call('HMGET', key, 'probe', 'health', 'fails', 'failed_ms',
                     'pause_ms', 'reason', 'away', 'away_until_ms')

if h[1] ~= ARGV[2] then
    return { 0 }
end

local now, interval = now_ms(), tonumber(ARGV[6])
local was = h[2] or 'unknown'

redis.call('HSET', key, 'checked_ms', int(now), 'unanswered', '0',
           'error', ARGV[4], 'detail', ARGV[5], 'needs', ARGV[9],
           'has', ARGV[10])

if reason ~= 'unreachable' and reason ~= 'daemon' and ARGV[7] ~= '0' then
    redis.call('HSET', key, 'memory_bytes', ARGV[7], 'nano_cpus', ARGV[8])
end

if reason == '' then
    host_health(name, 'up', '')
    redis.call('HSET', key, 'fails', '0', 'failed_ms', '0', 'pause_ms', '0',
               'next_ms', int(now + interval), 'away_until_ms', '0',
               'away', math.floor((tonumber(h[7]) or 0) / 2))

    return { 1, 'up', was, h[6] or '' }
end

local fails = tonumber(h[3] or 0) + 1
local since = fails > 1 and tonumber(h[4]) or now
local health, pause = 'suspect', 0

if reason == 'no_image' or reason == 'too_small'
   or fails >= SUSPECT_FAILS or now - since >= SUSPECT_MS
   or was == 'unknown' or was == 'down'
then
    health = 'down'
    pause = tonumber(h[5] or 0) * 2
    pause = math.min(math.max(pause, PAUSE_MS), PAUSE_MS_MAX)
end

host_health(name, health, reason)
redis.call('HSET', key, 'fails', fails, 'failed_ms', int(since),
           'pause_ms', int(pause), 'next_ms',
           int(now + (health == 'down' and pause
                      or math.min(interval, PAUSE_MS))))

-- somebody waits for this host: one back-off for all who knock

if (reason == 'unreachable' or reason == 'daemon')
   and (tonumber(h[8]) or 0) > 0
then
    redis.call('HSET', key, 'next_ms', '0')
    host_away(name)
end

return { 1, health, was, h[6] or '' }
