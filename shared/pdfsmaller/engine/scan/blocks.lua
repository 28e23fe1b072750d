-- Mean and deviation of every block of 8 × 8 pixels. Part of page.lua.
--
-- The chunk is a function: blocks(page). It returns the means and the mean squares of the page's darkness as strings of
-- floats, row by row; each four pixels count as one of their mean, so that noise hardly does. Of blocks at the page's end,
-- its last row and column are repeated.

local ffi = require("ffi")
local floor, min = math.floor, math.min

return function(page)
  local from, width, height = page.darkness, page.width, page.height
  local across, down = floor((width + 7) / 8), floor((height + 7) / 8)
  local means, squares = ffi.new("float[?]", across * down), ffi.new("float[?]", across * down)
  local rows = ffi.new("uint8_t[?]", across * 16)
  local one, other = rows + 0, rows + across * 8
  local sum, square = ffi.new("int32_t[?]", across), ffi.new("int32_t[?]", across)
  for row = 0, down - 1 do
    if page.slow() then return nil, "slow" end
    ffi.fill(sum, 4 * across)
    ffi.fill(square, 4 * across)
    for y = row * 8, row * 8 + 6, 2 do
      local upper, lower = min(y, height - 1) * width, min(y + 1, height - 1) * width
      ffi.copy(one, from + upper, width)
      ffi.copy(other, from + lower, width)
      ffi.fill(one + width, across * 8 - width, from[upper + width - 1])
      ffi.fill(other + width, across * 8 - width, from[lower + width - 1])
      for block = 0, across - 1 do
        local x = block * 8
        local a = one[x] + one[x + 1] + other[x] + other[x + 1]
        local b = one[x + 2] + one[x + 3] + other[x + 2] + other[x + 3]
        local c = one[x + 4] + one[x + 5] + other[x + 4] + other[x + 5]
        local d = one[x + 6] + one[x + 7] + other[x + 6] + other[x + 7]
        sum[block] = sum[block] + a + b + c + d
        square[block] = square[block] + a * a + b * b + c * c + d * d
      end
    end
    for block = 0, across - 1 do
      means[row * across + block] = sum[block] / 64
      squares[row * across + block] = square[block] / 256
    end
  end
  return ffi.string(means, 4 * across * down), ffi.string(squares, 4 * across * down)
end
