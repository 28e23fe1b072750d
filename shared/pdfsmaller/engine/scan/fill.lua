-- Weighted means of cells, and for those without enough weight, of ever more cells around them. Part of page.lua.
--
-- The chunk is a function: fill(page, sums, weights, width, height, bands, least)
--   sums     means times weights, cell by cell, band by band; a string of floats
--   weights  of each cell; a string of floats
--   least    less weight than this is none
-- It returns the means as a string of floats. What has none gets that of the four cells that it is one of, and so on,
-- between these in proportion.

local ffi = require("ffi")
local floor, min, max = math.floor, math.min, math.max

-- Four cells as one; the last row and column are repeated where their number is odd.
local function halved(values, width, height, bands)
  local wide, high = floor((width + 1) / 2), floor((height + 1) / 2)
  local made = ffi.new("float[?]", wide * high * bands)
  for y = 0, high - 1 do
    local upper, lower = 2 * y * width, min(2 * y + 1, height - 1) * width
    for x = 0, wide - 1 do
      local left, right = 2 * x, min(2 * x + 1, width - 1)
      for band = 0, bands - 1 do
        made[(y * wide + x) * bands + band] = (values[(upper + left) * bands + band] + values[(upper + right) * bands + band]
          + values[(lower + left) * bands + band] + values[(lower + right) * bands + band]) / 4
      end
    end
  end
  return made, wide, high
end

local function filled(sums, weights, width, height, bands, least)
  local means = ffi.new("float[?]", width * height * bands)
  local wide, high, coarse = 1, 1, nil
  if width < 3 or height < 3 then
    local all = 0
    coarse = ffi.new("float[?]", bands)
    for cell = 0, width * height - 1 do
      all = all + weights[cell]
      for band = 0, bands - 1 do coarse[band] = coarse[band] + sums[cell * bands + band] end
    end
    for band = 0, bands - 1 do coarse[band] = coarse[band] / max(all, 1e-9) end
  else
    local fewer_sums, fewer_weights
    fewer_sums, wide, high = halved(sums, width, height, bands)
    fewer_weights = halved(weights, width, height, 1)
    coarse = filled(fewer_sums, fewer_weights, wide, high, bands, least)
  end
  for y = 0, height - 1 do
    local down = min(max((y - 0.5) / 2, 0), high - 1)
    local upper = floor(down)
    local lower, low = min(upper + 1, high - 1), down - upper
    for x = 0, width - 1 do
      local cell = y * width + x
      if weights[cell] > least then
        for band = 0, bands - 1 do means[cell * bands + band] = sums[cell * bands + band] / weights[cell] end
      else
        local across = min(max((x - 0.5) / 2, 0), wide - 1)
        local left = floor(across)
        local right, far = min(left + 1, wide - 1), across - left
        for band = 0, bands - 1 do
          local above = coarse[(upper * wide + left) * bands + band] * (1 - far)
            + coarse[(upper * wide + right) * bands + band] * far
          local below = coarse[(lower * wide + left) * bands + band] * (1 - far)
            + coarse[(lower * wide + right) * bands + band] * far
          means[cell * bands + band] = above * (1 - low) + below * low
        end
      end
    end
  end
  return means
end

return function(_, sums, weights, width, height, bands, least)
  local cells = width * height
  if #weights ~= 4 * cells or #sums ~= 4 * cells * bands then error("cells of another number") end
  local from, weight = ffi.cast("const float *", sums), ffi.cast("const float *", weights)
  return ffi.string(filled(from, weight, width, height, bands, least), 4 * cells * bands)
end
