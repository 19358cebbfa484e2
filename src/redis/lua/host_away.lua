-- host_away.lua: a connection to a host failed.
-- ARGV   1 name
-- RETURN {ms until it is probed, 0: others have said so already}
-- Until a probe has succeeded, or the pause is over, dispatch.lua places
-- nothing there and tick.lua hands out no removals.

return { host_away(ARGV[1]) }
