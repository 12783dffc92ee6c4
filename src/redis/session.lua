#!lua flags=allow-oom
-- Whose a session is, the time, and how things stand.
--
-- KEYS: the session, the store's counters. ARGV: the epoch that is known, the highest count seen.
--
-- Not marked as read-only, as load.lua.
--@standing.lua
local time = redis.call('TIME')
local owner = redis.call('GET', KEYS[1])
return {math.floor((time[1] * 1000000 + time[2]) / 1000), owner,
  standing(KEYS[2], ARGV[1], ARGV[2])}
