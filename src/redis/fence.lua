#!lua
-- What is done to the fence: begin, pause, resume, suspect.
--
-- KEYS: the store's counters.
-- ARGV: the deed, the epoch that the asking process knows, the highest count it had seen, and what
--       the deed needs.
--@standing.lua
local counters, deed = KEYS[1], ARGV[1]
local outcome = ''

local function pause(starts, confirms, reason)
  if starts and not redis.call('HGET', counters, 'starts') then
    redis.call('HSET', counters, 'starts', reason)
  end
  if confirms and not redis.call('HGET', counters, 'confirms') then
    redis.call('HSET', counters, 'confirms', reason)
  end
end

if deed == 'begin' then
  -- A new epoch, whether the bus has seen the store in use, and why it is paused then.
  local epoch, was_used, reason = ARGV[4], ARGV[5] == '1', ARGV[6]
  if not redis.call('HGET', counters, 'epoch') then
    if was_used then
      pause(true, true, reason)
      redis.call('HSET', counters, 'lost:', '1', 'has_lost', '1')
    else
      redis.call('HSET', counters, 'epoch', epoch)
    end
  end
elseif deed == 'pause' then
  pause(ARGV[4] == '1', ARGV[5] == '1', ARGV[6])
elseif deed == 'resume' then
  local starts, confirms, epoch = ARGV[4] == '1', ARGV[5] == '1', ARGV[6]
  local old = redis.call('HGET', counters, 'epoch')
  local was_lost = false
  for _, field in ipairs(redis.call('HKEYS', counters)) do
    if string.sub(field, 1, 5) == 'lost:' then
      was_lost = true
      redis.call('HSET', counters, 'superseded:' .. string.sub(field, 6), '1')
      redis.call('HDEL', counters, field)
    end
  end
  if was_lost then
    if old then redis.call('HSET', counters, 'superseded:' .. old, '1') end
    redis.call('HSET', counters, 'epoch', epoch, 'resumed', '1')
  end
  if starts then redis.call('HDEL', counters, 'starts') end
  if confirms then redis.call('HDEL', counters, 'confirms') end
elseif deed == 'suspect' then
  -- The ticket's epoch, or '', and why it is suspicious.
  local ticket, reason = ARGV[4], ARGV[5]
  local epoch = redis.call('HGET', counters, 'epoch') or ''
  -- Only what was looked into: a store may also go back behind a resume.
  local is_known = redis.call('HGET', counters, 'superseded:' .. ticket)
  if ticket == '' then is_known = redis.call('HGET', counters, 'resumed') end
  if ticket ~= epoch and is_known then
    outcome = 'known'
  else
    pause(true, true, reason)
    redis.call('HSET', counters, 'lost:' .. (ticket == '' and epoch or ticket), '1', 'has_lost', '1')
    outcome = 'paused'
  end
end
redis.call('HINCRBY', counters, 'writes', 1)
return {outcome, standing(counters, ARGV[2], ARGV[3])}
