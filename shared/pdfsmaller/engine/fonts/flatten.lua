-- Type 2 charstrings (Adobe Technical Note 5177) without their subroutines. Run by LuaJIT.
--
-- The chunk is a function: flatten(data, bounds, glyphs, sets, which, budget)
--   data    a string: charstrings, then subroutines, one behind the other
--   bounds  int32: where each of them begins, and where the last one ends
--   glyphs  how many of them are charstrings; they come first
--   sets    int32: of each list of subroutines the place of its first and how many there are; the global ones first
--   which   bytes: which list each charstring calls with callsubr, counted from 0 behind the global one
--   budget  how many operators and operands all of it may cost
-- It returns the charstrings, one behind the other; int32: how long each is; doubles: the width of each (not a number
-- where it has none); int16: the codes of base and accent of each (-1 where it has none); bytes: which subroutines were
-- called; what is left of the budget.

local ffi = require("ffi")
local number = require("numbers").read

local DAMAGED = "charstring damaged"
local HSTEM, VSTEM, VMOVETO, CALLSUBR, RETURN, ESCAPE, ENDCHAR = 1, 3, 4, 10, 11, 12, 14
local HSTEMHM, HINTMASK, CNTRMASK, RMOVETO, HMOVETO, VSTEMHM, CALLGSUBR = 18, 19, 20, 21, 22, 23, 29
local FLEXES = { [34] = true, [35] = true, [36] = true, [37] = true }
-- The specification allows 10 levels of subroutines, renderers allow some more.
local DEPTH = 16
-- What no font needs in one charstring, but room for those that go beyond the specification's 48 and 96.
local MOST_OPERANDS, MOST_STEMS = 513, 255
-- A call costs as much as so many operands, and one more for so many bytes that are called.
local CALL, BYTES_PER_TOKEN = 4, 256

-- By their first byte: how long operands are (0: an operator), and what operators do.
local LENGTH, STEMS, PATH = ffi.new("uint8_t[256]"), ffi.new("uint8_t[256]"), ffi.new("uint8_t[256]")
for byte = 32, 255 do LENGTH[byte] = byte < 247 and 1 or byte < 255 and 2 or 5 end
LENGTH[28] = 3
for _, op in ipairs({ HSTEM, VSTEM, HSTEMHM, VSTEMHM, HINTMASK, CNTRMASK }) do STEMS[op] = 1 end
for _, op in ipairs({ 4, 5, 6, 7, 8, 21, 22, 24, 25, 26, 27, 30, 31 }) do PATH[op] = 1 end

local starts, sizes = ffi.new("int32_t[?]", MOST_OPERANDS + 1), ffi.new("int32_t[?]", MOST_OPERANDS + 1)
local back_at, back_stop = ffi.new("int32_t[?]", DEPTH), ffi.new("int32_t[?]", DEPTH)

local function numbers_in(text)
  local count = math.floor(#text / 4)
  local array = ffi.new("int32_t[?]", count + 1)
  ffi.copy(array, text, 4 * count)
  return array
end

-- What is added to the operand of a call (TN 5177, section 4.7).
local function bias(count)
  return count < 1240 and 107 or count < 33900 and 1131 or 32768
end

return function(data, bounds, glyphs, sets, which, budget)
  local code, fd = ffi.cast("const uint8_t *", data), ffi.cast("const uint8_t *", which)
  local last = math.floor(#bounds / 4) - 1
  bounds, sets = numbers_in(bounds), numbers_in(sets)
  local used = ffi.new("uint8_t[?]", last - glyphs + 1)
  local lengths, widths = ffi.new("int32_t[?]", glyphs + 1), ffi.new("double[?]", glyphs + 1)
  local parts = ffi.new("int16_t[?]", 2 * glyphs + 1)
  local room = 2 * #data + 4096
  local out, total = ffi.new("uint8_t[?]", room), 0

  for glyph = 0, glyphs - 1 do
    local own = 2 * fd[glyph] + 2
    local first = total
    local at, stop = bounds[glyph], bounds[glyph + 1]
    local depth, count, stems = 0, 0, 0
    local known, ended = false, false
    widths[glyph], parts[2 * glyph], parts[2 * glyph + 1] = 0 / 0, -1, -1
    while not ended do
      local before = count
      while at < stop do
        local length = LENGTH[code[at]]
        if length == 0 or at + length > stop then break end
        if count >= MOST_OPERANDS then error(DAMAGED, 0) end
        starts[count], sizes[count] = at, length
        count, at = count + 1, at + length
      end
      budget = budget - (count - before + 1)
      if budget < 0 then error("charstrings too long", 0) end
      local op = at < stop and code[at] or -1
      at = at + 1
      if op < 0 then
        -- Some fonts leave out the last return or endchar.
        if depth == 0 then break end
        depth = depth - 1
        at, stop = back_at[depth], back_stop[depth]
      elseif op == CALLSUBR or op == CALLGSUBR then
        if count == 0 then error(DAMAGED, 0) end
        count = count - 1
        local set = op == CALLSUBR and own or 0
        local called = number(code, starts[count]) + bias(sets[set + 1])
        if not (called >= 0 and called < sets[set + 1]) or depth >= DEPTH then
          error("charstring calls what is not there", 0)
        end
        called = sets[set] + math.floor(called)
        used[called - glyphs] = 1
        back_at[depth], back_stop[depth] = at, stop
        depth = depth + 1
        at, stop = bounds[called], bounds[called + 1]
        budget = budget - CALL - math.floor((stop - at) / BYTES_PER_TOKEN)
      elseif op == RETURN then
        at = stop
      else
        local from = 0
        if not known then
          known = true
          local wide
          if STEMS[op] == 1 or op == ENDCHAR then
            wide = count % 2 == 1
          else
            wide = (op == RMOVETO and count > 2) or ((op == HMOVETO or op == VMOVETO) and count > 1)
          end
          if wide then
            widths[glyph] = number(code, starts[0])
            from = 1
          end
        end
        if total + 5 * count + 40 > room then
          room = 2 * room + 5 * count
          local larger = ffi.new("uint8_t[?]", room)
          ffi.copy(larger, out, total)
          out = larger
        end
        if op == ENDCHAR then
          ended = true
          from = count - from >= 4 and count - 4 or count
          if from < count then
            local base, accent = number(code, starts[count - 2]), number(code, starts[count - 1])
            if base < 0 or base > 255 or base % 1 ~= 0 or accent < 0 or accent > 255 or accent % 1 ~= 0 then
              error(DAMAGED, 0)
            end
            parts[2 * glyph], parts[2 * glyph + 1] = base, accent
          end
        elseif op == ESCAPE then
          local second = at < stop and code[at] or -1
          at = at + 1
          if second == 0 then
            from = count -- dotsection, which renderers ignore
          elseif not FLEXES[second] then
            error(second >= 3 and second <= 30 and "arithmetic in a charstring" or DAMAGED, 0)
          end
        elseif STEMS[op] == 0 and PATH[op] == 0 then
          error(DAMAGED, 0)
        end
        for place = from, count - 1 do
          local start = starts[place]
          for byte = 0, sizes[place] - 1 do out[total + byte] = code[start + byte] end
          total = total + sizes[place]
        end
        if op == ESCAPE then
          if code[at - 1] ~= 0 then
            out[total], out[total + 1] = op, code[at - 1]
            total = total + 2
          end
        elseif op ~= ENDCHAR then
          out[total] = op
          total = total + 1
          if STEMS[op] == 1 then
            stems = stems + math.floor((count - from) / 2)
            if stems > MOST_STEMS then error(DAMAGED, 0) end
            if op == HINTMASK or op == CNTRMASK then
              local size = math.floor((stems + 7) / 8)
              if at + size > stop then error(DAMAGED, 0) end
              ffi.copy(out + total, code + at, size)
              total, at = total + size, at + size
            end
          end
        end
        count = 0
      end
    end
    out[total] = ENDCHAR
    total = total + 1
    lengths[glyph] = total - first
    if total + 8 > room then
      room = 2 * room
      local larger = ffi.new("uint8_t[?]", room)
      ffi.copy(larger, out, total)
      out = larger
    end
  end
  return ffi.string(out, total), ffi.string(lengths, 4 * glyphs), ffi.string(widths, 8 * glyphs),
    ffi.string(parts, 4 * glyphs), ffi.string(used, last - glyphs), budget
end
