-- What share of each cell is strokes. Part of page.lua.
--
-- The chunk is a function: shares(page, step)
--   step  pixels of a cell's side
-- It returns a float for each cell, row by row, as a string.

local ffi = require("ffi")
local floor, min = math.floor, math.min

return function(page, step)
  local width, height = page.width, page.height
  local across, down = floor((width + step - 1) / step), floor((height + step - 1) / step)
  local shares = ffi.new("float[?]", across * down)
  for row = 0, down - 1 do
    if page.slow() then return nil, "slow" end
    local first, last = row * step, min((row + 1) * step, height) - 1
    for y = first, last do
      local strokes = page.strokes + y * width
      for x = 0, width - 1 do
        if strokes[x] == 0 then
          local cell = row * across + floor(x / step)
          shares[cell] = shares[cell] + 1
        end
      end
    end
    for column = 0, across - 1 do
      local pixels = (last + 1 - first) * (min((column + 1) * step, width) - column * step)
      shares[row * across + column] = shares[row * across + column] / pixels
    end
  end
  return ffi.string(shares, 4 * across * down)
end
