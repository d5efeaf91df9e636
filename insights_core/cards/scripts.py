"""What must happen in Redis whole or not at all, as Lua: queueing an event, beginning with it, and ending it.

Each can be run a second time, because an answer may be lost on its way after Redis has done the work. None writes a
card that is explained already, and an entry that was ended once is not ended again.
"""

from __future__ import annotations

from insights_core.cards import keys

_STATUS = """
local function status(card)
  local text = redis.call('GET', card)
  return text and cjson.decode(text).status or nil
end
"""

# Takes what is pruned off the timeline away with everything that points to it.
_SHOW = f"""
local function show(cards, timeline, agents, id, text, at)
  redis.call('SET', cards .. id, text, 'EX', {keys.LIFE_S})
  redis.call('ZADD', timeline, at, id)
  local over = redis.call('ZCARD', timeline) - {keys.TIMELINE}
  if over <= 0 then return end
  for _, gone in ipairs(redis.call('ZRANGE', timeline, 0, over - 1)) do
    local old = redis.call('GET', cards .. gone)
    if old then
      redis.call('LREM', agents .. cjson.decode(old).event.agent_id, 0, gone)
      redis.call('DEL', cards .. gone)
    end
  end
  redis.call('ZREMRANGEBYRANK', timeline, 0, over - 1)
end
"""

QUEUE = (
    _STATUS
    + _SHOW
    + """
local stream, timeline, counts, tenants = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local cards, agents, id, event, card, at, tenant, seen_at, most = unpack(ARGV)
local now = status(cards .. id)
if now == 'waiting' or now == 'explained' then return 'known' end
if redis.call('XLEN', stream) >= tonumber(most) then
  redis.call('HINCRBY', counts, 'dropped:full', 1)
  return 'full'
end
redis.call('XADD', stream, '*', 'event', event)
show(cards, timeline, agents, id, card, at)
redis.call('ZADD', tenants, seen_at, tenant)
redis.call('HINCRBY', counts, 'version', 1)
return 'queued'
"""
)
"""-> queued, known (it waits or is explained already) or full (dropped, and counted)."""

BEGIN = (
    _STATUS
    + f"""
local stream, attempts, rate = KEYS[1], KEYS[2], KEYS[3]
local cards, list, id, entry, limit, most, recent = unpack(ARGV)
if status(cards .. id) == 'explained' then
  redis.call('XACK', stream, '{keys.GROUP}', entry)
  redis.call('XDEL', stream, entry)
  redis.call('HDEL', attempts, id)
  return {{'done', 0}}
end
local used = tonumber(redis.call('GET', rate) or '0')
if used >= tonumber(limit) then return {{'limited', 0}} end
local attempt = redis.call('HINCRBY', attempts, id, 1)
if attempt > tonumber(most) then return {{'spent', attempt}} end
if redis.call('INCR', rate) == 1 then redis.call('EXPIRE', rate, {keys.WINDOW_S}) end
local found = {{'explain', attempt}}
for _, other in ipairs(redis.call('LRANGE', list, 0, tonumber(recent))) do
  local text = other ~= id and redis.call('GET', cards .. other)
  if text then found[#found + 1] = text end
end
return found
"""
)
"""-> done, limited, spent (it was begun too often, which only crashes do) or explain; the attempt; the agent's last cards."""

END = (
    _STATUS
    + _SHOW
    + f"""
local stream, timeline, attempts, counts, dead = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local cards, agents, id, agent, card, at, entry, result, event, reason, tries, bucket, seconds = unpack(ARGV)
local ours = redis.call('XACK', stream, '{keys.GROUP}', entry) == 1
redis.call('XDEL', stream, entry)
local now = status(cards .. id)
if now == 'explained' or (now and not ours) then return 0 end
redis.call('HDEL', attempts, id)
local list = agents .. agent
redis.call('LREM', list, 0, id)
redis.call('LPUSH', list, id)
redis.call('LTRIM', list, 0, {keys.PER_AGENT - 1})
redis.call('EXPIRE', list, {keys.LIFE_S})
show(cards, timeline, agents, id, card, at)
redis.call('HINCRBY', counts, 'consumed:' .. result, 1)
redis.call('HINCRBY', counts, 'version', 1)
if result == 'failed' then
  redis.call('XADD', dead, 'MAXLEN', '{keys.DEAD}', '*', 'event', event, 'reason', reason, 'attempts', tries)
end
if bucket ~= '' then
  redis.call('HINCRBY', counts, 'latency:' .. bucket, 1)
  redis.call('HINCRBYFLOAT', counts, 'latency:sum', seconds)
end
return 1
"""
)
"""-> 1 where this was the end of the event, 0 where somebody else ended it before."""

FORGET = f"""
if #redis.call('XPENDING', KEYS[1], '{keys.GROUP}', '-', '+', 1, ARGV[1]) > 0 then return 0 end
return redis.call('XGROUP', 'DELCONSUMER', KEYS[1], '{keys.GROUP}', ARGV[1]) + 1
"""
"""Take a worker out of the group, unless it holds something: that would be lost with it."""
