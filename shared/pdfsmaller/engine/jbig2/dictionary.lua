-- A dictionary of JBIG2 symbols, coded (ITU-T T.88, 6.5). Run by LuaJIT.
--
-- The chunk is a function: dictionary(boxes, pixels, template, most, seconds)
--   boxes     two 32-bit integers for each symbol (width, height), by height, then by width; a string
--   pixels    of the symbols, a byte each (0 or 1), row after row
--   template  0 to 3, adaptive pixels at their nominal places
--   most      bytes that the result may have
--   seconds   of processor time it may take
-- It returns the coded data, from which all symbols are exported. Otherwise nil and why: "large" or "slow".

local ffi = require("ffi")
local bit = require("bit")
local arithmetic = require("arithmetic")
local regions = require("regions")
local tidied = require("tidied")
local band, bor, lshift = bit.band, bit.bor, bit.lshift
local encode, encode_integer = arithmetic.encode, arithmetic.encode_integer

local CLOCK_SYMBOLS = 64

local SIDE = 4

local function run(boxes, pixels, template, most, seconds)
  local ends = os.clock() + seconds
  return arithmetic.within(function()
    local box = ffi.cast("const int32_t *", boxes)
    local source = ffi.cast("const uint8_t *", pixels)
    local count = #boxes / 8
    local form = regions.templates[template]
    local stays, reach1, at1, reach2, at2 = form.stays, form.reach1, form.at1, form.reach2, form.at2
    local second = form.taken2 > 0 and 1 or 0
    local e, kept = arithmetic.encoder(most)
    local cx = regions.states(template)
    local heights, widths = arithmetic.integers(), arithmetic.integers()
    local fresh = regions.plane()
    local high, wide, open = 0, 0, false
    for index = 0, count - 1 do
      if index % CLOCK_SYMBOLS == 0 and os.clock() > ends then return nil, "slow" end
      local width, height = box[2 * index], box[2 * index + 1]
      if height ~= high or not open then
        if open then encode_integer(e, widths, nil) end
        encode_integer(e, heights, height - high)
        high, wide, open = height, 0, true
      end
      encode_integer(e, widths, width - wide)
      wide = width
      local stride = width + 2 * SIDE
      local around = fresh(stride * (height + 2))
      for y = 0, height - 1 do ffi.copy(around + (y + 2) * stride + SIDE, source + y * width, width) end
      for y = 0, height - 1 do
        local p = around + (y + 2) * stride + SIDE
        local p1, p2 = p - stride + reach1, p - 2 * stride + reach2
        local context = bor(
          lshift(p1[-1], at1), lshift(p1[-2], at1 + 1), lshift(p1[-3], at1 + 2),
          lshift(p2[-1] * second, at2), lshift(p2[-2] * second, at2 + 1)
        )
        for x = 0, width - 1 do
          context = bor(band(lshift(context, 1), stays), p[x - 1], lshift(p1[x], at1), lshift(p2[x] * second, at2))
          encode(e, cx, context, p[x])
        end
      end
      source = source + width * height
    end
    if open then encode_integer(e, widths, nil) end
    local runs = arithmetic.integers()
    encode_integer(e, runs, 0)
    encode_integer(e, runs, count)
    return arithmetic.finish(e, kept)
  end)
end

return tidied(run)
