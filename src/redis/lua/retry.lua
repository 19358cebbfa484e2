-- retry.lua: this host failed; back to the queue, and to another one.
-- ARGV   1 session id  2 epoch  3 error code  4 detail for administrators
-- RETURN {1, epoch} | {-1, state}
-- The slot is given back and the host is not asked again for this session.

local id, epoch = ARGV[1], ARGV[2]
local key = session_key(id)
local host, tried = get(id, 'host'), get(id, 'tried')

local refused = move(id, epoch, 'queued', 'error', ARGV[3], 'detail', ARGV[4],
                     'step', 'selecting_host',
                     'message', 'Requesting another server...')
if refused then
    return { -1, refused }
end

release_slot(id)
redis.call('HSET', key, 'tried', tried == '' and host or tried .. ',' .. host,
           'host', '', 'container', '')

return { 1, int(redis.call('HINCRBY', key, 'epoch', 1)) }
