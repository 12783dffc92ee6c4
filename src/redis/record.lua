#!lua
-- One write of a payout, whole or not at all.
--
-- KEYS: the record, its session (or the record again), the store's counters, the unsettled, the
--       expiring, those that need a person, and one index for each state, named after it.
-- ARGV: payout id, expected version, new version, record, state, whether it needs a person,
--       next look (ms; empty once settled), whether it has a session, retention (ms), the epoch
--       that is known, the highest count seen.
--
-- What can fail for a reason of the data is read first; the record itself is written only after
-- its indexes, so that a write that breaks off leaves no record that cannot be found.
--@standing.lua
local record_key, session_key, counters, unsettled, expiring, attention =
  KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local id, expected, version, record, state, needs_person, look, bound, retention =
  ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6] == '1', ARGV[7], ARGV[8] == '1', ARGV[9]
local FIRST_STATE = 7
local TRIMMED_MAX = 4

local stands = function() return standing(counters, ARGV[10], ARGV[11]) end

local time = redis.call('TIME')
local micros = time[1] * 1000000 + time[2]
local millis = math.floor(micros / 1000)

local function text(number)
  return string.format('%.0f', number)
end

local function index_of(name)
  for at = FIRST_STATE, #KEYS do
    if string.sub(KEYS[at], -#name - 1) == ':' .. name then return KEYS[at] end
  end
end

local function leave_states(member)
  for at = FIRST_STATE, #KEYS do redis.call('ZREM', KEYS[at], member) end
end

local stored = redis.call('HMGET', record_key, 'version', 'record', 'state', 'number')
local stored_version, stored_record, stored_state, number = unpack(stored)

-- The record holds its version and its writer's id: the same text is the same write again. It
-- counts as a write all the same, for whoever waits for replicas next.
if stored_record == record then
  local count = redis.call('HINCRBY', counters, 'writes', 1)
  return {'written', millis, count, stands()}
end
if (stored_version or '0') ~= expected then return {'conflict', millis, 0, stands()} end
if bound then
  local owner = redis.call('GET', session_key)
  if owner and owner ~= id then return {'session-taken', millis, 0, stands()} end
  if not owner then redis.call('SET', session_key, id) end
end

if not number then
  -- What an expired record of the same id may have left in the indexes.
  if redis.call('ZREM', expiring, id) == 1 then leave_states(id) end
  local newest = tonumber(redis.call('HGET', counters, 'newest') or '0')
  number = text(math.max(micros, newest + 1))
  redis.call('HSET', counters, 'newest', number)
end
if stored_state and stored_state ~= state then
  local left = index_of(stored_state)
  if left then redis.call('ZREM', left, id) end
end
redis.call('ZADD', index_of(state), number, id)
if needs_person then
  redis.call('ZADD', attention, number, id)
else
  redis.call('ZREM', attention, id)
end
if look ~= '' then
  redis.call('ZADD', unsettled, look, id)
else
  redis.call('ZREM', unsettled, id)
end

local count = redis.call('HINCRBY', counters, 'writes', 1)
redis.call('HSET', record_key, 'version', version, 'record', record, 'state', state,
  'number', number, 'write', count)

-- Counted from the write after which nothing was left to do.
if look == '' and not needs_person then
  local ends = redis.call('ZSCORE', expiring, id)
  if not ends then
    ends = millis + retention
    redis.call('ZADD', expiring, text(ends), id)
  end
  redis.call('PEXPIREAT', record_key, text(tonumber(ends)))
  if bound then redis.call('PEXPIREAT', session_key, text(tonumber(ends))) end
elseif redis.call('ZREM', expiring, id) == 1 then
  redis.call('PERSIST', record_key)
  if bound then redis.call('PERSIST', session_key) end
end

local gone = redis.call('ZRANGE', expiring, '-inf', '(' .. text(millis), 'BYSCORE',
  'LIMIT', 0, TRIMMED_MAX)
for _, member in ipairs(gone) do
  redis.call('ZREM', expiring, member)
  leave_states(member)
end
return {'written', millis, count, stands()}
