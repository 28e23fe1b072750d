-- What is connected in a bitmap: letters, mostly. Run by LuaJIT.
--
-- The chunk is a function: components(bitmap, width, height, least, side, most_runs, most_pixels, seconds)
--   bitmap       packed rows, each padded to a byte, a set bit being black; a string
--   least        pixels that a component is to have, at least
--   side         in pixels that its width and height are to have, at most
--   most_runs    of black pixels that the bitmap may have: halftones and noise have millions
--   most_pixels  that the components may have together, white ones within their boxes included
--   seconds      of processor time it may take
-- It returns the components as two strings: their boxes, four 32-bit integers each (x, y, width, height), and their
-- pixels, row after row: words of 32 pixels, the highest bit being the first, two words at least; in the order of their
-- first rows. Otherwise nil and why: "size" (the bitmap is not of the size it claims), "many" or "slow".
-- Pixels belong together that touch, at their corners too.

local ffi = require("ffi")
local bit = require("bit")
local tidied = require("tidied")
local words_of = require("rows").words_of
local band, bor, lshift, rshift = bit.band, bit.bor, bit.lshift, bit.rshift

-- Rows between two looks at the clock.
local CLOCK_ROWS = 64

-- For each byte: the first set bit from the left, 8 if there is none; and the first clear one.
local first_set, first_clear = ffi.new("uint8_t[256]"), ffi.new("uint8_t[256]")
for value = 0, 255 do
  local set, clear = 0, 0
  while set < 8 and band(value, rshift(128, set)) == 0 do set = set + 1 end
  while clear < 8 and band(value, rshift(128, clear)) ~= 0 do clear = clear + 1 end
  first_set[value], first_clear[value] = set, clear
end

-- The next set (or clear) pixel of a row from x on; `width` if there is none.
local function next_set(row, x, width)
  if x >= width then return width end
  local i = rshift(x, 3)
  local byte = band(row[i], rshift(0xFF, band(x, 7)))
  local last = rshift(width - 1, 3)
  while byte == 0 do
    i = i + 1
    if i > last then return width end
    byte = row[i]
  end
  return math.min(width, lshift(i, 3) + first_set[byte])
end

local function next_clear(row, x, width)
  local i = rshift(x, 3)
  local byte = bor(row[i], band(0xFF, bit.bnot(rshift(0xFF, band(x, 7)))))
  local last = rshift(width - 1, 3)
  while byte == 0xFF do
    i = i + 1
    if i > last then return width end
    byte = row[i]
  end
  return math.min(width, lshift(i, 3) + first_clear[byte])
end

-- Blackens pixels [from, to) of a row of words.
local function blacken(row, from, to)
  local first, last = rshift(from, 5), rshift(to - 1, 5)
  local head, tail = rshift(-1, band(from, 31)), lshift(-1, 31 - band(to - 1, 31))
  if first == last then
    row[first] = bor(row[first], band(head, tail))
  else
    row[first] = bor(row[first], head)
    for word = first + 1, last - 1 do row[word] = -1 end
    row[last] = bor(row[last], tail)
  end
end

local function run(bitmap, width, height, least, side, most_runs, most_pixels, seconds)
  local row_bytes = rshift(width + 7, 3)
  if width < 1 or height < 1 or #bitmap ~= row_bytes * height then return nil, "size" end
  local ends = os.clock() + seconds
  local source = ffi.cast("const uint8_t *", bitmap)

  -- How many runs there are says how much memory they take.
  local all = 0
  for y = 0, height - 1 do
    if y % CLOCK_ROWS == 0 and os.clock() > ends then return nil, "slow" end
    local row = source + y * row_bytes
    local x = next_set(row, 0, width)
    while x < width do
      all = all + 1
      x = next_set(row, next_clear(row, x, width), width)
    end
    if all > most_runs then return nil, "many" end
  end

  -- Runs of black pixels, [from, to) in a row; each belongs to the component of the run that `parent` leads to.
  local from, to = ffi.new("int32_t[?]", all + 1), ffi.new("int32_t[?]", all + 1)
  local row_of, parent = ffi.new("int32_t[?]", all + 1), ffi.new("int32_t[?]", all + 1)
  local function root(run)
    while parent[run] ~= run do
      parent[run] = parent[parent[run]]
      run = parent[run]
    end
    return run
  end

  local runs, above = 0, 0 -- `above` is the first run of the row above
  for y = 0, height - 1 do
    if y % CLOCK_ROWS == 0 and os.clock() > ends then return nil, "slow" end
    local row = source + y * row_bytes
    local begins, other = runs, above
    local x = next_set(row, 0, width)
    while x < width do
      local stop = next_clear(row, x, width)
      from[runs], to[runs], row_of[runs], parent[runs] = x, stop, y, runs
      while other < begins and to[other] < x do other = other + 1 end
      local touching = other
      while touching < begins and from[touching] <= stop do
        local one, two = root(touching), root(runs)
        -- The earlier run leads.
        if one < two then parent[two] = one elseif two < one then parent[one] = two end
        touching = touching + 1
      end
      runs = runs + 1
      x = next_set(row, stop, width)
    end
    above = begins
  end

  -- Boxes, kept at each component's first run.
  local left, right = ffi.new("int32_t[?]", runs + 1), ffi.new("int32_t[?]", runs + 1)
  local bottom, count = ffi.new("int32_t[?]", runs + 1), ffi.new("int32_t[?]", runs + 1)
  for run = 0, runs - 1 do
    local leads = root(run)
    parent[run] = leads
    if leads == run then
      left[run], right[run] = from[run], to[run]
    else
      left[leads], right[leads] = math.min(left[leads], from[run]), math.max(right[leads], to[run])
    end
    bottom[leads] = row_of[run] + 1
    count[leads] = count[leads] + to[run] - from[run]
  end
  local kept, pixels, words = 0, 0, 0
  local at = ffi.new("int32_t[?]", runs + 1) -- where a component's pixels begin; -1 = it is none of those wanted
  for run = 0, runs - 1 do
    at[run] = -1
    if parent[run] == run then
      local wide, high = right[run] - left[run], bottom[run] - row_of[run]
      if count[run] >= least and wide <= side and high <= side then
        at[run] = words
        kept, pixels, words = kept + 1, pixels + wide * high, words + words_of(wide) * high
        if pixels > most_pixels then return nil, "many" end
      end
    end
  end
  local boxes, found = ffi.new("int32_t[?]", 4 * kept + 1), ffi.new("int32_t[?]", words + 1)
  local index = 0
  for run = 0, runs - 1 do
    local leads = parent[run]
    if at[leads] >= 0 then
      local wide = right[leads] - left[leads]
      if leads == run then
        boxes[index], boxes[index + 1] = left[run], row_of[run]
        boxes[index + 2], boxes[index + 3] = wide, bottom[run] - row_of[run]
        index = index + 4
      end
      local row = found + at[leads] + (row_of[run] - row_of[leads]) * words_of(wide)
      blacken(row, from[run] - left[leads], to[run] - left[leads])
    end
  end
  return ffi.string(boxes, 16 * kept), ffi.string(found, 4 * words)
end

return tidied(run)
