-- switch.lua: may players start desktops, and go into those they have?  The
--        master switch of the site.
-- ARGV   1 id and  2 name of the administrator  3 "on" | "off"
-- RETURN {1}; running desktops go on unseen (kill-all ends them)

if ARGV[3] == 'off' then
    redis.call('SET', prefix .. 'switch', 'off')
else
    redis.call('DEL', prefix .. 'switch')
end

audit(ARGV[1], ARGV[2], 'warning', 'switched desktops ' .. ARGV[3], '',
      { action = 'switch', enabled = ARGV[3] == 'on' })

return { 1 }
