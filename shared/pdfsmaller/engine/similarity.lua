-- How like each other two pictures are, block by block. Run by LuaJIT: a loop over every pixel.
--
-- The chunk is a function: similarity(first, second, width, height, bands, seconds)
--   first, second  8-bit samples of both pictures, pixel by pixel, rows without gaps; strings
--   seconds        of processor time it may take (where machine code may not be made, LuaJIT is twenty times slower)
-- It returns the mean over all blocks of 8 × 8 pixels and all bands of their structural similarity, C1 and C2 as in
-- `similarity.py`. A block that the picture's edge cuts counts if half of it is there; the last row and column are then
-- repeated. Otherwise nil and why: "size" (a string is not of the size it claims) or "slow".

local ffi = require("ffi")

local C1, C2 = (0.01 * 255) ^ 2, (0.03 * 255) ^ 2

-- Add up what eight pixels of one band are in both pictures, `step` samples apart.
local function add(x, y, at, step, sums, place)
  local p0, p1, p2, p3 = x[at], x[at + step], x[at + 2 * step], x[at + 3 * step]
  local q0, q1, q2, q3 = y[at], y[at + step], y[at + 2 * step], y[at + 3 * step]
  local far = at + 4 * step
  local p4, p5, p6, p7 = x[far], x[far + step], x[far + 2 * step], x[far + 3 * step]
  local q4, q5, q6, q7 = y[far], y[far + step], y[far + 2 * step], y[far + 3 * step]
  sums[place] = sums[place] + p0 + p1 + p2 + p3 + p4 + p5 + p6 + p7
  sums[place + 1] = sums[place + 1] + q0 + q1 + q2 + q3 + q4 + q5 + q6 + q7
  sums[place + 2] = sums[place + 2] + p0 * p0 + p1 * p1 + p2 * p2 + p3 * p3 + p4 * p4 + p5 * p5 + p6 * p6 + p7 * p7
  sums[place + 3] = sums[place + 3] + q0 * q0 + q1 * q1 + q2 * q2 + q3 * q3 + q4 * q4 + q5 * q5 + q6 * q6 + q7 * q7
  sums[place + 4] = sums[place + 4] + p0 * q0 + p1 * q1 + p2 * q2 + p3 * q3 + p4 * q4 + p5 * q5 + p6 * q6 + p7 * q7
end

return function(first, second, width, height, bands, seconds)
  if #first ~= width * height * bands or #second ~= #first then return nil, "size" end
  local x, y = ffi.cast("const uint8_t *", first), ffi.cast("const uint8_t *", second)
  local across, down = math.floor(width / 8 + 0.5), math.floor(height / 8 + 0.5)
  local whole = math.floor(width / 8)
  local sums = ffi.new("double[?]", across * bands * 5)
  local till = os.clock() + seconds
  local total = 0
  for row = 0, down - 1 do
    if os.clock() > till then return nil, "slow" end
    ffi.fill(sums, ffi.sizeof(sums))
    for line = row * 8, row * 8 + 7 do
      local start = math.min(line, height - 1) * width * bands
      for block = 0, whole - 1 do
        for band = 0, bands - 1 do
          add(x, y, start + block * 8 * bands + band, bands, sums, (block * bands + band) * 5)
        end
      end
      if across > whole then
        for column = whole * 8, whole * 8 + 7 do
          for band = 0, bands - 1 do
            local at, place = start + math.min(column, width - 1) * bands + band, (whole * bands + band) * 5
            local p, q = x[at], y[at]
            sums[place], sums[place + 1] = sums[place] + p, sums[place + 1] + q
            sums[place + 2], sums[place + 3] = sums[place + 2] + p * p, sums[place + 3] + q * q
            sums[place + 4] = sums[place + 4] + p * q
          end
        end
      end
    end
    for place = 0, across * bands * 5 - 1, 5 do
      local mx, my = sums[place] / 64, sums[place + 1] / 64
      local xx, yy, xy = mx * mx, my * my, mx * my
      total = total + (2 * xy + C1) * (2 * (sums[place + 4] / 64 - xy) + C2)
        / ((xx + yy + C1) * (sums[place + 2] / 64 - xx + sums[place + 3] / 64 - yy + C2))
    end
  end
  return total / (across * down * bands)
end
