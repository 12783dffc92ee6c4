#!lua flags=no-writes
-- Payouts whose look has been due for longer than so many milliseconds, longest overdue first.
--
-- KEYS: the unsettled. ARGV: how long (ms), how many at most.
local time = redis.call('TIME')
local before = math.floor((time[1] * 1000000 + time[2]) / 1000) - ARGV[1]
return redis.call('ZRANGE', KEYS[1], '-inf', '(' .. string.format('%.0f', before), 'BYSCORE',
  'LIMIT', 0, ARGV[2])
