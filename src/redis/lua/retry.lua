-- retry.lua: this host failed; back to the queue, and to another one.
-- ARGV   1 session id  2 epoch  3 error code  4 detail for administrators
--        5 attempts at most  6 how many hosts there are
--        7 "1": the host has said that it takes nothing now (host_full.lua);
--        the session waits as if it had not been placed; "2": the host was
--        not reached, so this try does not count either, and its back-off
--        begins
-- RETURN {1} it waits again, at its old place | {0} every try is used up
--        {-1, state}
-- The slot is given back and the host is not asked again for this session.
-- Attempts that fail fast are not limited in number, but in time, so that one
-- good host among many bad ones is found.

local FAST_MS = 20000           -- spent on failed attempts, all together

local id, epoch, full = ARGV[1], ARGV[2], ARGV[7] == '1'
local unreached = ARGV[7] == '2'
local key = session_key(id)
local s = redis.call('HMGET', key, 'host', 'tried', 'attempts', 'seq', 'state',
                     'epoch', 'given_up', 'spent_ms', 'placed_ms')
local host, tried = s[1] or '', s[2] or ''

if s[5] == 'queued' and s[7] == epoch then
    return { 1 }
end

local now = now_ms()
local spent = (tonumber(s[8]) or 0) + now - (tonumber(s[9]) or now)
local _, names = string.gsub(tried, '[^,]+', '')

if s[6] == epoch and not full and not unreached
   and ((tonumber(s[3]) >= tonumber(ARGV[5]) and spent >= FAST_MS)
        or names + 1 >= tonumber(ARGV[6]))
then
    return { 0 }
end

local refused = move(id, epoch, 'queued', 'error', ARGV[3], 'detail', ARGV[4],
                     'step', (full or unreached) and 'queued'
                             or 'selecting_host',
                     'message', (full or unreached) and 'Queued...'
                                or 'Requesting another server...')
if refused then
    return { -1, refused }
end

if full then
    redis.call('HINCRBY', key, 'attempts', -1)
elseif unreached then
    redis.call('HINCRBY', key, 'attempts', -1)
    count_failure(id, ARGV[3])
    host_away(host)
else
    count_failure(id, ARGV[3])
    redis.call('HSET', key, 'spent_ms', int(spent),
               'tried', tried == '' and host or tried .. ',' .. host)
end

release_slot(id)
raise_epoch(id)
redis.call('HSET', key, 'given_up', epoch, 'host', '', 'container', '')
enqueue(id, s[4])
event(id, 'session_error', 'warning',
      full and 'waiting for another host'
      or unreached and 'the host was not reached, waiting'
      or 'trying another host',
      { error = ARGV[3], detail = ARGV[4], context = host })

return { 1 }
