-- What a Type 2 charstring without subroutines draws: segments in absolute coordinates, each with its hints.
--
-- An outline is what `new` returns. Its coordinates are multiples of 1/65536, so that sums of them are exact.
--   count            how many segments there are
--   kinds            of each: MOVE, LINE, CURVE or FLEX (two curves drawn as a line below `depths` hundredths of a pixel)
--   points, places   x and y of one point, of three for a curve, of six for a flex; where those of each segment begin
--   hints            of each: the number of the set of stems in force (see `sets`)
--   horizontal, vertical  declared stems, each a number (see `edges`, `sizes`), in their order
--   counters         groups of stems that ask for equal counters, as numbers of sets
--   x, y             where the accent of an accented letter goes
-- Stems and sets of them have the same number in two outlines drawn after one `forget`.

local ffi = require("ffi")
local number = require("numbers").read

local DAMAGED = "charstring damaged"
local MOVE, LINE, CURVE, FLEX = 0, 1, 2, 3
local NUMBERS = ffi.new("int32_t[4]", 2, 2, 6, 12)
local HSTEM, VSTEM, ESCAPE, ENDCHAR, HSTEMHM, HINTMASK, CNTRMASK, VSTEMHM = 1, 3, 12, 14, 18, 19, 20, 23
-- The depth that the short forms of a flex stand for, in hundredths of a pixel.
local USUAL_DEPTH = 50

local drawing = { MOVE = MOVE, LINE = LINE, CURVE = CURVE, FLEX = FLEX, NUMBERS = NUMBERS, USUAL_DEPTH = USUAL_DEPTH }

-- `upright`, `edges`, `sizes`: of stems by their numbers. `sets`: which stems are in each.
local numbers_of, number_of_set
local LENGTH = ffi.new("uint8_t[256]")
for byte = 32, 255 do LENGTH[byte] = byte < 247 and 1 or byte < 255 and 2 or 5 end
LENGTH[28] = 3

function drawing.forget()
  numbers_of, number_of_set = { [false] = {}, [true] = {} }, {}
  drawing.upright, drawing.edges, drawing.sizes, drawing.sets = {}, {}, {}, {}
end

function drawing.new()
  return { room = 0 }
end

local function make_room(outline, bytes)
  if bytes <= outline.room then return end
  bytes = math.max(2 * bytes, 1024)
  outline.room = bytes
  -- No segment is drawn by less than a byte, and no point by less than a byte.
  outline.kinds, outline.hints = ffi.new("uint8_t[?]", bytes + 16), ffi.new("int32_t[?]", bytes + 16)
  outline.depths, outline.places = ffi.new("double[?]", bytes + 16), ffi.new("int32_t[?]", bytes + 16)
  outline.points = ffi.new("double[?]", 2 * bytes + 32)
  outline.args = ffi.new("double[?]", bytes + 16)
end

function drawing.stem_number(vertical, edge, width)
  local by_edge = numbers_of[vertical]
  local by_width = by_edge[edge]
  if not by_width then
    by_width = {}
    by_edge[edge] = by_width
  end
  local found = by_width[width]
  if not found then
    found = #drawing.edges + 1
    by_width[width] = found
    drawing.upright[found], drawing.edges[found], drawing.sizes[found] = vertical, edge, width
  end
  return found
end

-- The number of a set of stems, given as a list.
function drawing.set_number(stems)
  table.sort(stems)
  local within, different = {}, {}
  for _, stem in ipairs(stems) do
    if not within[stem] then
      within[stem] = true
      different[#different + 1] = stem
    end
  end
  local key = table.concat(different, " ")
  local found = number_of_set[key]
  if not found then
    found = #drawing.sets + 1
    number_of_set[key] = found
    drawing.sets[found] = within
  end
  return found
end

-- The stems that a mask has in it.
local function chosen(code, at, horizontal, vertical)
  local found, place = {}, 0
  for _, side in ipairs({ horizontal, vertical }) do
    for _, stem in ipairs(side) do
      local byte = code[at + math.floor(place / 8)]
      if math.floor(byte / 2 ^ (7 - place % 8)) % 2 == 1 then found[#found + 1] = stem end
      place = place + 1
    end
  end
  return drawing.set_number(found)
end

local function all_of(horizontal, vertical)
  local found = {}
  for _, stem in ipairs(horizontal) do found[#found + 1] = stem end
  for _, stem in ipairs(vertical) do found[#found + 1] = stem end
  return drawing.set_number(found)
end

-- The outline that is being drawn.
local kinds, hints, depths, places, points, args
local horizontal, vertical, in_force
local count, place, x, y

-- A segment begins: where its points go. A move after a move takes its place.
local function begin(kind)
  in_force = in_force or all_of(horizontal, vertical)
  if kind == MOVE and count > 0 and kinds[count - 1] == MOVE then
    count = count - 1
    place = places[count]
  end
  local at = place
  kinds[count], hints[count], depths[count], places[count] = kind, in_force, 0, at
  count, place = count + 1, at + NUMBERS[kind]
  return at
end

local function step(kind, dx, dy)
  local to = begin(kind)
  x, y = x + dx, y + dy
  points[to], points[to + 1] = x, y
end

-- Three points more, from a place on.
local function bend(to, dx1, dy1, dx2, dy2, dx3, dy3)
  local x1, y1 = x + dx1, y + dy1
  local x2, y2 = x1 + dx2, y1 + dy2
  x, y = x2 + dx3, y2 + dy3
  points[to], points[to + 1], points[to + 2], points[to + 3], points[to + 4], points[to + 5] = x1, y1, x2, y2, x, y
end

local function curve(dx1, dy1, dx2, dy2, dx3, dy3)
  bend(begin(CURVE), dx1, dy1, dx2, dy2, dx3, dy3)
end

local function flex(depth, dx1, dy1, dx2, dy2, dx3, dy3, dx4, dy4, dx5, dy5, dx6, dy6)
  local to = begin(FLEX)
  depths[count - 1] = depth
  bend(to, dx1, dy1, dx2, dy2, dx3, dy3)
  bend(to + 6, dx4, dy4, dx5, dy5, dx6, dy6)
end

local function lines(from, till)
  if (till - from) % 2 ~= 0 then error(DAMAGED, 0) end
  for i = from, till - 1, 2 do step(LINE, args[i], args[i + 1]) end
end

local function curves(from, till)
  if (till - from) % 6 ~= 0 then error(DAMAGED, 0) end
  for i = from, till - 1, 6 do curve(args[i], args[i + 1], args[i + 2], args[i + 3], args[i + 4], args[i + 5]) end
end

-- Draw a charstring into an outline. Whether it is an accented letter of parts is known to the caller.
function drawing.draw(outline, code, at, stop, with_parts)
  make_room(outline, stop - at)
  kinds, hints, depths, places = outline.kinds, outline.hints, outline.depths, outline.places
  points, args = outline.points, outline.args
  horizontal, vertical, in_force = {}, {}, false
  count, place, x, y = 0, 0, 0, 0
  local counters, masked, stems = {}, false, 0
  outline.x, outline.y = false, false

  while at < stop do
    local given = 0
    while at < stop do
      local length = LENGTH[code[at]]
      if length == 0 or at + length > stop then break end
      args[given] = number(code, at)
      given, at = given + 1, at + length
    end
    if at >= stop then error(DAMAGED, 0) end
    local op = code[at]
    at = at + 1
    if op == 21 then -- rmoveto
      if given < 2 then error(DAMAGED, 0) end
      step(MOVE, args[given - 2], args[given - 1])
    elseif op == 22 then -- hmoveto
      if given < 1 then error(DAMAGED, 0) end
      step(MOVE, args[given - 1], 0)
    elseif op == 4 then -- vmoveto
      if given < 1 then error(DAMAGED, 0) end
      step(MOVE, 0, args[given - 1])
    elseif op == 5 then -- rlineto
      lines(0, given)
    elseif op == 6 or op == 7 then -- hlineto, vlineto
      for i = 0, given - 1 do
        if (op == 6) == (i % 2 == 0) then step(LINE, args[i], 0) else step(LINE, 0, args[i]) end
      end
    elseif op == 8 then -- rrcurveto
      curves(0, given)
    elseif op == 24 then -- rcurveline
      curves(0, math.max(0, given - 2))
      lines(math.max(0, given - 2), given)
    elseif op == 25 then -- rlinecurve
      lines(0, math.max(0, given - 6))
      curves(math.max(0, given - 6), given)
    elseif op == 26 or op == 27 then -- vvcurveto, hhcurveto
      local aside, from = 0, 0
      if given % 4 ~= 0 then
        aside, from = args[0], 1
        if given % 4 ~= 1 then error(DAMAGED, 0) end
      end
      for i = from, given - 1, 4 do
        if op == 27 then
          curve(args[i], aside, args[i + 1], args[i + 2], args[i + 3], 0)
        else
          curve(aside, args[i], args[i + 1], args[i + 2], 0, args[i + 3])
        end
        aside = 0
      end
    elseif op == 30 or op == 31 then -- vhcurveto, hvcurveto
      local level, last, till = op == 31, 0, given
      if given % 4 ~= 0 then
        last, till = args[given - 1], given - 1
        if given % 4 ~= 1 then error(DAMAGED, 0) end
      end
      for i = 0, till - 1, 4 do
        local aside = i + 4 == till and last or 0
        if level then
          curve(args[i], 0, args[i + 1], args[i + 2], aside, args[i + 3])
        else
          curve(0, args[i], args[i + 1], args[i + 2], args[i + 3], aside)
        end
        level = not level
      end
    elseif op == HSTEM or op == VSTEM or op == HSTEMHM or op == VSTEMHM or op == HINTMASK or op == CNTRMASK then
      local upright = op ~= HSTEM and op ~= HSTEMHM
      local side, edge = upright and vertical or horizontal, 0
      for i = 0, given - 2, 2 do
        side[#side + 1] = drawing.stem_number(upright, edge + args[i], args[i + 1])
        edge = edge + args[i] + args[i + 1]
      end
      stems = stems + math.floor(given / 2)
      if op == HINTMASK or op == CNTRMASK then
        local size = math.floor((stems + 7) / 8)
        if at + size > stop then error(DAMAGED, 0) end
        local set = chosen(code, at, horizontal, vertical)
        if op == CNTRMASK then
          counters[#counters + 1] = set
        else
          in_force, masked = set, true
        end
        at = at + size
      end
      if not masked then in_force = false end
    elseif op == ESCAPE then
      if at >= stop then error(DAMAGED, 0) end
      op = code[at]
      at = at + 1
      local a = args
      if op == 35 and given >= 13 then -- flex
        flex(a[12], a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8], a[9], a[10], a[11])
      elseif op == 34 and given >= 7 then -- hflex
        flex(USUAL_DEPTH, a[0], 0, a[1], a[2], a[3], 0, a[4], 0, a[5], -a[2], a[6], 0)
      elseif op == 36 and given >= 9 then -- hflex1
        flex(USUAL_DEPTH, a[0], a[1], a[2], a[3], a[4], 0, a[5], 0, a[6], a[7], a[8], -(a[1] + a[3] + a[7]))
      elseif op == 37 and given >= 11 then -- flex1
        local across, up = a[0] + a[2] + a[4] + a[6] + a[8], a[1] + a[3] + a[5] + a[7] + a[9]
        local dx, dy = a[10], -up
        if math.abs(across) <= math.abs(up) then dx, dy = -across, a[10] end
        flex(USUAL_DEPTH, a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8], a[9], dx, dy)
      else
        error(DAMAGED, 0)
      end
    elseif op == ENDCHAR then
      if with_parts then
        if given < 4 then error(DAMAGED, 0) end
        outline.x, outline.y = args[given - 4], args[given - 3]
      end
      break
    else
      error(DAMAGED, 0)
    end
  end
  if count > 0 and kinds[count - 1] == MOVE then count = count - 1 end
  outline.count, outline.horizontal, outline.vertical, outline.counters = count, horizontal, vertical, counters
end

local function same_list(one, other)
  if #one ~= #other then return false end
  for place = 1, #one do
    if one[place] ~= other[place] then return false end
  end
  return true
end

-- Whether two outlines are the same: path, hints and counters.
function drawing.same(one, other)
  if one.count ~= other.count or one.x ~= other.x or one.y ~= other.y then return false end
  for i = 0, one.count - 1 do
    if one.kinds[i] ~= other.kinds[i] or one.hints[i] ~= other.hints[i] or one.depths[i] ~= other.depths[i] then
      return false
    end
  end
  if one.count > 0 then
    local last = one.count - 1
    for i = 0, one.places[last] + NUMBERS[one.kinds[last]] - 1 do
      if one.points[i] ~= other.points[i] then return false end
    end
  end
  return same_list(one.counters, other.counters)
end

-- Whether stems are declared in the same order: which of two that overlap is obeyed may depend on it.
function drawing.same_stems(one, other)
  return same_list(one.horizontal, other.horizontal) and same_list(one.vertical, other.vertical)
end

drawing.forget()
return drawing
