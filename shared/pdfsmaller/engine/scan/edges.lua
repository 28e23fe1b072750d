-- Strokes as broad as they look. Part of page.lua.
--
-- The chunk is a function: edges(page, paper, paper_wide, paper_high, ink, ink_wide, ink_high, edge)
--   paper, ink  the luminance of paper and strokes, coarser, and how many pixels that has; strings
--   edge        a pixel is the stroke's from this share of the way on, from paper to the darkest of 5 × 5 pixels around
-- A faint stroke beside a dark one stays whole, as its own darkest pixel is what it is held against; of light lettering on
-- dark ground, all differences have the other sign. It adds `strokes` to the page and returns them, as a string: 0 for each
-- pixel of a stroke and 255 for each other.

local ffi = require("ffi")
local stretched = require("stretched")
local min, max = math.min, math.max

local REACH = 2

local function lowest(from, at)
  return min(from[at - 2], from[at - 1], from[at], from[at + 1], from[at + 2])
end

local function highest(from, at)
  return max(from[at - 2], from[at - 1], from[at], from[at + 1], from[at + 2])
end

-- The luminance with its edges repeated outwards.
local function padded(page)
  local from, width, height, wide = page.luminance, page.width, page.height, page.width + 2 * REACH
  local made = ffi.new("uint8_t[?]", wide * (height + 2 * REACH))
  for y = 0, height + 2 * REACH - 1 do
    local start, row = min(max(y - REACH, 0), height - 1) * width, made + y * wide
    ffi.copy(row + REACH, from + start, width)
    ffi.fill(row, REACH, from[start])
    ffi.fill(row + REACH + width, REACH, from[start + width - 1])
  end
  return made, wide
end

return function(page, paper, paper_wide, paper_high, ink, ink_wide, ink_high, edge)
  local width, height = page.width, page.height
  local from, wide = padded(page)
  local paper_row, paper_level = stretched(paper, paper_wide, paper_high, page)
  local ink_row, ink_level = stretched(ink, ink_wide, ink_high, page)
  local strokes = ffi.new("uint8_t[?]", width * height)
  ffi.fill(strokes, width * height, 255)
  for y = 0, height - 1 do
    if y % 64 == 0 and page.slow() then return nil, "slow" end
    paper_row(y)
    ink_row(y)
    local kinds, start = page.kinds + page.start + y * page.wide, y * width
    for x = 0, width - 1 do
      if kinds[x] >= 2 then
        local at = (y + REACH) * wide + x + REACH
        local level, light = from[at], paper_level(x)
        local inked
        if light > ink_level(x) then
          local least = light - level >= light * edge and level or min(lowest(from, at - 2 * wide),
            lowest(from, at - wide), lowest(from, at), lowest(from, at + wide), lowest(from, at + 2 * wide))
          inked = light - level >= (light - least) * edge
        else
          local most = max(highest(from, at - 2 * wide), highest(from, at - wide), highest(from, at),
            highest(from, at + wide), highest(from, at + 2 * wide))
          inked = level - light >= (most - light) * edge
        end
        if inked then strokes[start + x] = 0 end
      end
    end
  end
  page.strokes = strokes
  return ffi.string(strokes, width * height)
end
