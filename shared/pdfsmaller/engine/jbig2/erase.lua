-- A bitmap without the letters that are drawn otherwise. Run by LuaJIT.
--
-- The chunk is a function: erase(bitmap, width, height, boxes, rows, letters, seconds)
--   bitmap       packed rows, each padded to a byte, a set bit being black; a string
--   boxes, rows  its components, as components.lua found them
--   letters      a record for each, as match.lua made them: those with a symbol go
-- It returns the bitmap.

local ffi = require("ffi")
local bit = require("bit")
local words_of = require("rows").words_of
local band, bnot, lshift, rshift = bit.band, bit.bnot, bit.lshift, bit.rshift

return function(bitmap, width, height, boxes, rows, letters)
  local row_bytes = rshift(width + 7, 3)
  local made = ffi.new("uint8_t[?]", row_bytes * height + 4)
  ffi.copy(made, bitmap, row_bytes * height)
  local box, source = ffi.cast("const int32_t *", boxes), ffi.cast("const int32_t *", rows)
  local letter = ffi.cast("const int32_t *", letters)
  local from = 0
  for i = 0, #boxes / 16 - 1 do
    local x, y, wide, high = box[4 * i], box[4 * i + 1], box[4 * i + 2], box[4 * i + 3]
    local words = words_of(wide)
    if letter[8 * i] >= 0 then
      local aside = band(x, 7)
      for row = 0, high - 1 do
        local to, word_at = (y + row) * row_bytes + rshift(x, 3), from + row * words
        for word = 0, rshift(wide + 31, 5) - 1 do
          local black, at = source[word_at + word], to + 4 * word
          if black ~= 0 then
            local four = rshift(black, aside)
            made[at] = band(made[at], bnot(rshift(four, 24)))
            made[at + 1] = band(made[at + 1], bnot(rshift(four, 16)))
            made[at + 2] = band(made[at + 2], bnot(rshift(four, 8)))
            made[at + 3] = band(made[at + 3], bnot(four))
            if aside > 0 then made[at + 4] = band(made[at + 4], bnot(lshift(black, 8 - aside))) end
          end
        end
      end
    end
    from = from + words * high
  end
  return ffi.string(made, row_bytes * height)
end
