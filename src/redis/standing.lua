-- How things stand, and whether the store has lost something: whoever asks says which epoch it
-- knows ('' for none) and the highest count of writes it had seen before. If the store knows less,
-- starts and confirms are paused with this answer.
local function standing(counters, known, seen)
  local found = redis.call('HMGET', counters, 'epoch', 'writes', 'superseded:' .. known)
  local epoch, writes, is_superseded = found[1] or '', found[2] or '0', found[3]
  local lost = known ~= '' and not is_superseded
    and (known ~= epoch or tonumber(writes) < tonumber(seen))
  if lost and not redis.call('HGET', counters, 'lost:' .. known) then
    local reason = '@LOST'
    if not redis.call('HGET', counters, 'starts') then
      redis.call('HSET', counters, 'starts', reason)
    end
    if not redis.call('HGET', counters, 'confirms') then
      redis.call('HSET', counters, 'confirms', reason)
    end
    redis.call('HSET', counters, 'lost:' .. known, '1', 'has_lost', '1')
  end
  -- The version before kept no has_lost.
  local told = redis.call('HMGET', counters, 'starts', 'confirms',
    'has_lost', 'resumed', 'lost:' .. epoch)
  local has_lost = told[3] or told[4] or told[5] or ''
  return {epoch, tonumber(writes), told[1] or '', told[2] or '', has_lost}
end
