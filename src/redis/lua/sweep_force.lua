-- sweep_force.lua: a gate could not connect to a desktop, so its host is swept
-- soon.
-- ARGV   1 owner of the session  2 ms between two sweeps of a host at least
--        3 ms for which a session forces no second one
-- RETURN ms until the host's sweep is due, or -1: nothing is forced
-- ATOMIC of all gates that see the same host, the first one moves its sweep
--
-- A visitor decides how often a gate is tried, so neither their session nor
-- their host lets them sweep without a pause: a sweep that takes longer than
-- half of it doubles the pause of its host.

local id = redis.call('GET', owner_key(ARGV[1]))

if not id then
    return -1
end

local s = redis.call('HMGET', session_key(id), 'state', 'host')

if s[1] ~= 'ready' or (s[2] or '') == ''
   or not redis.call('SET', prefix .. 'forced:' .. id, '1', 'NX', 'PX', ARGV[3])
then
    return -1
end

local key = sweep_key(s[2])
local w = redis.call('HMGET', key, 'began_ms', 'took_ms', 'next_ms')
local now = now_ms()
local pause = math.max(tonumber(ARGV[2]), 2 * (tonumber(w[2]) or 0))
local due = math.max(now, (tonumber(w[1]) or 0) + pause)

if due < (tonumber(w[3]) or 0) then
    redis.call('HSET', key, 'next_ms', int(due))
    keep(key)
end

return math.max(0, math.min(due, tonumber(w[3]) or now) - now)
