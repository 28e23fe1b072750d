-- A JBIG2 generic region, arithmetically coded (ITU-T T.88, 6.2 and annex E). Run by LuaJIT: a loop over every pixel.
--
-- The chunk is a function: encode(bitmap, width, height, template, most, seconds)
--   bitmap    packed rows, each padded to a byte, a set bit being JBIG2's black; a string
--   template  0 to 3 (6.2.5.3), its adaptive pixels at their nominal places
--   most      bytes that the result may have
--   seconds   of processor time it may take (where machine code may not be made, LuaJIT is fifty times slower)
-- It returns the coded data as a string and whether typical prediction is on. Otherwise nil and why: "size" (the bitmap
-- is not of the size it claims), "large" (`most` is not enough) or "slow".
-- All memory written to is its own, of sizes fixed by `width`, `template` and `most`.

local ffi = require("ffi")
local bit = require("bit")
local arithmetic = require("arithmetic")
local band, bor, bxor, lshift, rshift = bit.band, bit.bor, bit.bxor, bit.lshift, bit.rshift

local qe, after_mps, after_lps = arithmetic.qe, arithmetic.after_mps, arithmetic.after_lps

-- How a template's context (figures 3 to 6) is cut out of this row and the two above: the mask of the pixels taken, how
-- far to the right of the coded pixel they reach, where they lie in the context. `typical` is the context of the bit
-- that says "as the row above" (figures 8 to 11).
local TEMPLATES = {
  [0] = { bits = 16, mask0 = 0x0F, mask1 = 0x7F, reach1 = 3, at1 = 4, mask2 = 0x1F, reach2 = 2, at2 = 11, typical = 0x9B25 },
  { bits = 13, mask0 = 0x07, mask1 = 0x3F, reach1 = 3, at1 = 3, mask2 = 0x0F, reach2 = 2, at2 = 9, typical = 0x0795 },
  { bits = 10, mask0 = 0x03, mask1 = 0x1F, reach1 = 2, at1 = 2, mask2 = 0x07, reach2 = 1, at2 = 7, typical = 0x00E5 },
  { bits = 10, mask0 = 0x0F, mask1 = 0x3F, reach1 = 2, at1 = 4, mask2 = 0x00, reach2 = 0, at2 = 10, typical = 0x0195 },
}
-- Rows between two looks at the clock.
local CLOCK_ROWS = 64

-- BYTEOUT (figure E.10): one byte from the code register `c`, a carry going into the last one. Returns the number of
-- bytes that are out, the register and the shifts until the next byte is due.
local function byte_out(out, at, c)
  if out[at] ~= 0xFF and c >= 0x8000000 then
    out[at] = out[at] + 1
    if out[at] == 0xFF then c = band(c, 0x7FFFFFF) end
  end
  if out[at] == 0xFF then -- the next byte has room for a carry
    out[at + 1] = rshift(c, 20)
    return at + 1, band(c, 0xFFFFF), 7
  end
  out[at + 1] = band(rshift(c, 19), 0xFF)
  return at + 1, band(c, 0x7FFFF), 8
end

-- FLUSH (figure E.11) and the marker that ends the data. Returns the number of bytes that are out.
local function flush(out, at, a, c, due)
  local top = c + a
  c = bor(c, 0xFFFF)
  if c >= top then c = c - 0x8000 end
  at, c, due = byte_out(out, at, lshift(c, due))
  at = byte_out(out, at, lshift(c, due))
  if out[at] ~= 0xFF then at = at + 1 end
  out[at], out[at + 1] = 0xFF, 0xAC
  return at + 1
end

local function rows_equal(one, other, bytes)
  for i = 0, bytes - 1 do
    if one[i] ~= other[i] then return false end
  end
  return true
end

-- Typical prediction costs a bit per row and saves the rows that repeat the one above: on where these are many.
local function many_repeat(source, row_bytes, height)
  local repeated = 0
  for y = 1, height - 1 do
    local row = source + y * row_bytes
    if rows_equal(row, row - row_bytes, row_bytes) then repeated = repeated + 1 end
  end
  return repeated * 2 > height
end

return function(bitmap, width, height, template, most, seconds)
  local row_bytes = rshift(width + 7, 3)
  local shape = TEMPLATES[template]
  if width < 1 or height < 1 or shape == nil or #bitmap ~= row_bytes * height then return nil, "size" end
  if most < 8 then return nil, "large" end
  local ends = os.clock() + seconds
  local source = ffi.cast("const uint8_t *", bitmap)
  local mask0, mask1, mask2, at1, at2 = shape.mask0, shape.mask1, shape.mask2, shape.at1, shape.at2
  local shift1, shift2 = 15 - shape.reach1, 15 - shape.reach2
  local last = row_bytes - 1
  local last_mask = lshift(0xFF, band(-width, 7))
  local prediction = many_repeat(source, row_bytes, height)
  local was_typical = 0

  -- Three rows with a clear byte on each side; they change places from row to row.
  local rows = ffi.new("uint8_t[?]", 3 * (row_bytes + 2))
  local row2, row1, row0 = rows + 1, rows + row_bytes + 3, rows + 2 * row_bytes + 5

  -- out[0] stands before the first byte; no carry ever reaches it.
  local out = ffi.new("uint8_t[?]", most + 8)
  local states = ffi.new("uint8_t[?]", lshift(1, shape.bits))
  local a, c, due, at = 0x8000, 0, 12, 0

  for y = 0, height - 1 do
    row2, row1, row0 = row1, row0, row2
    ffi.copy(row0, source + y * row_bytes, row_bytes)
    row0[last] = band(row0[last], last_mask)
    if y % CLOCK_ROWS == 0 and os.clock() > ends then return nil, "slow" end

    -- x = -1 is the bit that says "as the row above".
    local x, stop, said = 0, width, 0
    if prediction then
      local typical = rows_equal(row0, row1, row_bytes) and 1 or 0
      x, stop, said = -1, typical == 1 and 0 or width, bxor(typical, was_typical)
      was_typical = typical
    end
    while x < stop do
      local context, pixel, run = shape.typical, said, 1
      if x >= 0 then
        local i, j = rshift(x, 3), band(x, 7)
        local line0 = bor(lshift(row0[i - 1], 8), row0[i])
        local line1 = bor(lshift(row1[i - 1], 16), lshift(row1[i], 8), row1[i + 1])
        local line2 = bor(lshift(row2[i - 1], 16), lshift(row2[i], 8), row2[i + 1])
        context = bor(
          lshift(band(rshift(line2, shift2 - j), mask2), at2),
          lshift(band(rshift(line1, shift1 - j), mask1), at1),
          band(rshift(line0, 8 - j), mask0)
        )
        pixel = band(rshift(line0, 7 - j), 1)
        -- Bytes that are all clear or all set, here, above and on both sides: a run of one symbol in one context.
        if j == 0 and bor(line0, line1, line2) == 0 then
          local k = i + 1
          while k <= last and bor(row0[k], row1[k + 1], row2[k + 1]) == 0 do k = k + 1 end
          run = math.min(lshift(k - i, 3), width - x)
        elseif j == 0 and line0 == 0xFFFF and band(line1, line2) == 0xFFFFFF then
          local k = i + 1
          while k < last and band(row0[k], row1[k + 1], row2[k + 1]) == 0xFF do k = k + 1 end
          run = math.min(lshift(k - i, 3), width - x)
        end
        x = x + run
      else
        x = 0
      end
      -- ENCODE (figures E.4 to E.8), `run` times the same symbol.
      repeat
        local state = states[context]
        local q = qe[state]
        local renormalise = true
        if band(state, 1) == pixel then
          -- As many of a run as leave the interval large enough are one step.
          local steps = 1
          if run > 1 then steps = math.max(1, math.min(run, math.floor((a - 0x8000) / q))) end
          run = run - steps
          a = a - q * steps
          if a >= 0x8000 then
            c = c + q * steps
            renormalise = false
          else
            if a < q then a = q else c = c + q end
            states[context] = after_mps[state]
          end
        else
          run = run - 1
          a = a - q
          if a < q then c = c + q else a = q end
          states[context] = after_lps[state]
        end
        if renormalise then
          repeat
            a, c, due = lshift(a, 1), lshift(c, 1), due - 1
            if due == 0 then
              if at >= most then return nil, "large" end
              at, c, due = byte_out(out, at, c)
            end
          until a >= 0x8000
        end
      until run == 0
    end
  end
  at = flush(out, at, a, c, due)
  if at > most then return nil, "large" end
  return ffi.string(out + 1, at), prediction
end
