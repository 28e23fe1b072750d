-- Rows of samples as PNG predicts them (ISO 15948, chapter 9). Run by LuaJIT: a loop over every byte.
--
-- The chunk is a function: predict(samples, row, pixel, way, seconds)
--   samples   rows of `row` bytes each, without gaps; a string
--   pixel     bytes from a sample to the same one of the pixel before; 1 where a pixel takes less
--   way       "sub", "up", "avg" or "paeth" for all rows; "all" for the one of these, or none, that gives a row the
--             smallest sum of bytes as numbers around 0, as libpng chooses; "each" for all five of them
--   seconds   of processor time it may take (where machine code may not be made, LuaJIT is twenty times slower)
-- It returns the rows, each with the byte before it that says how it is predicted; for "each" five results, in the order
-- above. The first row is predicted from one of zeros. Otherwise nil and why: "size" (the string is no whole number of
-- rows) or "slow".

local ffi = require("ffi")
local bit = require("bit")
local band, bxor, rshift, arshift, tobit = bit.band, bit.bxor, bit.rshift, bit.arshift, bit.tobit

local NUMBERS = { sub = 1, up = 2, avg = 3, paeth = 4 }
-- Rows between two looks at the clock.
local CLOCK_ROWS = 64

-- What a byte is as a number around 0, without its sign.
local away = ffi.new("uint8_t[256]")
for byte = 0, 255 do away[byte] = byte < 128 and byte or 256 - byte end

local function sum(line, row)
  local total = 0
  for i = 0, row - 1 do total = tobit(total + away[line[i]]) end
  return total
end

-- Each of these writes a row as predicted and returns the sum of its bytes as numbers around 0. (Bit operations keep
-- numbers whole: LuaJIT then calculates without conversions. A branch that follows the picture is guessed wrongly.)

local function sub(line, _, to, row, pixel)
  local total = 0
  for i = 0, pixel - 1 do
    to[i] = line[i]
    total = tobit(total + away[line[i]])
  end
  for i = pixel, row - 1 do
    local value = band(line[i] - line[i - pixel], 255)
    to[i] = value
    total = tobit(total + away[value])
  end
  return total
end

local function up(line, above, to, row)
  local total = 0
  for i = 0, row - 1 do
    local value = band(line[i] - above[i], 255)
    to[i] = value
    total = tobit(total + away[value])
  end
  return total
end

local function avg(line, above, to, row, pixel)
  local total = 0
  for i = 0, pixel - 1 do
    local value = band(line[i] - rshift(above[i], 1), 255)
    to[i] = value
    total = tobit(total + away[value])
  end
  for i = pixel, row - 1 do
    local value = band(line[i] - rshift(line[i - pixel] + above[i], 1), 255)
    to[i] = value
    total = tobit(total + away[value])
  end
  return total
end

local function paeth(line, above, to, row, pixel)
  local total = 0
  for i = 0, pixel - 1 do
    local value = band(line[i] - above[i], 255)
    to[i] = value
    total = tobit(total + away[value])
  end
  for i = pixel, row - 1 do
    local left, over, corner = line[i - pixel], above[i], above[i - pixel]
    -- How far from left + over - corner each of them is.
    local p, q = tobit(over - corner), tobit(left - corner)
    local r = tobit(p + q)
    local from_left = tobit(bxor(p, arshift(p, 31)) - arshift(p, 31))
    local from_over = tobit(bxor(q, arshift(q, 31)) - arshift(q, 31))
    local from_corner = tobit(bxor(r, arshift(r, 31)) - arshift(r, 31))
    -- All bits set where the second is nearer than the first, and then where the third is nearer than both.
    local second = arshift(from_over - from_left, 31)
    local nearest = bxor(left, band(bxor(left, over), second))
    local least = bxor(from_left, band(bxor(from_left, from_over), second))
    nearest = bxor(nearest, band(bxor(nearest, corner), arshift(from_corner - least, 31)))
    local value = band(line[i] - nearest, 255)
    to[i] = value
    total = tobit(total + away[value])
  end
  return total
end

local PREDICT = { sub, up, avg, paeth }

return function(samples, row, pixel, way, seconds)
  local rows = #samples / row
  if row < 1 or pixel < 1 or pixel > row or rows < 1 or rows % 1 ~= 0 then return nil, "size" end
  local lines = ffi.cast("const uint8_t *", samples)
  local length = (row + 1) * rows
  local kept = {}
  local only = NUMBERS[way]
  for number = 1, 5 do
    -- Of those that only compete, one row.
    local whole = way == "each" or number == (only or 5)
    if whole or not only then
      kept[number] = { out = ffi.new("uint8_t[?]", whole and length or row + 1), whole = whole }
    end
  end
  local zeros = ffi.new("uint8_t[?]", row)
  local till = os.clock() + seconds
  for at = 0, rows - 1 do
    if at % CLOCK_ROWS == 0 and os.clock() > till then return nil, "slow" end
    local line = lines + at * row
    local above = at > 0 and line - row or zeros
    local best, least = 0, not only and sum(line, row)
    for number = 1, 4 do
      local one = kept[number]
      if one then
        local to = one.out + (one.whole and at * (row + 1) or 0)
        to[0] = number
        local total = PREDICT[number](line, above, to + 1, row, pixel)
        if not only and total < least then best, least = number, total end
      end
    end
    if not only then
      local to = kept[5].out + at * (row + 1)
      local one = kept[best]
      if one then
        ffi.copy(to, one.out + (one.whole and at * (row + 1) or 0), row + 1)
      else
        to[0] = 0
        ffi.copy(to + 1, line, row)
      end
    end
  end
  if way ~= "each" then return ffi.string(kept[only or 5].out, length) end
  return ffi.string(kept[1].out, length), ffi.string(kept[2].out, length), ffi.string(kept[3].out, length),
    ffi.string(kept[4].out, length), ffi.string(kept[5].out, length)
end
