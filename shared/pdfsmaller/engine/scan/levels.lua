-- How light a page is, and how dark. Part of page.lua.
--
-- The chunk is a function: levels(page). It adds two planes of 8 bits to the page: `luminance`, which has the sharp edges;
-- and `darkness`, half of that and half the darkest channel, which has the contrast (yellow lettering on white has nearly
-- the luminance of its paper, but no blue). It returns whether there was time for it.

local ffi = require("ffi")
local bit = require("bit")
local min, rshift = math.min, bit.rshift

local AT_ONCE = 65536
-- What each channel adds to luminance, in 65,536ths. (From tables, sums stay integers.)
local red_part, green_part, blue_part = ffi.new("int32_t[256]"), ffi.new("int32_t[256]"), ffi.new("int32_t[256]")
for level = 0, 255 do
  red_part[level], green_part[level], blue_part[level] = 19595 * level + 32768, 38470 * level, 7471 * level
end

return function(page)
  if page.bands == 1 then
    page.luminance, page.darkness = page.samples, page.samples
    return true
  end
  local from, pixels = page.samples, page.width * page.height
  local luminance, darkness = ffi.new("uint8_t[?]", pixels), ffi.new("uint8_t[?]", pixels)
  for start = 0, pixels - 1, AT_ONCE do
    if page.slow() then return false end
    for at = start, min(start + AT_ONCE, pixels) - 1 do
      local red, green, blue = from[3 * at], from[3 * at + 1], from[3 * at + 2]
      local light = rshift(red_part[red] + green_part[green] + blue_part[blue], 16)
      luminance[at] = light
      darkness[at] = rshift(light + min(red, green, blue) + 1, 1)
    end
  end
  -- Of one type with samples, as which loops over them are compiled once.
  page.luminance, page.darkness = ffi.cast("const uint8_t *", luminance), ffi.cast("const uint8_t *", darkness)
  page.planes = { luminance, darkness }
  return true
end
