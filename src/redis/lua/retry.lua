-- retry.lua: this host failed; back to the queue, and to another one.
-- ARGV   1 session id  2 epoch  3 error code  4 detail for administrators
--        5 attempts at most  6 how many hosts there are
-- RETURN {1} it waits again, at its old place | {0} every try is used up
--        {-1, state}
-- The slot is given back and the host is not asked again for this session.

local id, epoch = ARGV[1], ARGV[2]
local key = session_key(id)
local s = redis.call('HMGET', key, 'host', 'tried', 'attempts', 'seq', 'state',
                     'epoch', 'given_up')
local host, tried = s[1] or '', s[2] or ''

if s[5] == 'queued' and s[7] == epoch then
    return { 1 }
end

local _, names = string.gsub(tried, '[^,]+', '')

if s[6] == epoch and (tonumber(s[3]) >= tonumber(ARGV[5])
                      or names + 1 >= tonumber(ARGV[6]))
then
    return { 0 }
end

local refused = move(id, epoch, 'queued', 'error', ARGV[3], 'detail', ARGV[4],
                     'step', 'selecting_host',
                     'message', 'Requesting another server...')
if refused then
    return { -1, refused }
end

release_slot(id)
raise_epoch(id)
redis.call('HSET', key, 'given_up', epoch, 'host', '', 'container', '',
           'tried', tried == '' and host or tried .. ',' .. host)
enqueue(id, s[4])
event(id, 'session_error', 'warning', 'trying another host',
      { error = ARGV[3], detail = ARGV[4], context = host })

return { 1 }
