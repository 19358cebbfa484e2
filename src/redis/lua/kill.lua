-- kill.lua: an administrator ends a session.
-- ARGV   1 session id, or "" for the live one of the user  2 user id
--        3 id and  4 name of the administrator  5 "1": an event of its own
-- RETURN as stop.lua
-- ATOMIC only one caller ever gets 1 for a session, and only he is told of

local id = ARGV[1]

if id == '' then
    id = redis.call('GET', owner_key(ARGV[2])) or ''
end

local was = get(id, 'state')

if not LIVE[was] then
    return { 0 }
end

if ARGV[5] == '1' then
    audit(ARGV[3], ARGV[4], 'warning', 'manually killed session for', id,
          { action = 'kill' })
end

local stop = begin_stop(id, 'admin_killed',
                        was == 'ready' and 'none' or 'cancelled',
                        was == 'ready' and '' or 'ended by an administrator')

if stop[2] == '' then
    finish(id, 'ended')
    return { 2, id }
end

return { 1, stop[1], stop[2], stop[3], stop[4] }
