-- host_mode.lua: an administrator opens, cordons or drains a host.
-- ARGV   1 name  2 active | cordoned | draining  3 grace in ms for sessions of
--        a draining host  4 id and  5 name of the administrator
-- RETURN {1, mode before, sessions on the host} | {0} there is no such mode
-- ATOMIC with every placement: none is made on a cordoned host afterwards
--
-- Draining bounds the time of its sessions, also of those not yet ready;
-- opening the host again gives it back.

local EVENTS = {
    active   = { 'host_activated', 'info', 'takes new sessions again' },
    cordoned = { 'host_cordoned', 'warning', 'takes no new sessions' },
    draining = { 'host_draining', 'warning',
                 'takes no new sessions and its sessions end' },
}

local name, mode = ARGV[1], ARGV[2]
local what = EVENTS[mode]

if not what then
    return { 0 }
end

local key = host_key(name)
local was = redis.call('HGET', key, 'mode') or 'active'
local now = now_ms()
local ids = redis.call('SMEMBERS', slots_key(name))

-- draining begins once: a second click must not lengthen anybody's time
if mode ~= was then
    redis.call('HSET', key, 'mode', mode, 'mode_ms', int(now),
               'mode_by', ARGV[5])
    keep(key)
end

for _, id in ipairs(ids) do
    local session = session_key(id)
    local s = redis.call('HMGET', session, 'state', 'expires_ms', 'drain_ms',
                         'undrained_ms')
    local expires

    if mode == 'draining' then
        if LIVE[s[1]] and not s[3] then
            redis.call('HSET', session, 'drain_ms',
                       int(now + tonumber(ARGV[3])))
            expires = s[1] == 'ready' and tonumber(s[2])
        end

    elseif LIVE[s[1]] then
        expires = s[1] == 'ready' and tonumber(s[4])
        redis.call('HDEL', session, 'drain_ms', 'drained', 'undrained_ms')
    end

    if expires then
        set_expiry(id, now, expires)
    end
end

if mode ~= was then
    event('', what[1], what[2], 'host ' .. name .. ' ' .. what[3],
          { context_name = name, mode = mode, sessions = #ids,
            admin_id = tonumber(ARGV[4]), admin_name = ARGV[5],
            grace = mode == 'draining' and tonumber(ARGV[3]) / 1000 or nil })
end

return { 1, was, #ids }
