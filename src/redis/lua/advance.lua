-- advance.lua: the container runs; now its desktop has to answer.
-- ARGV   1 session id  2 epoch  3 container id  4 address nginx reaches it at
--        5 port of its web endpoint  6 port of its VNC endpoint
--        7 port of its terminal  8 port of its sshd; 0: not offered
--        9 name of its host, as a player types it
-- RETURN {1} | {-1, state}; asked twice it answers the same

local id, epoch = ARGV[1], ARGV[2]
local s = redis.call('HMGET', session_key(id), 'state', 'epoch', 'host')

if s[1] == 'starting' and s[2] == epoch then
    return { 1 }
end

local refused = move(id, epoch, 'starting', 'container_id', ARGV[3],
                     'address', ARGV[4], 'web_port', ARGV[5],
                     'vnc_port', ARGV[6], 'terminal_port', ARGV[7],
                     'ssh_port', ARGV[8], 'public_host', ARGV[9],
                     'step', 'waiting_vnc', 'message',
                     'Waiting for ' .. (s[3] or '') .. ' display server...')

if refused then
    return { -1, refused }
end

release_create(id, s[3] or '')

return { 1 }
