-- The text of a page, coded (ITU-T T.88, 6.3 and 6.4): each letter is a symbol of a dictionary, as it is or refined to
-- be exactly as it was. Run by LuaJIT.
--
-- The chunk is a function: text(boxes, pixels, letters, drawn, strips_log, most, seconds)
--   boxes, pixels  of the dictionary's symbols, as in dictionary.lua
--   letters        eight 32-bit integers each: symbol, x, y, width, height, dx, dy, refined; `refined` is 0 where it is the
--                  symbol as it is, otherwise the symbol lies dx to the right of and dy below the letter's corner
--   drawn          the pixels of the refined letters, a byte each, in the letters' order
--   strips_log     letters whose bottoms are in the same 1, 2, 4 or 8 rows (0 to 3) are coded together
--   most           bytes that the result may have
--   seconds        of processor time it may take
-- It returns the coded data; corners are the lower left ones, refinement has template 0 with its adaptive pixels at their
-- nominal places. Otherwise nil and why: "large" or "slow".

local ffi = require("ffi")
local bit = require("bit")
local arithmetic = require("arithmetic")
local regions = require("regions")
local tidied = require("tidied")
local band, bor, lshift, rshift = bit.band, bit.bor, bit.lshift, bit.rshift
local encode, encode_integer, encode_id = arithmetic.encode, arithmetic.encode_integer, arithmetic.encode_id

local CLOCK_LETTERS = 64

local function bits_for(count)
  local bits = 0
  while lshift(1, bits) < count do bits = bits + 1 end
  return bits
end

local STAYS = regions.refinement_stays

local function refine(e, cx, made, below, stride, start, width, height)
  for y = 0, height - 1 do
    local p, r = made + start + y * stride, below + start + y * stride
    local context = bor(
      lshift(p[-stride - 1], 2), lshift(p[-stride], 1), lshift(r[stride - 1], 5), lshift(r[stride], 4),
      lshift(r[-1], 8), lshift(r[0], 7), lshift(r[-stride - 1], 11), lshift(r[-stride], 10)
    )
    for x = 0, width - 1 do
      context = bor(
        band(lshift(context, 1), STAYS), p[x - 1], lshift(p[x + 1 - stride], 1), lshift(r[x + 1 + stride], 4),
        lshift(r[x + 1], 7), lshift(r[x + 1 - stride], 10)
      )
      encode(e, cx, context, p[x])
    end
  end
end

local SYMBOL, X, Y, WIDTH, HEIGHT, DX, DY, REFINED = 0, 1, 2, 3, 4, 5, 6, 7

local function run(boxes, pixels, letters, drawn, strips_log, most, seconds)
  local ends = os.clock() + seconds
  return arithmetic.within(function()
    local box = ffi.cast("const int32_t *", boxes)
    local symbols = #boxes / 8
    local from = ffi.new("int32_t[?]", symbols + 1)
    for i = 0, symbols - 1 do from[i + 1] = from[i] + box[2 * i] * box[2 * i + 1] end
    local sources, targets = ffi.cast("const uint8_t *", pixels), ffi.cast("const uint8_t *", drawn)
    local all = ffi.cast("const int32_t *", letters)
    local count = #letters / 32

    local strip_of, at, order, places = {}, 0, {}, {}
    for i = 0, count - 1 do
      local letter = all + 8 * i
      places[i] = at
      if letter[REFINED] ~= 0 then at = at + letter[WIDTH] * letter[HEIGHT] end
      strip_of[i] = rshift(letter[Y] + letter[HEIGHT] - 1, strips_log)
      order[i + 1] = i
    end
    table.sort(order, function(one, two)
      if strip_of[one] ~= strip_of[two] then return strip_of[one] < strip_of[two] end
      local x1, x2 = all[8 * one + X], all[8 * two + X]
      if x1 ~= x2 then return x1 < x2 end
      return one < two
    end)

    local e, kept = arithmetic.encoder(most)
    local id_bits = bits_for(symbols)
    local ids = ffi.new("uint8_t[?]", lshift(1, id_bits))
    local cx = regions.refinement_states(0)
    local dt, fs, ds, it, ri = arithmetic.integers(), arithmetic.integers(), arithmetic.integers(), arithmetic.integers(), arithmetic.integers()
    local rdw, rdh, rdx, rdy = arithmetic.integers(), arithmetic.integers(), arithmetic.integers(), arithmetic.integers()
    local fresh_made, fresh_below = regions.plane(), regions.plane()
    encode_integer(e, dt, 0)
    local strip, first, s = 0, 0, 0
    local open = false
    for index = 1, count do
      if index % CLOCK_LETTERS == 0 and os.clock() > ends then return nil, "slow" end
      local number = order[index]
      local letter = all + 8 * number
      local x, bottom = letter[X], letter[Y] + letter[HEIGHT] - 1
      if not open or strip_of[number] ~= strip then
        if open then encode_integer(e, ds, nil) end
        encode_integer(e, dt, strip_of[number] - strip)
        encode_integer(e, fs, x - first)
        strip, first, open = strip_of[number], x, true
      else
        encode_integer(e, ds, x - s)
      end
      if strips_log > 0 then encode_integer(e, it, bottom - lshift(strip, strips_log)) end
      local id = letter[SYMBOL]
      encode_id(e, ids, id_bits, id)
      local width, height = letter[WIDTH], letter[HEIGHT]
      encode_integer(e, ri, letter[REFINED])
      if letter[REFINED] ~= 0 then
        local wider, higher = width - box[2 * id], height - box[2 * id + 1]
        encode_integer(e, rdw, wider)
        encode_integer(e, rdh, higher)
        encode_integer(e, rdx, letter[DX] - math.floor(wider / 2))
        encode_integer(e, rdy, letter[DY] - math.floor(higher / 2))
        local stride = width + 4
        local made, below = fresh_made(stride * (height + 4)), fresh_below(stride * (height + 4))
        local start = 2 * stride + 2
        for y = 0, height - 1 do ffi.copy(made + start + y * stride, targets + places[number] + y * width, width) end
        local symbol_width, dx, dy = box[2 * id], letter[DX], letter[DY]
        local left, right = math.max(-2, dx), math.min(width + 2, dx + symbol_width)
        if left < right then
          for y = math.max(-2, dy), math.min(height + 2, dy + box[2 * id + 1]) - 1 do
            local source = sources + from[id] + (y - dy) * symbol_width + left - dx
            ffi.copy(below + start + y * stride + left, source, right - left)
          end
        end
        refine(e, cx, made, below, stride, start, width, height)
      end
      s = x + width - 1
    end
    if open then encode_integer(e, ds, nil) end
    return arithmetic.finish(e, kept)
  end)
end

return tidied(run)
