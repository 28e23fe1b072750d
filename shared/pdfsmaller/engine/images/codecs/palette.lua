-- How far an image is from what a palette makes of it. Run by LuaJIT: a loop over every pixel.
--
-- The chunk is a function: error(rows, bits, palette, samples, width, height, near, far, seconds)
--   rows       the indices, `bits` to a pixel (1, 2, 4 or 8), each row padded to bytes; a string
--   palette    red, green and blue of each colour; a string
--   samples    of the image: red, green and blue of each pixel, rows without gaps; a string
--   near, far  errors, in levels, above which pixels are counted
--   seconds    of processor time it may take (where machine code may not be made, LuaJIT is twenty times slower)
-- It returns the mean error of all samples in levels, how many pixels have one above `near`, and above `far`, in any of
-- their three, and by how many levels the mean of a block of 8 × 8 pixels moves at most, in any of the three (what a
-- block has outside of the image is not moved). An index beyond the palette is black. Otherwise nil and why: "size" (a
-- string is not of the size it claims) or "slow".

local ffi = require("ffi")
local bit = require("bit")
local abs, max, band, rshift = math.abs, math.max, bit.band, bit.rshift

return function(rows, bits, palette, samples, width, height, near, far, seconds)
  local row = math.ceil(width * bits / 8)
  if #rows ~= row * height or #samples ~= 3 * width * height then return nil, "size" end
  local colors = ffi.new("uint8_t[?]", 768)
  ffi.copy(colors, palette, math.min(#palette, 768))
  local x, y = ffi.cast("const uint8_t *", rows), ffi.cast("const uint8_t *", samples)
  local till = os.clock() + seconds
  local total, above_near, above_far = 0, 0, 0
  local mask = 2 ^ bits - 1
  local sums, most, furthest = ffi.new("int32_t[?]", 3 * math.ceil(width / 8)), 3 * math.ceil(width / 8), 0
  for line = 0, height - 1 do
    if line % 64 == 0 and os.clock() > till then return nil, "slow" end
    local start, at = line * row, line * width * 3
    for column = 0, width - 1 do
      local index
      if bits == 8 then
        index = x[start + column]
      else
        local place = column * bits
        index = band(rshift(x[start + rshift(place, 3)], 8 - bits - band(place, 7)), mask)
      end
      local red, green, blue = y[at] - colors[index * 3], y[at + 1] - colors[index * 3 + 1],
        y[at + 2] - colors[index * 3 + 2]
      local block = rshift(column, 3) * 3
      sums[block], sums[block + 1], sums[block + 2] = sums[block] + red, sums[block + 1] + green, sums[block + 2] + blue
      red, green, blue = abs(red), abs(green), abs(blue)
      total = total + red + green + blue
      local worst = max(red, green, blue)
      if worst > near then
        above_near = above_near + 1
        if worst > far then above_far = above_far + 1 end
      end
      at = at + 3
    end
    if line % 8 == 7 or line == height - 1 then
      for place = 0, most - 1 do furthest = max(furthest, abs(sums[place])) end
      ffi.fill(sums, 4 * most)
    end
  end
  return total / (3 * width * height), above_near, above_far, furthest / 64
end
