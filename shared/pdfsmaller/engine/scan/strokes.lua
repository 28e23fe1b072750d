-- What is darker or lighter than a threshold that changes from place to place. Part of page.lua.
--
-- The chunk is a function: strokes(page, dark, light, few)
--   dark, light  for each block of 8 × 8 pixels, row by row: below the first it is a dark stroke, above the second a light
--                one; in between, from block to block, in proportion. Strings of a byte each
--   few          a pixel with fewer strokes than these among the nine around it and itself is a speck
-- It adds the pixels' `kinds` to the page: 0 where there is paper, 1 beside a stroke, 3 on one, 7 inside of one, whose four
-- neighbours are of it, too. Pixel 0, 0 is at `start`, rows are `wide`. It returns how many pixels are on strokes.

local ffi = require("ffi")
local bit = require("bit")
local ceil, floor, min, max, bor, rshift = math.ceil, math.floor, math.min, math.max, bit.bor, bit.rshift

local BESIDE, ON, INSIDE = 1, 2, 4
-- Rows begin after so many bytes of paper.
local MARGIN = 4

-- The thresholds of a row of pixels for the middle of each block, in 16ths.
local function between(blocks, y, across, down, row)
  local place = (2 * y - 7) / 16
  local upper = floor(place)
  local share = (place - upper) * 16
  local one, other = max(upper, 0) * across, min(upper + 1, down - 1) * across
  local least, most = 65535, 0
  for block = 0, across - 1 do
    local value = blocks[one + block] * (16 - share) + blocks[other + block] * share
    row[block] = value
    least, most = min(least, value), max(most, value)
  end
  return least, most
end

-- Mark what is below (with a sign of 1) or above (-1) a threshold going from `a` to `b`, of the pixels from `first` to
-- `last`, eight from the middle of one block to that of the next. A negative number's first bit is the mark.
local function mark(levels, marks, first, last, a, b, sign)
  local step = 2 * (b - a)
  local limit = a * 16 + (b - a) + 128
  for x = first, last do
    marks[x] = bor(marks[x], rshift(sign * (levels[x] - rshift(limit, 8)), 31))
    limit = limit + step
  end
end

-- The same for a whole row. (A loop of eight would be entered more often than is worth it.)
local function mark_row(levels, marks, width, across, row, sign)
  mark(levels, marks, 0, min(4, width) - 1, row[0], row[0], sign)
  local inner = floor((width - 4) / 8)
  for block = 0, inner - 1 do
    local a, b = row[block], row[block + 1]
    local step = 2 * (b - a)
    local limit = a * 16 + (b - a) + 128
    local x = block * 8 + 4
    marks[x] = bor(marks[x], rshift(sign * (levels[x] - rshift(limit, 8)), 31))
    marks[x + 1] = bor(marks[x + 1], rshift(sign * (levels[x + 1] - rshift(limit + step, 8)), 31))
    marks[x + 2] = bor(marks[x + 2], rshift(sign * (levels[x + 2] - rshift(limit + 2 * step, 8)), 31))
    marks[x + 3] = bor(marks[x + 3], rshift(sign * (levels[x + 3] - rshift(limit + 3 * step, 8)), 31))
    marks[x + 4] = bor(marks[x + 4], rshift(sign * (levels[x + 4] - rshift(limit + 4 * step, 8)), 31))
    marks[x + 5] = bor(marks[x + 5], rshift(sign * (levels[x + 5] - rshift(limit + 5 * step, 8)), 31))
    marks[x + 6] = bor(marks[x + 6], rshift(sign * (levels[x + 6] - rshift(limit + 6 * step, 8)), 31))
    marks[x + 7] = bor(marks[x + 7], rshift(sign * (levels[x + 7] - rshift(limit + 7 * step, 8)), 31))
  end
  for block = max(inner, 0), across - 1 do
    local first = block * 8 + 4
    mark(levels, marks, first, min(first + 8, width) - 1, row[block], row[min(block + 1, across - 1)], sign)
  end
end

-- Of a row's marks keep those with so many more around. It returns how many.
local function keep(up, here, low, kept, bytes, few)
  local words = ffi.cast("const uint32_t *", here)
  local count = 0
  for word = 1, bytes / 4 - 1 do
    if words[word] ~= 0 then
      for x = word * 4, word * 4 + 3 do
        local near = up[x - 1] + up[x] + up[x + 1] + here[x - 1] + here[x] + here[x + 1] + low[x - 1] + low[x] + low[x + 1]
        local stays = here[x] * (1 - rshift(near - few, 31))
        kept[x] = stays
        count = count + stays
      end
    end
  end
  return count
end

-- Tell the kinds of a row's strokes and of what is beside them; `at` is where the row begins.
local function tell(up, here, low, kinds, at, wide, bytes)
  local words = ffi.cast("const uint32_t *", here)
  for word = 1, bytes / 4 - 1 do
    if words[word] ~= 0 then
      for x = word * 4, word * 4 + 3 do
        if here[x] ~= 0 then
          local place = at + x
          local above, below = place - wide, place + wide
          kinds[above - 1], kinds[above], kinds[above + 1] = bor(kinds[above - 1], BESIDE), bor(kinds[above], BESIDE),
            bor(kinds[above + 1], BESIDE)
          kinds[place - 1], kinds[place + 1] = bor(kinds[place - 1], BESIDE), bor(kinds[place + 1], BESIDE)
          kinds[below - 1], kinds[below], kinds[below + 1] = bor(kinds[below - 1], BESIDE), bor(kinds[below], BESIDE),
            bor(kinds[below + 1], BESIDE)
          local inside = up[x] * low[x] * here[x - 1] * here[x + 1]
          kinds[place] = bor(kinds[place], BESIDE + ON + INSIDE * inside)
        end
      end
    end
  end
end

return function(page, dark, light, few)
  local from, width, height = page.darkness, page.width, page.height
  local across, down = floor((width + 7) / 8), floor((height + 7) / 8)
  if #dark ~= across * down or #light ~= #dark then return nil, "size" end
  local darks, lights = ffi.cast("const uint8_t *", dark), ffi.cast("const uint8_t *", light)
  local row = ffi.new("int32_t[?]", across)
  -- Rows in turn: what is beyond the page's edges is paper.
  local bytes = ceil((width + 2 * MARGIN) / 4) * 4
  local marks, kept = ffi.new("uint8_t[?]", bytes * 3), ffi.new("uint8_t[?]", bytes * 3)
  local wide = bytes
  local kinds = ffi.new("uint8_t[?]", wide * (height + 2))
  local count = 0
  for y = 0, height + 1 do
    if y % 64 == 0 and page.slow() then return nil, "slow" end
    -- Marks of this row; what stays of the one above; what that tells of the one above it.
    local marked = marks + y % 3 * bytes
    ffi.fill(marked, bytes)
    if y < height then
      local _, most = between(darks, y, across, down, row)
      if most > 0 then mark_row(from + y * width, marked + MARGIN, width, across, row, 1) end
      local least = between(lights, y, across, down, row)
      if least < 255 * 16 then mark_row(from + y * width, marked + MARGIN, width, across, row, -1) end
    end
    local stays = kept + (y + 2) % 3 * bytes
    ffi.fill(stays, bytes)
    if y >= 1 then
      count = count + keep(marks + (y + 1) % 3 * bytes, marks + (y + 2) % 3 * bytes, marked, stays, bytes - 4, few)
    end
    if y >= 2 then
      tell(kept + y % 3 * bytes, kept + (y + 1) % 3 * bytes, stays, kinds, (y - 1) * wide, wide, bytes)
    end
  end
  page.kinds, page.wide, page.start = kinds, wide, wide + MARGIN
  return count
end
