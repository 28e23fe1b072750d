-- What kinds of pixels have for a colour, cell by cell. Part of page.lua.
--
-- The chunk is a function: cells(page, plane, step, weights)
--   plane    "samples" of all bands, or "luminance"
--   step     pixels of a cell's side
--   weights  what each kind of pixel counts for, from 0 on, in 16ths; a string of 8 bytes
-- It returns floats for each cell, row by row, as strings: the weighted sums of its samples, band by band; and the sums of
-- weights. All are shares of the cell: where all weights are 1, the first are means.

local ffi = require("ffi")
local bit = require("bit")
local floor, min, band = math.floor, math.min, bit.band

local WHOLE = 16

-- Add up pixels of a row of one band …
local function add_gray(levels, kinds, width, weight_of, cell_of, sums, totals)
  for x = 0, width - 1 do
    local weight, cell = weight_of[band(kinds[x], 7)], cell_of[x]
    totals[cell] = totals[cell] + weight
    sums[cell] = sums[cell] + weight * levels[x]
  end
end

-- … of three …
local function add_color(levels, kinds, width, weight_of, cell_of, sums, totals)
  for x = 0, width - 1 do
    local weight, cell, at = weight_of[band(kinds[x], 7)], cell_of[x], x * 3
    local place = cell * 3
    totals[cell] = totals[cell] + weight
    sums[place] = sums[place] + weight * levels[at]
    sums[place + 1] = sums[place + 1] + weight * levels[at + 1]
    sums[place + 2] = sums[place + 2] + weight * levels[at + 2]
  end
end

-- … or where most pixels count for nothing.
local function add_few(levels, kinds, bands, width, weight_of, cell_of, sums, totals)
  local words = ffi.cast("const uint32_t *", kinds)
  for word = 0, floor((width + 3) / 4) - 1 do
    if words[word] ~= 0 then
      for x = word * 4, min(word * 4 + 4, width) - 1 do
        local weight, cell = weight_of[band(kinds[x], 7)], cell_of[x]
        if weight ~= 0 then
          totals[cell] = totals[cell] + weight
          for part = 0, bands - 1 do
            local place = cell * bands + part
            sums[place] = sums[place] + weight * levels[x * bands + part]
          end
        end
      end
    end
  end
end

return function(page, plane, step, weights)
  local width, height, bands = page.width, page.height, plane == "samples" and page.bands or 1
  local across, down = floor((width + step - 1) / step), floor((height + step - 1) / step)
  local cell_of = ffi.new("int32_t[?]", width)
  for x = 0, width - 1 do cell_of[x] = floor(x / step) end
  local weight_of = ffi.new("int32_t[8]")
  for kind = 0, 7 do weight_of[kind] = weights:byte(kind + 1) end
  local sums, totals = ffi.new("int32_t[?]", across * bands), ffi.new("int32_t[?]", across)
  local made, made_weights = ffi.new("float[?]", across * down * bands), ffi.new("float[?]", across * down)
  for row = 0, down - 1 do
    if page.slow() then return nil, "slow" end
    ffi.fill(sums, 4 * across * bands)
    ffi.fill(totals, 4 * across)
    local last = min((row + 1) * step, height) - 1
    for y = row * step, last do
      local levels, kinds = page[plane] + y * width * bands, page.kinds + page.start + y * page.wide
      if weight_of[0] == 0 then
        add_few(levels, kinds, bands, width, weight_of, cell_of, sums, totals)
      elseif bands == 1 then
        add_gray(levels, kinds, width, weight_of, cell_of, sums, totals)
      else
        add_color(levels, kinds, width, weight_of, cell_of, sums, totals)
      end
    end
    local high = last + 1 - row * step
    for column = 0, across - 1 do
      local cell = row * across + column
      local all = WHOLE * high * (min((column + 1) * step, width) - column * step)
      made_weights[cell] = totals[column] / all
      for part = 0, bands - 1 do made[cell * bands + part] = sums[column * bands + part] / all end
    end
  end
  return ffi.string(made, 4 * across * down * bands), ffi.string(made_weights, 4 * across * down)
end
