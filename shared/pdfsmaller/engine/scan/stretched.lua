-- A coarse picture of one band stretched over a page. Part of page.lua.
--
-- The chunk is a function: stretched(samples, wide, high, page)
--   samples  8 bits each, rows of `wide` without gaps; a string of wide × high bytes
-- It returns two functions: the first goes to a row of the page, the second tells the level at a column of it, between the
-- four samples around in proportion.

local ffi = require("ffi")
local floor, min, max = math.floor, math.min, math.max

local function place(at, coarse, fine)
  local middle = min(max((at + 0.5) * coarse / fine - 0.5, 0), coarse - 1)
  local first = floor(middle)
  return first, min(first + 1, coarse - 1), middle - first
end

return function(samples, wide, high, page)
  if #samples ~= wide * high then error("a picture of another size") end
  local from = ffi.cast("const uint8_t *", samples)
  local left, right = ffi.new("int32_t[?]", page.width), ffi.new("int32_t[?]", page.width)
  local share = ffi.new("double[?]", page.width)
  for x = 0, page.width - 1 do left[x], right[x], share[x] = place(x, wide, page.width) end
  local row = ffi.new("double[?]", wide)
  local height = page.height -- not the page itself: machine code would hold on to a function that knows it

  local function go_to(y)
    local upper, lower, part = place(y, high, height)
    local one, other = from + upper * wide, from + lower * wide
    for x = 0, wide - 1 do row[x] = one[x] + (other[x] - one[x]) * part end
  end

  local function level(x)
    local value = row[left[x]]
    return value + (row[right[x]] - value) * share[x]
  end

  return go_to, level
end
