-- Type 2 charstrings: four functions, all of which work on many at once.
--
--   flatten(data, bounds, glyphs, sets, which, budget)   without their subroutines; see `flatten.lua`
--   tidy(data, bounds)                                   charstrings that draw the same in the fewest bytes
--   type1(data, bounds, glyphs, numbers, len_iv, weights, budget)   from those of Type 1; see `type1.lua`
--   same(data, bounds, others, other_bounds, with_parts) whether each draws what the other of its place does
-- Of what `flatten` returned: data is a string, charstrings one behind the other; bounds is int32, where each begins and
-- where the last one ends; with_parts is a byte for each, 1 for accented letters of parts. `tidy` returns charstrings one
-- behind the other and int32, how long each is; what cannot be read, or is none the shorter, stays as it is. `same` also
-- compares hints.
-- What is damaged, or asks for too much, gives nil and why.

-- Fonts have so few bytes that machine code pays only for what is run often. Of 56/10 (LuaJIT's own), 200/40, 500/100
-- and none at all these cost the least: 17 to 145 ms for tiny-minimal-latex, form-irs-f1040nr and geotopo-compressed
-- instead of 29 to 169 (2026-11-30).
jit.opt.start("hotloop=200", "hotexit=40")

local ffi = require("ffi")
local drawing = require("draw")
local encode = require("encode")
local flatten = require("flatten")
local type1 = require("type1")

local REASONS = {
  ["charstring damaged"] = true,
  ["charstrings too long"] = true,
  ["charstring calls what is not there"] = true,
  ["arithmetic in a charstring"] = true,
  ["charstring number out of range"] = true,
  ["too many stems"] = true,
  ["Type 1 charstring damaged"] = true,
  ["Type 1 coordinate out of range"] = true,
  ["Type 1 flex damaged"] = true,
  ["Type 1 subroutine missing"] = true,
}

local function numbers_in(text)
  local count = math.floor(#text / 4)
  local array = ffi.new("int32_t[?]", count + 1)
  ffi.copy(array, text, 4 * count)
  return array, count
end

local function guarded(run)
  local function checked(done, ...)
    if done then return ... end
    local reason = ...
    if not REASONS[reason] then error(reason, 0) end
    return nil, reason
  end
  return function(...) return checked(pcall(run, ...)) end
end

local one, other = drawing.new(), drawing.new()

-- The charstring written anew, or nothing where it stays.
local function tidied(code, at, stop)
  drawing.forget()
  drawing.draw(one, code, at, stop, false)
  local new, size = encode(one)
  if size >= stop - at then return nil end
  drawing.draw(other, new, 0, size, false)
  if drawing.same(one, other) and drawing.same_stems(one, other) then return new, size end
end

local function tidy(data, bounds)
  local code, count = ffi.cast("const uint8_t *", data), nil
  bounds, count = numbers_in(bounds)
  local out, total = ffi.new("uint8_t[?]", #data + 1), 0
  local lengths = ffi.new("int32_t[?]", count)
  for glyph = 0, count - 2 do
    local at, stop = bounds[glyph], bounds[glyph + 1]
    local done, new, size = pcall(tidied, code, at, stop)
    if not done and not REASONS[new] then error(new, 0) end
    if done and new then
      ffi.copy(out + total, new, size)
    else
      size = stop - at
      ffi.copy(out + total, code + at, size)
    end
    lengths[glyph] = size
    total = total + size
  end
  return ffi.string(out, total), ffi.string(lengths, 4 * (count - 1))
end

local function same(data, bounds, others, other_bounds, with_parts)
  local code, other_code = ffi.cast("const uint8_t *", data), ffi.cast("const uint8_t *", others)
  local parts, count = ffi.cast("const uint8_t *", with_parts), nil
  bounds, count = numbers_in(bounds)
  other_bounds = numbers_in(other_bounds)
  for glyph = 0, count - 2 do
    drawing.forget()
    drawing.draw(one, code, bounds[glyph], bounds[glyph + 1], parts[glyph] == 1)
    drawing.draw(other, other_code, other_bounds[glyph], other_bounds[glyph + 1], parts[glyph] == 1)
    if not drawing.same(one, other) then return false end
  end
  return true
end

return guarded(flatten), guarded(tidy), guarded(same), guarded(type1)
