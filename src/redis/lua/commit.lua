-- commit.lua: the desktop answers; the user's time starts here.
-- ARGV   1 session id  2 epoch
-- RETURN {1, expires_ms} | {-1, state}; asked twice it answers the same

local id, epoch = ARGV[1], ARGV[2]
local key = session_key(id)
local s = redis.call('HMGET', key, 'state', 'epoch', 'initial_s', 'host',
                     'container', 'expires_ms', 'web_port', 'vnc_port',
                     'placed_ms', 'terminal_port', 'ssh_port')

if s[1] == 'ready' and s[2] == epoch then
    return { 1, s[6] }
end

local now = now_ms()
local expires = now + (tonumber(s[3]) or 0) * 1000

local refused = move(id, epoch, 'ready', 'ready_ms', int(now), 'step', 'ready',
                     'message', 'Desktop ready!')
if refused then
    return { -1, refused }
end

expires = set_expiry(id, now, expires)
redis.call('ZREM', prefix .. 'lease', id)
redis.call('HDEL', host_key(s[4] or ''), 'create_fails', 'create_fails_ms',
           'trial_ms')

-- how long a start takes, for estimates: a moving average
local took = now - (tonumber(s[9]) or now)
local pace = tonumber(redis.call('HGET', prefix .. 'pace', 'mean_ms') or took)

redis.call('HSET', prefix .. 'pace', 'mean_ms', int(pace + (took - pace) / 10))
event(id, 'session_created', 'info',
      'remote desktop session created successfully',
      { context = s[4], container_name = s[5], novnc_port = tonumber(s[7]),
        vnc_port = tonumber(s[8]), ttyd_port = tonumber(s[10]),
        ssh_port = tonumber(s[11]) })

return { 1, int(expires) }
