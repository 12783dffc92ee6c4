#!lua
-- Every command that the other scripts use, on keys that nobody reads: a user who may not call one
-- of them, and a server that takes no writes, are found out before a payout depends on it.
--
-- KEYS: a hash, a string, a sorted set.
local hash, string_key, sorted = KEYS[1], KEYS[2], KEYS[3]
redis.call('TIME')
redis.call('HSET', hash, 'field', '1')
redis.call('HGET', hash, 'field')
redis.call('HMGET', hash, 'field')
redis.call('HINCRBY', hash, 'field', 1)
redis.call('HKEYS', hash)
redis.call('HDEL', hash, 'other')
redis.call('PERSIST', hash)
redis.call('SET', string_key, '1')
redis.call('GET', string_key)
redis.call('ZADD', sorted, 1, 'member')
redis.call('ZSCORE', sorted, 'member')
redis.call('ZRANGE', sorted, '-inf', '+inf', 'BYSCORE', 'LIMIT', 0, 1)
redis.call('ZREM', sorted, 'member')
local time = redis.call('TIME')
redis.call('PEXPIREAT', hash, string.format('%.0f', time[1] * 1000 + 60000))
redis.call('PEXPIREAT', string_key, string.format('%.0f', time[1] * 1000 + 60000))
return 1
