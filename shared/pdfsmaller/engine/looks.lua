-- What a person would notice between two renderings of a page. Run by LuaJIT: a loop over every pixel.
--
-- The chunk is a function: looks(first, second, w1, h1, row1, w2, h2, row2, limit, gray, away, marked, plain, seconds)
--   first, second  both renderings, four bytes to a pixel: red, green, blue and one that means nothing; strings
--   w1 … row2      width and height in pixels, and pixels from one row to the next, of each
--   limit          how far a block's mean may be from the other's, in levels of any channel …
--   gray           … or of the luminance alone
--   away, marked, plain  see below
--   seconds        of processor time it may take (where machine code may not be made, LuaJIT is twenty times slower)
-- The second counts as far as the first one's blocks of 8 × 8 pixels reach; outside of a rendering it is white. It
-- returns the mean structural similarity of the blocks' luminance, how many blocks' means are further apart than `limit`,
-- how many blocks differ at all, and how many held something (their luminance's variance was above `marked`), are plain
-- now (it is below `plain`) and further apart in it than `away`. Otherwise nil and why: "size" (a string is not of the
-- size it claims) or "slow".

local ffi = require("ffi")
local bit = require("bit")

local C1, C2 = (0.01 * 255) ^ 2, (0.03 * 255) ^ 2
local RED, GREEN, BLUE = 0.299, 0.587, 0.114
local WHITE, COLOR = 0xFFFFFF, 0xFFFFFF

local function pixel(words, width, height, row, x, y)
  if x >= width or y >= height then return WHITE end
  return bit.band(words[y * row + x], COLOR)
end

-- Copy a block into `block`, white where the rendering ends.
local function fetch(words, width, height, row, left, top, block)
  if left + 8 <= width and top + 8 <= height then
    for y = 0, 7 do
      ffi.copy(block + y * 8, words + (top + y) * row + left, 32)
    end
  else
    for y = 0, 7 do
      for x = 0, 7 do
        block[y * 8 + x] = pixel(words, width, height, row, left + x, top + y)
      end
    end
  end
end

local function equal(p, q)
  for at = 0, 63 do
    if bit.band(bit.bxor(p[at], q[at]), COLOR) ~= 0 then return false end
  end
  return true
end

local function compared(p, q)
  local x, y, xx, yy, xy, red, green, blue = 0, 0, 0, 0, 0, 0, 0, 0
  for at = 0, 255, 4 do
    local r, g, b, r2, g2, b2 = p[at], p[at + 1], p[at + 2], q[at], q[at + 1], q[at + 2]
    local l, l2 = RED * r + GREEN * g + BLUE * b, RED * r2 + GREEN * g2 + BLUE * b2
    x, y, xx, yy, xy = x + l, y + l2, xx + l * l, yy + l2 * l2, xy + l * l2
    red, green, blue = red + r - r2, green + g - g2, blue + b - b2
  end
  x, y = x / 64, y / 64
  local mx, my, mxy = x * x, y * y, x * y
  local vx, vy = xx / 64 - mx, yy / 64 - my
  local similarity = (2 * mxy + C1) * (2 * (xy / 64 - mxy) + C2) / ((mx + my + C1) * (vx + vy + C2))
  local color = math.max(math.abs(red), math.abs(green), math.abs(blue)) / 64
  return similarity, math.abs(x - y), color, vx, vy
end

return function(first, second, w1, h1, row1, w2, h2, row2, limit, gray, away, marked, plain, seconds)
  if #first ~= 4 * row1 * h1 or #second ~= 4 * row2 * h2 then return nil, "size" end
  local x, y = ffi.cast("const int32_t *", first), ffi.cast("const int32_t *", second)
  local blocks = ffi.new("int32_t[128]")
  local p, q = blocks + 0, blocks + 64
  local p8, q8 = ffi.cast("const uint8_t *", p), ffi.cast("const uint8_t *", q)
  local across, down = math.ceil(w1 / 8), math.ceil(h1 / 8)
  local till = os.clock() + seconds
  local total, moved, differ, gone = 0, 0, 0, 0
  for top = 0, down * 8 - 1, 8 do
    if os.clock() > till then return nil, "slow" end
    for left = 0, across * 8 - 1, 8 do
      fetch(x, w1, h1, row1, left, top, p)
      fetch(y, w2, h2, row2, left, top, q)
      if equal(p, q) then
        total = total + 1
      else
        local similarity, luminance, color, before, after = compared(p8, q8)
        total, differ = total + similarity, differ + 1
        if (gray and luminance or color) > limit then moved = moved + 1 end
        if luminance > away and before > marked and after < plain then gone = gone + 1 end
      end
    end
  end
  return total / (across * down), moved, differ, gone
end
