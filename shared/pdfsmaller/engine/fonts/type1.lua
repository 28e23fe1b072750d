-- Type 1 charstrings (Adobe Type 1 Font Format, chapters 6 to 8) as the plainest Type 2 charstrings that draw the same:
-- an operator for each segment.
--
-- The chunk is a function: type1(data, bounds, glyphs, numbers, len_iv, weights, budget)
--   data     a string: charstrings, then subroutines, as they are stored, one behind the other
--   bounds   int32: where each of them begins, and where the last one ends
--   glyphs   how many of them are charstrings; they come first
--   numbers  int32: the number of each subroutine
--   len_iv   how many bytes stand before each of them, below 0 where they are not encrypted
--   weights  doubles: of the designs of a multiple master
--   budget   how many operators and operands all of it may cost
-- It returns the charstrings, one behind the other; int32: how long each is; doubles: the width of each; int16: the codes
-- of base and accent of each (-1 where it has none); what is left of the budget.

local ffi = require("ffi")
local bit = require("bit")
local drawing = require("draw")

local DAMAGED = "Type 1 charstring damaged"
-- The specification allows 24 operands and 10 levels of subroutines; renderers allow more.
local STACK, DEPTH = 256, 16
local MOST_COORDINATE, MOST_NUMBER = 32000, 2 ^ 31
-- More of one direction than CFF can have.
local MOST_STEMS = 97
-- Of Type 2: stems of one direction that fit on the stack beside a width, and stems in all.
local MOST_AT_ONCE, MOST_IN_ALL = 23, 96
local MOVE, LINE, CURVE, FLEX = drawing.MOVE, drawing.LINE, drawing.CURVE, drawing.FLEX
local OPERATORS = { [MOVE] = 21, [LINE] = 5, [CURVE] = 8 }
-- No segment takes more bytes, nor a mask or the edges of all stems.
local SEGMENT_BYTES = 13 * 5 + 64 + 2 * MOST_IN_ALL * 5

-- A number to the nearest 1/65536, of two halfway ones the even.
local function sixteenth(value)
  if not (value >= -MOST_NUMBER and value <= MOST_NUMBER) then error(DAMAGED, 0) end
  local scaled = value * 65536
  local floor = math.floor(scaled)
  local rest = scaled - floor
  if rest > 0.5 or (rest == 0.5 and floor % 2 == 1) then floor = floor + 1 end
  return floor / 65536
end

-- What is known while one glyph is run.
local stack, results = {}, {} -- the second is what OtherSubrs leave on the PostScript stack, the last first
local count, left_over = 0, 0
local x, y, bearing_x, bearing_y, width, open
local horizontal, vertical, in_force -- stems in force, as sets and in all by number
local level_stems, upright_stems
local counter_level, counter_upright
local flex, flexed
local segments, segment_count

local function take(wanted)
  if count < wanted then error(DAMAGED, 0) end
  count = count - wanted
  return stack[count + 1], stack[count + 2], stack[count + 3], stack[count + 4], stack[count + 5], stack[count + 6]
end

local function hints()
  if not in_force then
    local found = {}
    for stem in pairs(horizontal) do found[#found + 1] = stem end
    for stem in pairs(vertical) do found[#found + 1] = stem end
    in_force = drawing.set_number(found)
  end
  return in_force
end

-- Go on with a segment; a move after a move takes its place.
local function add(kind, points, depth)
  if not (kind == MOVE and segment_count > 0 and segments[segment_count].kind == MOVE) then
    segment_count = segment_count + 1
  end
  segments[segment_count] = { kind = kind, points = points, hints = hints(), depth = depth }
end

local function go(dx, dy)
  x, y = x + dx, y + dy
  if not (x >= -MOST_COORDINATE and x <= MOST_COORDINATE and y >= -MOST_COORDINATE and y <= MOST_COORDINATE) then
    error("Type 1 coordinate out of range", 0)
  end
  return x, y
end

local function move(dx, dy)
  go(dx, dy)
  if not flex then
    add(MOVE, { x, y })
    open = true
  end
end

-- A contour that begins without a move begins where the last one ended.
local function begin()
  if not open then
    add(MOVE, { x, y })
    open = true
  end
end

local function line(dx, dy)
  begin()
  go(dx, dy)
  add(LINE, { x, y })
end

local function curve(dx1, dy1, dx2, dy2, dx3, dy3)
  begin()
  local x1, y1 = go(dx1, dy1)
  local x2, y2 = go(dx2, dy2)
  go(dx3, dy3)
  add(CURVE, { x1, y1, x2, y2, x, y })
end

local function stem(upright, edge, size)
  edge = edge + (upright and bearing_x or bearing_y)
  if size < 0 and size ~= -20 and size ~= -21 then
    edge, size = edge + size, -size
  end
  local number = drawing.stem_number(upright, edge, size)
  local side = upright and vertical or horizontal
  if not side[number] and (upright and upright_stems or level_stems) < MOST_STEMS then
    side[number] = true
    if upright then upright_stems = upright_stems + 1 else level_stems = level_stems + 1 end
    in_force = false
  end
  return number
end

-- Three stems with equal counters. Those are asked for once in a glyph: the first of each direction stand.
local function stem3(upright)
  local a, b, c, d, e, f = take(6)
  local three = { stem(upright, a, b), stem(upright, c, d), stem(upright, e, f) }
  if upright then
    counter_upright = counter_upright or three
  else
    counter_level = counter_level or three
  end
end

-- Multiple master: the values of the first design, and what each other adds by its weight.
local function blend(number, args, weights, designs)
  local values = number == 18 and 6 or number - 13
  if #args ~= values * designs then error(DAMAGED, 0) end
  for value = 1, values do
    local first, added = values + (value - 1) * (designs - 1), 0
    for design = 1, designs - 1 do added = added + weights[design] * args[first + design] end
    results[values + 1 - value] = sixteenth(args[value] + added)
  end
  left_over = values
end

local function call_other(weights, designs)
  local given, number = take(2)
  if not (given >= 0 and given <= count) or given % 1 ~= 0 then error(DAMAGED, 0) end
  local args = {}
  for place = 1, given do args[place] = stack[count - given + place] end
  count, left_over = count - given, 0
  if number == 1 then
    flex, flexed = true, {}
  elseif number == 2 and flex then
    flexed[#flexed + 1], flexed[#flexed + 2] = x, y
  elseif number == 0 and flex then
    if #flexed ~= 14 or given ~= 3 then error("Type 1 flex damaged", 0) end
    -- The first point is only what the others are counted from.
    local points = {}
    for place = 3, 14 do points[place - 2] = flexed[place] end
    flex = false
    begin()
    add(FLEX, points, args[1])
    results[1], results[2], left_over = args[3], args[2], 2
  elseif number == 12 or number == 13 then
    count = 0
  elseif number >= 14 and number <= 18 and designs > 0 then
    blend(number, args, weights, designs)
  else
    if number == 3 then
      horizontal, vertical, in_force = {}, {}, false
      level_stems, upright_stems = 0, 0
    end
    for place = 1, given do results[place] = args[given + 1 - place] end
    left_over = given
  end
end

local writer = require("writer")(SEGMENT_BYTES)
local make_room, put, put_operator = writer.make_room, writer.put, writer.put_operator
local put_edges, put_mask = writer.put_edges, writer.put_mask

local function by_edge(one, other)
  local a, b = drawing.edges[one], drawing.edges[other]
  if a ~= b then return a < b end
  return drawing.sizes[one] < drawing.sizes[other]
end

-- The stems that any segment goes by: horizontal ones, vertical ones, and both.
local function stems_used()
  local within, sides = {}, { [false] = {}, [true] = {} }
  local last
  for place = 1, segment_count do
    local set = segments[place].hints
    if set ~= last then
      for number in pairs(drawing.sets[set]) do
        if not within[number] then
          within[number] = true
          local side = sides[drawing.upright[number]]
          side[#side + 1] = number
        end
      end
      last = set
    end
  end
  local level, upright, all = sides[false], sides[true], {}
  table.sort(level, by_edge)
  table.sort(upright, by_edge)
  for _, number in ipairs(level) do all[#all + 1] = number end
  for _, number in ipairs(upright) do all[#all + 1] = number end
  if math.max(#level, #upright) > MOST_AT_ONCE or #all > MOST_IN_ALL then error("too many stems", 0) end
  return level, upright, all
end

local function put_glyph()
  make_room()
  local level, upright, stems = stems_used()
  if #level > 0 then
    put_edges(level)
    put_operator(18) -- hstemhm
  end
  put_edges(upright) -- understood from the mask that follows
  local within, any = {}, false
  for _, number in ipairs(counter_level or {}) do within[number] = true end
  for _, number in ipairs(counter_upright or {}) do within[number] = true end
  for _, number in ipairs(stems) do any = any or within[number] end
  if any then put_mask(20, stems, within) end -- cntrmask
  local last, from_x, from_y = false, 0, 0
  for place = 1, segment_count do
    local segment = segments[place]
    make_room()
    if #stems > 0 and segment.hints ~= last then
      last = segment.hints
      put_mask(19, stems, drawing.sets[last]) -- hintmask
    end
    local points = segment.points
    for at = 1, #points, 2 do
      put(points[at] - from_x)
      put(points[at + 1] - from_y)
      from_x, from_y = points[at], points[at + 1]
    end
    if segment.kind == FLEX then
      put(segment.depth)
      put_operator(12)
      put_operator(35)
    else
      put_operator(OPERATORS[segment.kind])
    end
  end
  put_operator(14) -- endchar
end

local function copied(kind, bytes, text)
  local length = math.floor(#text / bytes)
  local array = ffi.new(kind, length + 1)
  ffi.copy(array, text, bytes * length)
  return array, length
end

return function(data, bounds, glyphs, numbers, len_iv, weights, budget)
  local code, pieces = ffi.new("uint8_t[?]", #data + 4), nil
  ffi.copy(code, data, #data)
  bounds, pieces = copied("int32_t[?]", 4, bounds)
  local designs
  weights, designs = copied("double[?]", 8, weights)
  local subroutines, plain = {}, ffi.new("uint8_t[?]", pieces + 1)
  numbers = copied("int32_t[?]", 4, numbers)
  for place = glyphs, pieces - 2 do subroutines[numbers[place - glyphs]] = place end

  -- Where a piece begins and ends, decrypted.
  local function opened(piece)
    local at, stop = bounds[piece], bounds[piece + 1]
    if len_iv < 0 then return at, stop end
    if plain[piece] == 0 then
      plain[piece] = 1
      local key = 4330
      for place = at, stop - 1 do
        local cipher = code[place]
        code[place] = bit.bxor(cipher, bit.rshift(key, 8))
        key = bit.band((cipher + key) * 52845 + 22719, 0xFFFF)
      end
    end
    return math.min(at + len_iv, stop), stop
  end

  local lengths, widths = ffi.new("int32_t[?]", glyphs + 1), ffi.new("double[?]", glyphs + 1)
  local parts = ffi.new("int16_t[?]", 2 * glyphs + 1)
  local back_at, back_stop = {}, {}
  writer.begin()
  for glyph = 0, glyphs - 1 do
    drawing.forget()
    count, left_over, x, y, bearing_x, bearing_y, width, open = 0, 0, 0, 0, 0, 0, 0, false
    horizontal, vertical, in_force, level_stems, upright_stems = {}, {}, false, 0, 0
    counter_level, counter_upright, flex, flexed = nil, nil, false, {}
    segments, segment_count = {}, 0
    parts[2 * glyph], parts[2 * glyph + 1] = -1, -1
    local _, first = writer.written()
    local accented = false
    local depth, at, stop = 0, opened(glyph)
    while true do
      if at >= stop then
        if depth == 0 then break end
        at, stop, depth = back_at[depth], back_stop[depth], depth - 1
      else
        local byte = code[at]
        at = at + 1
        budget = budget - 1
        if budget < 0 then error("charstrings too long", 0) end
        if byte >= 32 then
          local value
          if byte < 247 then
            value = byte - 139
          elseif byte < 255 then
            if at >= stop then error(DAMAGED, 0) end
            value = byte < 251 and (byte - 247) * 256 + code[at] + 108 or (251 - byte) * 256 - code[at] - 108
            at = at + 1
          else
            if at + 4 > stop then error(DAMAGED, 0) end
            value = bit.bor(bit.lshift(code[at], 24), bit.lshift(code[at + 1], 16), bit.lshift(code[at + 2], 8), code[at + 3])
            at = at + 4
          end
          count = count + 1
          stack[count] = value
          if count > STACK then error(DAMAGED, 0) end
        elseif byte == 10 then -- callsubr
          local number = take(1)
          if depth >= DEPTH or number % 1 ~= 0 then error(DAMAGED, 0) end
          local called = subroutines[number]
          if not called then error("Type 1 subroutine missing", 0) end
          depth = depth + 1
          back_at[depth], back_stop[depth] = at, stop
          at, stop = opened(called)
        elseif byte == 11 then -- return
          at = stop
        elseif byte == 14 then -- endchar
          break
        else
          if byte == 12 then
            if at >= stop then error(DAMAGED, 0) end
            byte = 256 + code[at]
            at = at + 1
          end
          if byte == 256 + 12 then -- div
            local above, below = take(2)
            if below == 0 then error(DAMAGED, 0) end
            count = count + 1
            stack[count] = sixteenth(above / below)
          elseif byte == 256 + 16 then
            call_other(weights, designs)
          elseif byte == 256 + 17 then -- pop
            count = count + 1
            stack[count] = 0
            if left_over > 0 then
              stack[count] = results[left_over]
              left_over = left_over - 1
            end
          elseif byte == 256 + 6 then -- seac
            local bearing, to_x, to_y, base, accent = take(5)
            if base < 0 or base > 255 or base % 1 ~= 0 or accent < 0 or accent > 255 or accent % 1 ~= 0 then
              error(DAMAGED, 0)
            end
            -- The accent's left sidebearing point is put at x of that of the whole letter, in CFF its origin is.
            accented = true
            make_room()
            put(bearing_x + to_x - bearing)
            put(to_y)
            put(base)
            put(accent)
            put_operator(14)
            parts[2 * glyph], parts[2 * glyph + 1] = base, accent
            break
          else
            if byte == 1 or byte == 3 then -- hstem, vstem
              stem(byte == 3, take(2))
            elseif byte == 4 then -- vmoveto
              move(0, (take(1)))
            elseif byte == 5 then -- rlineto
              local dx, dy = take(2)
              line(dx, dy)
            elseif byte == 6 then -- hlineto
              line((take(1)), 0)
            elseif byte == 7 then -- vlineto
              line(0, (take(1)))
            elseif byte == 8 then -- rrcurveto
              curve(take(6))
            elseif byte == 9 then -- closepath
              open = false
            elseif byte == 13 then -- hsbw
              local left, advance = take(2)
              width, x, y = advance, left, 0
              bearing_x, bearing_y = x, y
            elseif byte == 21 then -- rmoveto
              local dx, dy = take(2)
              move(dx, dy)
            elseif byte == 22 then -- hmoveto
              move((take(1)), 0)
            elseif byte == 30 then -- vhcurveto
              local dy1, dx2, dy2, dx3 = take(4)
              curve(0, dy1, dx2, dy2, dx3, 0)
            elseif byte == 31 then -- hvcurveto
              local dx1, dx2, dy2, dy3 = take(4)
              curve(dx1, 0, dx2, dy2, 0, dy3)
            elseif byte == 256 + 1 or byte == 256 + 2 then -- vstem3, hstem3
              stem3(byte == 256 + 1)
            elseif byte == 256 + 7 then -- sbw
              local left, bottom, advance = take(4)
              width, x, y = advance, left, bottom
              bearing_x, bearing_y = x, y
            elseif byte == 256 + 33 then -- setcurrentpoint, after a flex, whose end is known here
              take(2)
            elseif byte ~= 15 and byte ~= 256 then -- of no known meaning, in some early fonts; dotsection
              error(DAMAGED, 0)
            end
            count = 0
          end
        end
      end
    end
    if not accented then
      if segment_count > 0 and segments[segment_count].kind == MOVE then segment_count = segment_count - 1 end
      put_glyph()
    end
    local _, size = writer.written()
    lengths[glyph], widths[glyph] = size - first, width
  end
  return ffi.string(writer.written()), ffi.string(lengths, 4 * glyphs), ffi.string(widths, 8 * glyphs),
    ffi.string(parts, 4 * glyphs), budget
end
