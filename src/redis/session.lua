#!lua flags=allow-oom
-- Whose a session is, and the time.
--
-- KEYS: the session.
--
-- Not marked as read-only, as load.lua.
local time = redis.call('TIME')
local owner = redis.call('GET', KEYS[1])
return {math.floor((time[1] * 1000000 + time[2]) / 1000), owner}
