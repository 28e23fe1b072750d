-- Bitmaps of JBIG2, decoded (ITU-T T.88, 6.2 and 6.3). Run by LuaJIT.
--
-- The chunk gives a table:
--   bitmap(width, height)    all white: { width, height, data }, a byte for each pixel, 0 or 1, rows without padding; eight
--                            bytes more may be read
--   plane()                  a function from a number of pixels to as many white ones, in memory that it uses again
--   generic(decoder, states, shape, sink)     a generic region: sink(y, row, blank) for each row, `row` being a pointer to
--                                             its pixels, a byte each, good until the next call; `blank` where all are
--                                             known to be white
--   refinement(decoder, states, shape, reference, dx, dy, found)     a bitmap, or `found` where that is given: `reference`,
--                                             moved by dx and dy, refined
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
-- row above" (figures 8 to 11). A pixel's context is that of the one before it, moved on by a place; `stays` are the bits
-- that stay, the others come in.
local TEMPLATES = {
  [0] = {
    bits = 16, left = 4, taken1 = 7, reach1 = 3, at1 = 4, taken2 = 5, reach2 = 2, at2 = 11, typical = 0x9B25, stays = 0xF7EE,
    adaptive = { 4, 10, 11, 15 }, nominal = { 3, -1, -3, -1, 2, -2, -2, -2 },
  },
  { bits = 13, left = 3, taken1 = 6, reach1 = 3, at1 = 3, taken2 = 4, reach2 = 2, at2 = 9, typical = 0x0795, stays = 0x1DF6,
    adaptive = { 3 }, nominal = { 3, -1 } },
  { bits = 10, left = 2, taken1 = 5, reach1 = 2, at1 = 2, taken2 = 3, reach2 = 1, at2 = 7, typical = 0x00E5, stays = 0x037A,
    adaptive = { 2 }, nominal = { 2, -1 } },
  { bits = 10, left = 4, taken1 = 6, reach1 = 2, at1 = 4, taken2 = 0, reach2 = 0, at2 = 10, typical = 0x0195, stays = 0x03EE,
    adaptive = { 4 }, nominal = { 2, -1 } },
}
-- Adaptive pixels reach so far to each side and so many rows up (6.2.5.4); at their nominal places, two rows.
local SIDE, FAR_ROWS, NEAR_ROWS = 128, 256, 4
-- Rows between two ticks.
local TICK_ROWS = 64
-- White pixels in a row that are worth a look ahead.
local SHORT = 16
-- Memory of more pixels is not kept for the next bitmap.
local MOST_KEPT = 0x40000

local function bitmap(width, height)
  return { width = width, height = height, data = ffi.new("uint8_t[?]", width * height + 8) }
end

-- Memory that is used again for one padded bitmap after another, all white.
local function plane()
  local size, data = 0, nil
  return function(pixels)
    if pixels > MOST_KEPT then return ffi.new("uint8_t[?]", pixels) end
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

-- Where either of two rows has its first black pixel from x on, or some white ones before it; `width` or more if nowhere.
local function first_black(row1, row2, x, width)
  while x < width do
    local four1, four2 = ffi.cast("const int32_t *", row1 + x), ffi.cast("const int32_t *", row2 + x)
    if bor(four1[0], four2[0]) ~= 0 then break end
    x = x + 4
  end
  return x
end

local fresh_ring = plane()

local function states(template) return ffi.new("uint8_t[?]", lshift(1, TEMPLATES[template].bits)) end

local function refinement_states(template) return ffi.new("uint8_t[?]", template == 0 and 8192 or 1024) end

-- What the first pixel of a row has before it of the rows above, each at its place.
local function first_context(form, next1, next2, second)
  local at1, at2 = form.at1, form.at2
  return bor(
    lshift(next1[-1], at1), lshift(next1[-2], at1 + 1), lshift(next1[-3], at1 + 2),
    lshift(next2[-1] * second, at2), lshift(next2[-2] * second, at2 + 1)
  )
end

-- The pixels of a row whose adaptive pixels are at their nominal places: `row` is white, as are all rows beside their
-- width. `blank`: both rows above are white. Returns whether this one is.
local function near_row(decoder, cx, form, row, row1, row2, width, blank)
  local stays, reach1, at1, reach2, at2 = form.stays, form.reach1, form.at1, form.reach2, form.at2
  local second = form.taken2 > 0 and 1 or 0
  local next1, next2 = row1 + reach1, row2 + reach2
  local context = first_context(form, next1, next2, second)
  local x, black = 0, blank and width or 0
  local seen = 0
  while x < width do
    context = bor(band(lshift(context, 1), stays), row[x - 1], lshift(next1[x], at1), lshift(next2[x] * second, at2))
    local run = 0
    if context == 0 and x + SHORT < width then
      -- White all around: how far to the right does that go on?
      if black <= x + reach1 then black = first_black(row1, row2, x + reach2 + 1, width) end
      run = (black >= width and width or black - reach1) - x
      run = run > SHORT and arithmetic.skip(decoder, cx, 0, run) or 0
    end
    if run > 0 then
      x = x + run
    else
      local pixel = decode(decoder, cx, context)
      row[x] = pixel
      seen = bor(seen, pixel)
      x = x + 1
    end
  end
  return seen == 0
end

-- The same of any adaptive pixels: their places in the context, and where they are from the coded pixel.
local function far_row(decoder, cx, form, row, row1, row2, width, moved)
  local stays, reach1, at1, reach2, at2 = form.stays, form.reach1, form.at1, form.reach2, form.at2
  local second = form.taken2 > 0 and 1 or 0
  local next1, next2 = row1 + reach1, row2 + reach2
  local context = first_context(form, next1, next2, second)
  local count, fixed, places, rows = moved.count, moved.fixed, moved.places, moved.rows
  for x = 0, width - 1 do
    context = bor(band(lshift(context, 1), stays), row[x - 1], lshift(next1[x], at1), lshift(next2[x] * second, at2))
    local seen = band(context, fixed)
    for i = 1, count do seen = bor(seen, lshift(rows[i][x], places[i])) end
    row[x] = decode(decoder, cx, seen)
  end
end

local function generic(decoder, cx, shape, sink)
  local width, height = shape.width, shape.height
  local form = TEMPLATES[shape.template]
  local moved
  if not same(shape.adaptive, form.nominal) then
    moved = { count = #form.adaptive, fixed = -1, places = form.adaptive, rows = {} }
    for _, place in ipairs(form.adaptive) do moved.fixed = band(moved.fixed, bit.bnot(lshift(1, place))) end
  end
  -- The last rows, with white beside them, each at the place of the one so many before it.
  local stride, last_row = width + 2 * SIDE, (moved and FAR_ROWS or NEAR_ROWS) - 1
  local ring = fresh_ring(stride * (last_row + 1))
  local is_typical = 0
  local blank1, blank2 = true, true -- the row above, and the one above that, is white
  for y = 0, height - 1 do
    local blank = false
    if y % TICK_ROWS == 0 then shape.tick() end
    local row = ring + band(y, last_row) * stride + SIDE
    local row1 = ring + band(y - 1, last_row) * stride + SIDE
    local row2 = ring + band(y - 2, last_row) * stride + SIDE
    if shape.typical then is_typical = bxor(is_typical, decode(decoder, cx, form.typical)) end
    if is_typical == 1 then
      ffi.copy(row, row1, width)
      blank = blank1
    else
      ffi.fill(row, width)
      if moved == nil then
        blank = near_row(decoder, cx, form, row, row1, row2, width, blank1 and blank2)
      else
        for i = 1, moved.count do
          local dx, dy = shape.adaptive[2 * i - 1], shape.adaptive[2 * i]
          moved.rows[i] = ring + band(y + dy, last_row) * stride + SIDE + dx
        end
        far_row(decoder, cx, form, row, row1, row2, width, moved)
      end
    end
    blank1, blank2 = blank, blank1
    sink(y, row, blank)
  end
end

-- The pixels that a refinement looks at beside the nearest: a template's adaptive ones (6.3.5.3).
local NOMINAL_REFINEMENT = { -1, -1, -1, -1 }
-- Of a refinement's context (figure 12), the bits that stay when it moves on by a pixel: it holds three pixels of each of
-- three rows of the reference, three of the row above, the one to the left.
local REFINEMENT_STAYS = 0x1B6C

local function refine_row(decoder, cx, p, r, stride, width)
  local context = bor(
    lshift(p[-stride - 1], 2), lshift(p[-stride], 1), lshift(r[stride - 1], 5), lshift(r[stride], 4), lshift(r[-1], 8),
    lshift(r[0], 7), lshift(r[-stride - 1], 11), lshift(r[-stride], 10)
  )
  for x = 0, width - 1 do
    context = bor(
      band(lshift(context, 1), REFINEMENT_STAYS), p[x - 1], lshift(p[x + 1 - stride], 1), lshift(r[x + 1 + stride], 4),
      lshift(r[x + 1], 7), lshift(r[x + 1 - stride], 10)
    )
    p[x] = decode(decoder, cx, context)
  end
end

-- The same with template 1, or with adaptive pixels `near` in the bitmap itself and `across` in the other.
local function refine_far_row(decoder, cx, p, r, stride, width, one, near, across, is_typical)
  for x = 0, width - 1 do
    local above = bor(lshift(r[x - 1 - stride], 2), lshift(r[x - stride], 1), r[x + 1 - stride])
    local here = bor(lshift(r[x - 1], 2), lshift(r[x], 1), r[x + 1])
    local under = bor(lshift(r[x - 1 + stride], 2), lshift(r[x + stride], 1), r[x + 1 + stride])
    local own = bor(p[x - 1], lshift(p[x + 1 - stride], 1), lshift(p[x - stride], 2))
    if is_typical and above == here and here == under and (here == 0 or here == 7) then
      p[x] = r[x]
    elseif one then
      p[x] = decode(decoder, cx, bor(
        own, lshift(p[x - 1 - stride], 3), lshift(band(under, 3), 4), lshift(here, 6), lshift(r[x - stride], 9)
      ))
    else
      p[x] = decode(decoder, cx, bor(
        own, lshift(p[x + near], 3), lshift(under, 4), lshift(here, 7), lshift(band(above, 3), 10),
        lshift(r[x + across], 12)
      ))
    end
  end
end

local fresh_made, fresh_below = plane(), plane()

local function refinement(decoder, cx, shape, reference, dx, dy, found)
  local width, height = shape.width, shape.height
  local one = shape.template == 1
  local far = not one and not same(shape.adaptive, NOMINAL_REFINEMENT)
  local side = far and SIDE + 1 or 2
  -- Both bitmaps with white around them as far as a context can reach, the reference at its place under the other.
  local stride, rows = width + 2 * side, height + 2 * side
  local below, made = fresh_below(stride * rows), fresh_made(stride * rows)
  local start = side * stride + side
  local from, to = math.max(-side, dx), math.min(width + side, dx + reference.width)
  if to > from then
    for y = math.max(-side, dy), math.min(height + side, dy + reference.height) - 1 do
      ffi.copy(below + start + y * stride + from, reference.data + (y - dy) * reference.width + from - dx, to - from)
    end
  end
  local near, across = -stride - 1, -stride - 1
  if far then
    near = shape.adaptive[2] * stride + shape.adaptive[1]
    across = shape.adaptive[4] * stride + shape.adaptive[3]
  end
  found = found or bitmap(width, height)
  local is_typical = false
  for y = 0, height - 1 do
    if shape.typical and decode(decoder, cx, one and 0x080 or 0x100) == 1 then is_typical = not is_typical end
    local p, r = made + start + y * stride, below + start + y * stride
    if one or far or is_typical then
      refine_far_row(decoder, cx, p, r, stride, width, one, near, across, is_typical)
    else
      refine_row(decoder, cx, p, r, stride, width)
    end
    ffi.copy(found.data + y * width, p, width)
  end
  return found
end

return {
  templates = TEMPLATES,
  refinement_stays = REFINEMENT_STAYS,
  bitmap = bitmap,
  plane = plane,
  states = states,
  refinement_states = refinement_states,
  generic = generic,
  refinement = refinement,
}
