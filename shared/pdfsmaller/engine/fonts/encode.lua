-- An outline (`draw.lua`) as a Type 2 charstring in the shortest operators there are, without its width.
--
-- encode(outline) returns a buffer and how many of its bytes are the charstring; they stay until it is called again.
-- A glyph with more stems than fit on the stack is written without hints.

local ffi = require("ffi")
local drawing = require("draw")

local MOVE, LINE, CURVE, NUMBERS, USUAL_DEPTH = drawing.MOVE, drawing.LINE, drawing.CURVE, drawing.NUMBERS, drawing.USUAL_DEPTH
local HSTEM, VSTEM, RLINETO, RRCURVETO, HSTEMHM, HINTMASK, CNTRMASK = 1, 3, 5, 8, 18, 19, 20
local ESCAPE, ENDCHAR, RCURVELINE, RLINECURVE = 12, 14, 24, 25
local STACK = 48
-- Stems of one direction that fit on the stack beside a width, and stems that a charstring may have in all.
local MOST_AT_ONCE, MOST_STEMS = 23, 96
-- No operator has more operands; a stem's mask is no longer.
local OPERATOR_BYTES = 5 * 2 * MOST_STEMS + 16

local writer = require("writer")(OPERATOR_BYTES)
local make_room, put, put_operator = writer.make_room, writer.put, writer.put_operator
local put_edges, put_mask = writer.put_edges, writer.put_mask
-- Lines and curves that wait to be written, as differences: where those of each begin, how many there are.
local deltas, waiting_room = nil, 0
local begins, counts, waiting, filled = nil, nil, 0, 0
local args, given = ffi.new("double[?]", STACK + 16), 0

-- Declare all stems, with the first mask. The stems, or nothing where no masks are to follow.
local function put_stems(outline)
  local horizontal, vertical = outline.horizontal, outline.vertical
  local total = #horizontal + #vertical
  if total == 0 or math.max(#horizontal, #vertical) > MOST_AT_ONCE or total > MOST_STEMS then return nil end
  local stems = {}
  for _, stem in ipairs(horizontal) do stems[#stems + 1] = stem end
  for _, stem in ipairs(vertical) do stems[#stems + 1] = stem end
  local changing = false
  for i = 1, outline.count - 1 do changing = changing or outline.hints[i] ~= outline.hints[0] end
  local counters = {}
  for _, set in ipairs(outline.counters) do
    if next(drawing.sets[set]) then counters[#counters + 1] = set end
  end
  local with_masks = changing or #counters > 0
  make_room()
  if #horizontal > 0 then
    put_edges(horizontal)
    put_operator(with_masks and HSTEMHM or HSTEM)
  end
  if #vertical > 0 then
    put_edges(vertical)
    if not with_masks then put_operator(VSTEM) end -- else understood from the mask that follows
  end
  for _, set in ipairs(counters) do
    make_room()
    put_mask(CNTRMASK, stems, drawing.sets[set])
  end
  if not changing then return nil end
  make_room()
  put_mask(HINTMASK, stems, drawing.sets[outline.hints[0]])
  return stems
end

local function take(value)
  args[given] = value
  given = given + 1
end

-- The operator for the lines from here on, with its operands in `args`, and what follows them.
local function lines(at)
  local first = begins[at]
  local dx, dy = deltas[first], deltas[first + 1]
  if dx ~= 0 and dy ~= 0 then
    while at < waiting and counts[at] == 2 and given < STACK do
      local place = begins[at]
      dx, dy = deltas[place], deltas[place + 1]
      -- One level or upright line between slanted ones is shorter among them.
      if dx == 0 or dy == 0 then
        if at + 1 >= waiting or counts[at + 1] ~= 2 then break end
        place = begins[at + 1]
        if deltas[place] == 0 or deltas[place + 1] == 0 then break end
      end
      take(dx)
      take(dy)
      at = at + 1
    end
    return RLINETO, at
  end
  local level = dy == 0
  local op = level and 6 or 7 -- hlineto, vlineto
  while at < waiting and counts[at] == 2 and given < STACK do
    local place = begins[at]
    dx, dy = deltas[place], deltas[place + 1]
    if level then dx, dy = dy, dx end
    if dx ~= 0 then break end
    take(dy)
    level = not level
    at = at + 1
  end
  return op, at
end

-- … for the curves.
local function curves(at)
  local d = begins[at]
  local dx1, dy1, dx2, dy2, dx3, dy3 = deltas[d], deltas[d + 1], deltas[d + 2], deltas[d + 3], deltas[d + 4], deltas[d + 5]
  if (dy1 == 0 and dx3 == 0) or (dx1 == 0 and dy3 == 0) then
    local level = dy1 == 0 and dx3 == 0
    local op = level and 31 or 30 -- hvcurveto, vhcurveto
    while at < waiting and counts[at] == 6 and given <= STACK - 5 do
      d = begins[at]
      dx1, dy1, dx2, dy2, dx3, dy3 = deltas[d], deltas[d + 1], deltas[d + 2], deltas[d + 3], deltas[d + 4], deltas[d + 5]
      if (level and dy1 or dx1) ~= 0 then break end
      at = at + 1
      take(level and dx1 or dy1)
      take(dx2)
      take(dy2)
      take(level and dy3 or dx3)
      local aside = level and dx3 or dy3
      if aside ~= 0 then
        take(aside)
        break
      end
      level = not level
    end
    return op, at
  end
  if dy3 == 0 or dx3 == 0 then
    local level = dy3 == 0
    local op = level and 27 or 26 -- hhcurveto, vvcurveto
    local aside = level and dy1 or dx1
    if aside ~= 0 then take(aside) end
    local first = at
    while at < waiting and counts[at] == 6 and given <= STACK - 4 do
      d = begins[at]
      dx1, dy1, dx2, dy2, dx3, dy3 = deltas[d], deltas[d + 1], deltas[d + 2], deltas[d + 3], deltas[d + 4], deltas[d + 5]
      if (level and dy3 or dx3) ~= 0 or (at > first and (level and dy1 or dx1) ~= 0) then break end
      take(level and dx1 or dy1)
      take(dx2)
      take(dy2)
      take(level and dx3 or dy3)
      at = at + 1
    end
    return op, at
  end
  if dy1 == 0 or dx1 == 0 then
    local level = dy1 == 0
    take(level and dx1 or dy1)
    take(dx2)
    take(dy2)
    take(level and dy3 or dx3)
    take(level and dx3 or dy3)
    return level and 31 or 30, at + 1
  end
  while at < waiting and counts[at] == 6 and given <= STACK - 6 do
    d = begins[at]
    if deltas[d] == 0 and deltas[d + 1] == 0 then break end
    if given > 0 and (deltas[d + 4] == 0 or deltas[d + 5] == 0) then break end
    for i = 0, 5 do take(deltas[d + i]) end
    at = at + 1
  end
  return RRCURVETO, at
end

-- Write the lines and curves that wait, each operator taking as many as it can.
local function put_path()
  local at = 0
  local before, given_before = 0, 0 -- to join a last curve to lines, a last line to curves
  while at < waiting do
    local op
    given = 0
    if counts[at] == 2 then op, at = lines(at) else op, at = curves(at) end
    make_room()
    if op == RRCURVETO and given == 6 and before == RLINETO and given_before + 6 <= STACK then
      writer.take_back()
      op = RLINECURVE
    elseif op == RLINETO and given == 2 and before == RRCURVETO and given_before + 2 <= STACK then
      writer.take_back()
      op = RCURVELINE
    end
    for i = 0, given - 1 do put(args[i]) end
    put_operator(op)
    before, given_before = op, given
  end
  waiting, filled = 0, 0
end

local function put_flex(d, depth)
  local usual = depth == USUAL_DEPTH
  local across = d[0] + d[2] + d[4] + d[6] + d[8]
  local up = d[1] + d[3] + d[5] + d[7] + d[9]
  make_room()
  local op
  if usual and d[1] == 0 and d[5] == 0 and d[7] == 0 and d[11] == 0 and d[3] == -d[9] then
    op = 34 -- hflex
    put(d[0]) put(d[2]) put(d[3]) put(d[4]) put(d[6]) put(d[8]) put(d[10])
  elseif usual and d[5] == 0 and d[7] == 0 and up + d[11] == 0 then
    op = 36 -- hflex1
    put(d[0]) put(d[1]) put(d[2]) put(d[3]) put(d[4]) put(d[6]) put(d[8]) put(d[9]) put(d[10])
  elseif usual and math.abs(across) > math.abs(up) and up + d[11] == 0 then
    op = 37 -- flex1
    for i = 0, 10 do put(d[i]) end
  elseif usual and math.abs(across) <= math.abs(up) and across + d[10] == 0 then
    op = 37
    for i = 0, 9 do put(d[i]) end
    put(d[11])
  else
    op = 35 -- flex
    for i = 0, 11 do put(d[i]) end
    put(depth)
  end
  put_operator(ESCAPE)
  put_operator(op)
end

return function(outline)
  if waiting_room < outline.room then
    waiting_room = outline.room
    deltas = ffi.new("double[?]", 2 * waiting_room + 32)
    begins, counts = ffi.new("int32_t[?]", waiting_room + 16), ffi.new("int32_t[?]", waiting_room + 16)
  end
  writer.begin()
  waiting, filled = 0, 0
  make_room()
  local stems = put_stems(outline)
  local kinds, hints, places, points = outline.kinds, outline.hints, outline.places, outline.points
  local x, y = 0, 0
  local in_force = outline.count > 0 and hints[0]
  for i = 0, outline.count - 1 do
    local kind, from = kinds[i], places[i]
    if hints[i] ~= in_force then
      in_force = hints[i]
      if stems then
        put_path()
        make_room()
        put_mask(HINTMASK, stems, drawing.sets[in_force])
      end
    end
    if kind ~= LINE and kind ~= CURVE then put_path() end
    local start = filled
    for place = from, from + NUMBERS[kind] - 1, 2 do
      deltas[filled], deltas[filled + 1] = points[place] - x, points[place + 1] - y
      x, y = points[place], points[place + 1]
      filled = filled + 2
    end
    if kind == LINE or kind == CURVE then
      begins[waiting], counts[waiting] = start, NUMBERS[kind]
      waiting = waiting + 1
    else
      filled = start
      if kind == MOVE then
        local dx, dy = deltas[start], deltas[start + 1]
        make_room()
        if dy == 0 then
          put(dx)
          put_operator(22) -- hmoveto
        elseif dx == 0 then
          put(dy)
          put_operator(4) -- vmoveto
        else
          put(dx)
          put(dy)
          put_operator(21) -- rmoveto
        end
      else
        put_flex(deltas + start, outline.depths[i])
      end
    end
  end
  put_path()
  make_room()
  put_operator(ENDCHAR)
  return writer.written()
end
