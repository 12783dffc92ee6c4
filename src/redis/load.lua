#!lua flags=allow-oom
-- A record, the count of the write that made it, the time, and how things stand.
--
-- KEYS: the record, the store's counters. ARGV: the epoch that is known, the highest count seen.
--
-- Not marked as read-only, so that a server that has become a replica refuses it: its record may
-- be an old one.
--@standing.lua
local time = redis.call('TIME')
local stored = redis.call('HMGET', KEYS[1], 'record', 'write')
return {math.floor((time[1] * 1000000 + time[2]) / 1000), stored[1], stored[2],
  standing(KEYS[2], ARGV[1], ARGV[2])}
