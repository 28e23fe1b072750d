-- Bitmaps of JBIG2, decoded (ITU-T T.88, 6.2 and 6.3). Run by LuaJIT.
--
-- The chunk gives a table:
--   bitmap(width, height)    all white: { width, height, data }, a byte for each pixel, 0 or 1, rows without padding
--   plane()                  a function from a number of pixels to as many white ones, in memory that it uses again
--   generic(decoder, states, shape, sink)     a generic region: sink(y, row) for each row, `row` being a pointer to its
--                                             pixels, a byte each, good until the next call
--   refinement(decoder, states, shape, reference, dx, dy)     a bitmap: `reference`, moved by dx and dy, refined
--   states(template), refinement_states(template)             their contexts
--
-- A generic region's shape is { width, height, template, adaptive, typical, tick }: `adaptive` holds x and y of each
-- adaptive pixel, `typical` says that typical prediction is on, `tick` is called now and then and may raise an error.
-- A refinement's is { width, height, template, adaptive, typical }.
-- Every array is as large as its width and height ask for; whoever calls bounds those.

local ffi = require("ffi")
local bit = require("bit")
local arithmetic = require("arithmetic")
local band, bor, bxor, lshift, rshift = bit.band, bit.bor, bit.bxor, bit.lshift, bit.rshift
local decode = arithmetic.decode

-- How a template's context (figures 3 to 6) lies in this row and the two above: how many pixels of each, how far they
-- reach to the right of the coded pixel, at which bit they begin. `adaptive` are the bits of the adaptive pixels,
-- `nominal` their places, at which they are part of the rows' pixels. `typical` is the context of the bit that says "as the
-- row above" (figures 8 to 11).
local TEMPLATES = {
  [0] = {
    bits = 16, left = 4, taken1 = 7, reach1 = 3, at1 = 4, taken2 = 5, reach2 = 2, at2 = 11, typical = 0x9B25,
    adaptive = { 4, 10, 11, 15 }, nominal = { 3, -1, -3, -1, 2, -2, -2, -2 },
  },
  { bits = 13, left = 3, taken1 = 6, reach1 = 3, at1 = 3, taken2 = 4, reach2 = 2, at2 = 9, typical = 0x0795,
    adaptive = { 3 }, nominal = { 3, -1 } },
  { bits = 10, left = 2, taken1 = 5, reach1 = 2, at1 = 2, taken2 = 3, reach2 = 1, at2 = 7, typical = 0x00E5,
    adaptive = { 2 }, nominal = { 2, -1 } },
  { bits = 10, left = 4, taken1 = 6, reach1 = 2, at1 = 4, taken2 = 0, reach2 = 0, at2 = 10, typical = 0x0195,
    adaptive = { 4 }, nominal = { 2, -1 } },
}
-- Adaptive pixels reach so far to each side and so many rows up (6.2.5.4); at their nominal places, two rows.
local SIDE, FAR_ROWS, NEAR_ROWS = 128, 256, 4
-- Rows between two ticks.
local TICK_ROWS = 64
-- White pixels in a row that are worth a look ahead.
local SHORT = 16

local function bitmap(width, height)
  return { width = width, height = height, data = ffi.new("uint8_t[?]", math.max(1, width * height)) }
end

-- Memory that is used again for one padded bitmap after another, all white.
local function plane()
  local size, data = 0, nil
  return function(pixels)
    if pixels > size then
      size = pixels * 2
      data = ffi.new("uint8_t[?]", size)
    else
      ffi.fill(data, pixels)
    end
    return data
  end
end

local function same(one, other)
  for i = 1, #one do
    if one[i] ~= other[i] then return false end
  end
  return true
end

local function states(template) return ffi.new("uint8_t[?]", lshift(1, TEMPLATES[template].bits)) end

local function refinement_states(template) return ffi.new("uint8_t[?]", template == 0 and 8192 or 1024) end

local function generic(decoder, cx, shape, sink)
  local width, height = shape.width, shape.height
  local form = TEMPLATES[shape.template]
  local moved = not same(shape.adaptive, form.nominal)
  -- The last rows, with white beside them, each at the place of the one so many before it.
  local stride, last_row = width + 2 * SIDE, (moved and FAR_ROWS or NEAR_ROWS) - 1
  local ring = ffi.new("uint8_t[?]", stride * (last_row + 1))
  local mask0 = lshift(1, form.left) - 1
  local mask1, reach1, at1 = lshift(1, form.taken1) - 1, form.reach1, form.at1
  local mask2, reach2, at2 = lshift(1, form.taken2) - 1, form.reach2, form.at2
  local pixels, fixed = 0, -1
  local xs, ys, places = ffi.new("int32_t[4]"), ffi.new("int32_t[4]"), ffi.new("int32_t[4]")
  if moved then
    pixels = #form.adaptive
    for i = 0, pixels - 1 do
      xs[i], ys[i], places[i] = shape.adaptive[2 * i + 1], shape.adaptive[2 * i + 2], form.adaptive[i + 1]
      fixed = band(fixed, bit.bnot(lshift(1, places[i])))
    end
  end
  local is_typical = 0
  for y = 0, height - 1 do
    if y % TICK_ROWS == 0 then shape.tick() end
    local row = ring + band(y, last_row) * stride + SIDE
    local row1 = ring + band(y - 1, last_row) * stride + SIDE
    local row2 = ring + band(y - 2, last_row) * stride + SIDE
    if shape.typical then is_typical = bxor(is_typical, decode(decoder, cx, form.typical)) end
    if is_typical == 1 then
      ffi.copy(row, row1, width)
    else
      ffi.fill(row, width)
      local line0, line1, line2 = 0, 0, 0
      for x = 0, reach1 - 1 do line1 = bor(lshift(line1, 1), row1[x]) end
      for x = 0, reach2 - 1 do line2 = bor(lshift(line2, 1), row2[x]) end
      local x, black = -1, 0
      while x < width - 1 do
        x = x + 1
        line1 = band(bor(lshift(line1, 1), row1[x + reach1]), mask1)
        line2 = band(bor(lshift(line2, 1), row2[x + reach2]), mask2)
        local context = bor(line0, lshift(line1, at1), lshift(line2, at2))
        local run = 0
        if context == 0 and pixels == 0 and x + SHORT < width then
          -- White all around: how far to the right does that go on?
          if black <= x + reach1 then
            black = x + reach2 + 1
            while black < width and row1[black] + row2[black] == 0 do black = black + 1 end
          end
          run = (black >= width and width or black - reach1) - x
          if run > SHORT then run = arithmetic.skip(decoder, cx, 0, run) else run = 0 end
        end
        if run > 0 then
          x = x + run - 1
          goto next
        end
        if pixels > 0 then
          context = band(context, fixed)
          for i = 0, pixels - 1 do
            local pixel = ring[band(y + ys[i], last_row) * stride + SIDE + x + xs[i]]
            context = bor(context, lshift(pixel, places[i]))
          end
        end
        local value = decode(decoder, cx, context)
        row[x] = value
        line0 = band(bor(lshift(line0, 1), value), mask0)
        ::next::
      end
    end
    sink(y, row)
  end
end

-- The pixels that a refinement looks at beside the nearest: a template's adaptive ones (6.3.5.3).
local NOMINAL_REFINEMENT = { -1, -1, -1, -1 }

local function refinement(decoder, cx, shape, reference, dx, dy)
  local width, height = shape.width, shape.height
  local one = shape.template == 1
  local far = not one and not same(shape.adaptive, NOMINAL_REFINEMENT)
  local side = far and SIDE + 1 or 2
  -- Both bitmaps with white around them as far as a context can reach, the reference at its place under the other.
  local stride, rows = width + 2 * side, height + 2 * side
  local below, made = ffi.new("uint8_t[?]", stride * rows), ffi.new("uint8_t[?]", stride * rows)
  local start = side * stride + side
  for y = math.max(-side, dy), math.min(height + side, dy + reference.height) - 1 do
    local from, to = math.max(-side, dx), math.min(width + side, dx + reference.width)
    if to > from then
      ffi.copy(below + start + y * stride + from, reference.data + (y - dy) * reference.width + from - dx, to - from)
    end
  end
  local near, across = -stride - 1, -stride - 1
  if far then
    near = shape.adaptive[2] * stride + shape.adaptive[1]
    across = shape.adaptive[4] * stride + shape.adaptive[3]
  end
  local is_typical = 0
  for y = 0, height - 1 do
    if shape.typical then is_typical = bxor(is_typical, decode(decoder, cx, one and 0x080 or 0x100)) end
    local p = made + start + y * stride
    local r = below + start + y * stride
    for _ = 1, width do
      local sum = 1
      if is_typical == 1 then
        sum = r[-stride - 1] + r[-stride] + r[-stride + 1] + r[-1] + r[0] + r[1] + r[stride - 1] + r[stride] + r[stride + 1]
      end
      if is_typical == 1 and (sum == 0 or sum == 9) then
        p[0] = r[0]
      elseif one then
        p[0] = decode(decoder, cx, bor(
          p[-1], lshift(p[1 - stride], 1), lshift(p[-stride], 2), lshift(p[-stride - 1], 3), lshift(r[stride + 1], 4),
          lshift(r[stride], 5), lshift(r[1], 6), lshift(r[0], 7), lshift(r[-1], 8), lshift(r[-stride], 9)
        ))
      else
        p[0] = decode(decoder, cx, bor(
          p[-1], lshift(p[1 - stride], 1), lshift(p[-stride], 2), lshift(p[near], 3), lshift(r[stride + 1], 4),
          lshift(r[stride], 5), lshift(r[stride - 1], 6), lshift(r[1], 7), lshift(r[0], 8), lshift(r[-1], 9),
          lshift(r[1 - stride], 10), lshift(r[-stride], 11), lshift(r[across], 12)
        ))
      end
      p, r = p + 1, r + 1
    end
  end
  local found = bitmap(width, height)
  for y = 0, height - 1 do
    ffi.copy(found.data + y * width, made + start + y * stride, width)
  end
  return found
end

return {
  bitmap = bitmap,
  plane = plane,
  states = states,
  refinement_states = refinement_states,
  generic = generic,
  refinement = refinement,
}
