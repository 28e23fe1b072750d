-- A bitmap without the letters that are drawn otherwise. Run by LuaJIT.
--
-- The chunk is a function: erase(bitmap, width, height, boxes, pixels, letters, seconds)
--   bitmap         packed rows, each padded to a byte, a set bit being black; a string
--   boxes, pixels  its components, as components.lua found them
--   letters        a record for each, as match.lua made them: those with a symbol go
-- It returns the bitmap.

local ffi = require("ffi")
local bit = require("bit")
local band, bnot, rshift = bit.band, bit.bnot, bit.rshift

return function(bitmap, width, height, boxes, pixels, letters)
  local row_bytes = rshift(width + 7, 3)
  local made = ffi.new("uint8_t[?]", row_bytes * height)
  ffi.copy(made, bitmap, row_bytes * height)
  local box, source = ffi.cast("const int32_t *", boxes), ffi.cast("const uint8_t *", pixels)
  local letter = ffi.cast("const int32_t *", letters)
  for i = 0, #boxes / 16 - 1 do
    local x0, y0, wide, high = box[4 * i], box[4 * i + 1], box[4 * i + 2], box[4 * i + 3]
    if letter[8 * i] >= 0 then
      for y = 0, high - 1 do
        local row = made + (y0 + y) * row_bytes
        for x = 0, wide - 1 do
          if source[x] ~= 0 then
            local at = rshift(x0 + x, 3)
            row[at] = band(row[at], bnot(rshift(128, band(x0 + x, 7))))
          end
        end
        source = source + wide
      end
    else
      source = source + wide * high
    end
  end
  return ffi.string(made, row_bytes * height)
end
