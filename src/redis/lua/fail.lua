-- fail.lua: there will be no desktop.
-- ARGV   1 session id  2 epoch  3 error code  4 sentence for the player
--        5 detail for administrators  6 "1": a container may still be there
-- RETURN {1, epoch} stopping, to be removed | {2} failed, nothing to remove
--        {-1, state}
-- The claim is given up at once, so that the player may try again.

local id, epoch = ARGV[1], ARGV[2]
local key = session_key(id)
local s = redis.call('HMGET', key, 'state', 'epoch')

if not s[1] or s[2] ~= epoch or s[1] == 'ready' or not LIVE[s[1]] then
    return { -1, s[1] or 'none' }
end

count_failure(id, ARGV[3])
redis.call('HSET', key, 'error', ARGV[3], 'detail', ARGV[5])
event(id, 'session_error', 'error', 'failed to create session: ' .. ARGV[4],
      { error = ARGV[3], detail = ARGV[5], context = get(id, 'host') })

local stop = begin_stop(id, 'failed', 'failed', ARGV[4])

if ARGV[6] ~= '1' then
    finish(id, 'failed')
    return { 2 }
end

return { 1, stop[4] }
