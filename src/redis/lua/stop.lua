-- stop.lua: begin to end a session, whoever wants it to end.
-- ARGV   1 session id, or "" for the live one of the user  2 user id
--        3 reason: user_destroyed admin_killed expired reconciliation drained
--        4 so often at most  5 in so many ms  6 digest of the user's login
-- RETURN {1, id, host, container, epoch} it is stopping, remove the container
--        {2, id} it had no container and has ended
--        {0} there is nothing to end
--        {-2, ms until the next is allowed}
-- ATOMIC only one caller ever gets 1 for a session

local id = ARGV[1]

if id == '' then
    id = redis.call('GET', owner_key(ARGV[2])) or ''

    if not belongs(id, ARGV[2], ARGV[6] or '') then
        return { 0 }
    end
end

local was = get(id, 'state')

if LIVE[was] then
    local wait = rate(ARGV[2], 'destroy', ARGV[4], ARGV[5])

    if wait > 0 then
        return { -2, int(wait) }
    end
end

local stop = begin_stop(id, ARGV[3], was == 'ready' and 'none' or 'cancelled',
                        was == 'ready' and '' or 'creation cancelled by user')

if not stop then
    return { 0 }
end

if stop[2] == '' then
    finish(id, 'ended')
    return { 2, id }
end

return { 1, stop[1], stop[2], stop[3], stop[4] }
