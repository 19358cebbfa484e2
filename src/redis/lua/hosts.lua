-- hosts.lua: what is known of hosts, for administrators.
-- ARGV   names
-- RETURN per name {sessions on it, {field, value, ...} of its record}

local out = {}

for i, name in ipairs(ARGV) do
    out[i] = { redis.call('SCARD', slots_key(name)),
               redis.call('HGETALL', host_key(name)) }
end

return out
