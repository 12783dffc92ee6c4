#!lua flags=no-writes
-- The newest payouts of some indexes together, older than a bound: each its id and its number.
--
-- KEYS: the indexes. ARGV: the bound, how many at most.
local found = {}
for _, key in ipairs(KEYS) do
  local page = redis.call('ZRANGE', key, ARGV[1], '-inf', 'BYSCORE', 'REV',
    'LIMIT', 0, ARGV[2], 'WITHSCORES')
  for at = 1, #page, 2 do
    found[#found + 1] = {page[at], tonumber(page[at + 1])}
  end
end
table.sort(found, function(a, b) return a[2] > b[2] end)
local answer = {}
for at = 1, math.min(#found, tonumber(ARGV[2])) do
  answer[at] = {found[at][1], string.format('%.0f', found[at][2])}
end
return answer
