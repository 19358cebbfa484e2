-- story.lua: all that is known of one session; never a password.
-- ARGV   1 session id  2 "", or how far history was looked through
-- RETURN {now_ms, {field, value, ...} of its record, {steps as JSON, ...},
--        {its entries of the stream events}, {field, value, ...} of history,
--        "" or ARGV 2 of the call that looks on}
-- The record lives ten minutes after the end; the steps a week, and say when to
-- look for the rest.  Without both all of history is looked through, a piece at
-- a time, so that nobody waits for it.

local HISTORY_LOOK = 2000
local AROUND_MS = 1000          -- of the same script, by the same clock

local id = ARGV[1]
local record, mine, row = {}, {}, {}
local all = redis.call('HGETALL', session_key(id))

for i = 1, #all, 2 do
    if all[i] ~= 'vnc_password' and all[i] ~= 'view_password' then
        record[#record + 1] = all[i]
        record[#record + 1] = all[i + 1]
    end
end

-- a field of a stream entry
local function field(entry, name)
    for i = 1, #entry[2], 2 do
        if entry[2][i] == name then
            return entry[2][i + 1]
        end
    end
end

local steps = redis.call('LRANGE', prefix .. 'story:' .. id, 0, -1)
local first, last = '-', nil

if steps[1] then
    first = int(cjson.decode(steps[1]).ms - AROUND_MS)
    last = cjson.decode(steps[#steps]).ms
end

local rows = last and redis.call('XRANGE', prefix .. 'history',
                                 int(last - AROUND_MS), int(last + AROUND_MS),
                                 'COUNT', HISTORY_LOOK)
             or redis.call('XREVRANGE', prefix .. 'history',
                           ARGV[2] == '' and '+' or '(' .. ARGV[2], '-',
                           'COUNT', HISTORY_LOOK)

for _, entry in ipairs(rows) do
    if field(entry, 'session') == id then
        row = entry[2]
        break
    end
end

local oldest = rows[#rows]

if oldest and not last and #record == 0 and #row == 0 then
    return { int(now_ms()), {}, {}, {}, {}, oldest[1] }
end

for _, entry in ipairs(redis.call('XRANGE', prefix .. 'events', first, '+')) do
    if field(entry, 'session') == id then
        mine[#mine + 1] = entry
    end
end

return { int(now_ms()), record, steps, mine, row, '' }
