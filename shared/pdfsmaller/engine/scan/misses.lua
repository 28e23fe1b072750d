-- How far layers are from their page where strokes are or end. Part of page.lua.
--
-- The chunk is a function: misses(page, paper, paper_wide, paper_high, ink, ink_wide, ink_high)
--   paper, ink  the luminance of paper and strokes, coarser, and how many pixels that has; strings
-- It returns a sum over all pixels on and beside strokes, of what the layers' level is off, as a share of that of the
-- differences between paper and stroke.

local stretched = require("stretched")
local abs, max = math.abs, math.max

return function(page, paper, paper_wide, paper_high, ink, ink_wide, ink_high)
  local width = page.width
  local paper_row, paper_level = stretched(paper, paper_wide, paper_high, page)
  local ink_row, ink_level = stretched(ink, ink_wide, ink_high, page)
  local missed, contrast = 0, 0
  for y = 0, page.height - 1 do
    if y % 64 == 0 and page.slow() then return nil, "slow" end
    paper_row(y)
    ink_row(y)
    local kinds, from, strokes = page.kinds + page.start + y * page.wide, page.luminance + y * width, page.strokes + y * width
    for x = 0, width - 1 do
      if kinds[x] ~= 0 then
        local ground, color = paper_level(x), ink_level(x)
        missed = missed + abs(from[x] - (strokes[x] == 0 and color or ground))
        contrast = contrast + abs(ground - color)
      end
    end
  end
  return missed / max(contrast, 1)
end
