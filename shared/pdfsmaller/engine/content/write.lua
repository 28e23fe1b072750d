-- Output: bytes, numbers in their shortest spelling, strings.

local ffi = require "ffi"
local scan = require "scan"
local class, powers = scan.class, scan.powers
local floor = math.floor

local M = {}

local capacity = 65536
local out = ffi.new("uint8_t[?]", capacity)
local size = 0

function M.reset(wanted)
  if wanted > capacity or capacity > 4 * wanted + 1048576 then
    capacity = math.max(wanted, 65536)
    out = ffi.new("uint8_t[?]", capacity)
  end
  size = 0
end

function M.size() return size end
function M.rewind(to) size = to end
function M.text(from) return ffi.string(out + from, size - from) end

-- Take out pieces: the list's first ``count`` numbers are where each begins and ends.
function M.cut(list, count)
  local to = list[1]
  for k = 2, count, 2 do
    local from, stop = list[k], k < count and list[k + 1] or size
    for i = from, stop - 1 do
      out[to] = out[i]
      to = to + 1
    end
  end
  size = to
end

local function room(bytes)
  if size + bytes > capacity then error("larger", 0) end
end

-- White space, where two tokens would run together: what ends with a slash is a name without a letter.
local function part(first)
  if size > 0 and class[first] == 0 and (class[out[size - 1]] == 0 or out[size - 1] == 47) then
    out[size] = 32
    size = size + 1
  end
end

-- Bytes of the source.
function M.copy(p, from, to)
  room(to - from + 1)
  part(p[from])
  ffi.copy(out + size, p + from, to - from)
  size = size + to - from
end

function M.word(text)
  room(#text + 1)
  part(text:byte())
  ffi.copy(out + size, text, #text)
  size = size + #text
end

function M.blank()
  room(1)
  out[size] = 32
  size = size + 1
end

-- A number of the source as it is, without what does not count.
function M.spelled(p, from, to)
  local minus = p[from] == 45
  if minus or p[from] == 43 then from = from + 1 end
  while from < to and p[from] == 48 do from = from + 1 end
  local point = from
  while point < to and p[point] ~= 46 do point = point + 1 end
  if point < to then
    while p[to - 1] == 48 do to = to - 1 end
    if p[to - 1] == 46 then to = to - 1 end
  end
  room(to - from + 3)
  part(48)
  if to <= from then
    out[size] = 48
    size = size + 1
    return
  end
  if minus then
    out[size] = 45
    size = size + 1
  end
  ffi.copy(out + size, p + from, to - from)
  size = size + to - from
end

-- The coarsest grid of 1, 2 or 5 × 10^k that is no coarser than ``step``, as multiple and decimals.
function M.grid(step)
  local decimals = 0
  if not (step < 1e6) then step = 1e6 end
  while step < 1 and decimals < 9 do step, decimals = step * 10, decimals + 1 end
  local multiple = 1
  while step >= 10 do step, multiple = step / 10, multiple * 10 end
  -- Steps are computed: 0.99999999 is 1.
  step = step * 1.000001
  return (step >= 5 and 5 or step >= 2 and 2 or 1) * multiple, decimals
end

-- The point of a grid nearest to a value, as an integer of ``decimals`` decimals.
function M.nearest(value, multiple, decimals)
  return floor(value * powers[decimals] / multiple + 0.5) * multiple
end

local digits = ffi.new("uint8_t[32]")

-- An integer of ``decimals`` decimals.
function M.fixed(integer, decimals)
  room(32)
  part(48)
  if integer < 0 then
    out[size] = 45
    size, integer = size + 1, -integer
  end
  if not (integer < 1e15) then error("number", 0) end
  if integer == 0 then
    out[size] = 48
    size = size + 1
    return
  end
  while decimals > 0 and integer % 10 == 0 do integer, decimals = integer / 10, decimals - 1 end
  local count = 0
  while integer > 0 do
    local rest = floor(integer / 10)
    digits[count] = 48 + integer - rest * 10
    count, integer = count + 1, rest
  end
  while count < decimals do
    digits[count] = 48
    count = count + 1
  end
  for k = count - 1, 0, -1 do
    if k == decimals - 1 then
      out[size] = 46
      size = size + 1
    end
    out[size] = digits[k]
    size = size + 1
  end
end

-- Strings: gathered as bytes, written as one literal ----------------------------------------------------------------

local held_capacity = 4096
local held = ffi.new("uint8_t[?]", held_capacity)
M.held = 0

local function hold(bytes)
  if M.held + bytes > held_capacity then
    local more = ffi.new("uint8_t[?]", (M.held + bytes) * 2)
    ffi.copy(more, held, M.held)
    held, held_capacity = more, (M.held + bytes) * 2
  end
end

local function nibble(c)
  return c <= 57 and c - 48 or c <= 70 and c - 55 or c - 87
end

function M.hold_hex(p, from, to)
  hold(to - from)
  local count, high = M.held, -1
  for i = from + 1, to - 2 do
    local c = p[i]
    if class[c] ~= 1 then
      if high < 0 then
        high = nibble(c)
      else
        held[count] = high * 16 + nibble(c)
        count, high = count + 1, -1
      end
    end
  end
  if high >= 0 then
    held[count] = high * 16
    count = count + 1
  end
  M.held = count
end

-- n r t b f
local ESCAPES = ffi.new("uint8_t[256]")
ESCAPES[110], ESCAPES[114], ESCAPES[116], ESCAPES[98], ESCAPES[102] = 10, 13, 9, 8, 12

function M.hold_literal(p, from, to)
  hold(to - from)
  local count, i = M.held, from + 1
  to = to - 1
  while i < to do
    local c = p[i]
    i = i + 1
    if c == 92 then
      c = p[i]
      i = i + 1
      if ESCAPES[c] ~= 0 then
        held[count] = ESCAPES[c]
        count = count + 1
      elseif c >= 48 and c <= 55 then
        local code, places = c - 48, 1
        while places < 3 and i < to and p[i] >= 48 and p[i] <= 55 do
          code, places, i = code * 8 + p[i] - 48, places + 1, i + 1
        end
        held[count] = code % 256
        count = count + 1
      elseif c == 13 then
        if i < to and p[i] == 10 then i = i + 1 end
      elseif c ~= 10 then
        held[count] = c
        count = count + 1
      end
    elseif c == 13 then
      -- An end of line is one line feed, however it is written.
      if i < to and p[i] == 10 then i = i + 1 end
      held[count] = 10
      count = count + 1
    else
      held[count] = c
      count = count + 1
    end
  end
  M.held = count
end

-- What is held, as a literal string.
function M.literal()
  local count = M.held
  local depth, balanced = 0, true
  for i = 0, count - 1 do
    local c = held[i]
    if c == 40 then
      depth = depth + 1
    elseif c == 41 then
      depth = depth - 1
      if depth < 0 then balanced = false end
    end
  end
  balanced = balanced and depth == 0
  room(2 * count + 2)
  out[size] = 40
  local at = size + 1
  for i = 0, count - 1 do
    local c = held[i]
    if c == 92 or c == 13 or ((c == 40 or c == 41) and not balanced) then
      out[at] = 92
      at = at + 1
      if c == 13 then c = 114 end
    end
    out[at] = c
    at = at + 1
  end
  out[at] = 41
  size = at + 1
  M.held = 0
end

return M
