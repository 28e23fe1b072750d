-- One content stream, written again: the operators are followed as a reader would, and what they do is written.
--
-- rewrite(data, names, scale, tolerance) → content and ""; or nil and why the stream is to be left alone.
--
--   names      what the stream's resources are, one a line: "G name" a graphics state that may be set twice, "M name"
--              one that may not but sets no line or font, "S name" a font of one-byte codes, "D name" of two-byte
--              codes, "E name" one whose glyphs are a thousand units high (a Type 3 font's may have any size).
--   scale      the largest scale at which the stream's space is shown: points of the page to a unit.
--   tolerance  how far a mark may move, in points of the page; 0: no value changes.

-- Most documents have too little content for machine code of every way through it: LuaJIT's own 10 are soon reached. Of
-- six documents this cost 1.49 s in two runs, with 10 it was 2.02 s, with 20 and 60 (and hotloop at 100 and 200) 1.58 and
-- 1.62 s (2026-11-30).
jit.opt.start("hotexit=100")

local ffi = require "ffi"
local scan = require "scan"
local write = require "write"
local token, class = scan.token, scan.class
local NUMBER, NAME, STRING, HEX, WORD = scan.NUMBER, scan.NAME, scan.STRING, scan.HEX, scan.WORD
local OPEN, CLOSE, DICTIONARY, END = scan.OPEN, scan.CLOSE, scan.DICTIONARY, scan.END
local copy, word, spelled, fixed = write.copy, write.word, write.spelled, write.fixed
local grid, nearest, size, rewind, text_from = write.grid, write.nearest, write.size, write.rewind, write.text
local abs, sqrt, max, min, floor = math.abs, math.sqrt, math.max, math.min, math.floor
local powers = scan.powers

local ARRAY = 100
local MAX_OPERANDS, MAX_DEPTH = 64, 2000
-- A side thinner than this is a line, of which only the weight is seen, in points.
local THIN = 1
-- Renderers draw rectangles on whole pixels. That a side falls on the next one, by an error however small, is to be
-- rare: it has a smaller share of the tolerance.
local SIDE = 1 / 4
-- Points of lines that lie between their neighbours, to this share of the tolerance, go, where no side turns from the
-- new line by more than 14 degrees; only in runs of many lines, some hundred at once and some joined to one.
local BETWEEN, STRAIGHT, MANY_LINES, MOST_LINES, MOST_JOINED = 1 / 2, 0.97, 8, 512, 40

local p                                     -- the source
local kinds, froms, tos, nums = {}, {}, {}, {}    -- operands
local count = 0
local ekinds, efroms, etos, enums = {}, {}, {}, {} -- elements of the last array
local elements = 0
local plain_array                           -- it holds no other arrays or dictionaries

local names, scale, tolerance, exact
local state, stack, depth
local path, clip                            -- a path or a clip is in the making
local lx, ly, rx, ry                        -- its last point, as it was and as it is written
local move_from, move_to                    -- where its last m is written
local drawn, curved                         -- it has more than m; its last segment with a length is a curve
local cuts, cut_count                       -- pieces of it that only a stroke would show
local lines, xs, ys, keep = 0, {}, {}, {}   -- lines not yet written, and which of their points are
local arrays                                -- strings are shown by TJ
local fill_space, stroke_space              -- cs and CS not yet written
local in_text, begin_due                    -- BT … ET; BT not yet written
local clipping                              -- text has been made a clip
local owed                                  -- what rounding has left of the adjustments of this line of text

local function fail(why) error(why, 0) end

-- The graphics state ------------------------------------------------------------------------------------------------

local function fresh()
  return { a = 1, b = 0, c = 0, d = 1, font = false }
end

local function length(x, y) return sqrt(x * x + y * y) end

-- The grids on which points of user space lie.
local function point_grids()
  if exact then return end
  local sx, sy = length(state.a, state.b) * scale, length(state.c, state.d) * scale
  state.gm, state.gd = grid(2 * tolerance / max(sx, 1e-9))
  state.hm, state.hd = grid(2 * tolerance / max(sy, 1e-9))
  state.rm, state.rd = grid(2 * tolerance * SIDE / max(sx, 1e-9))
  state.sm, state.sd = grid(2 * tolerance * SIDE / max(sy, 1e-9))
  state.sx, state.sy = sx, sy
end

-- Writing operands --------------------------------------------------------------------------------------------------

local function put_raw(i)
  local kind = kinds[i]
  if kind == NUMBER then
    spelled(p, froms[i], tos[i])
  elseif kind == STRING then
    write.hold_literal(p, froms[i], tos[i])
    write.literal()
  elseif kind == HEX then
    write.hold_hex(p, froms[i], tos[i])
    write.literal()
  elseif kind == ARRAY and plain_array then
    word("[")
    for k = 1, elements do
      if ekinds[k] == NUMBER then spelled(p, efroms[k], etos[k]) else copy(p, efroms[k], etos[k]) end
    end
    word("]")
  else
    copy(p, froms[i], tos[i])
  end
end

local function put_all(operator)
  for i = 1, count do put_raw(i) end
  word(operator)
end

-- A value on the grid of a step, or as it is where the grid is finer than its spelling.
local function put_step(i, value, step)
  if exact or not (step > 0) or abs(value) > 1e9 then return spelled(p, froms[i], tos[i]) end
  local m, d = grid(step)
  fixed(nearest(value, m, d), d)
end

-- Under which key the state holds what was last set by an operator, as written.
local SETS = { fill = "fill", stroke = "stroke" }
for operator in ("w J j M d ri i Tf Tc Tw Ts TL Tz Tr"):gmatch("%S+") do SETS[operator] = "=" .. operator end

-- What has just been written from ``from`` on is taken back if it is set so already.
local function set(operator, from)
  local key = SETS[operator]
  local text = text_from(from)
  if text:byte() == 32 then text = text:sub(2) end
  if state[key] == text then
    rewind(from)
  else
    state[key] = text
  end
end

local function flush_spaces()
  if fill_space then
    local space = fill_space
    fill_space = false
    if state.fill ~= space then
      word(space)
      word("cs")
      state.fill, state.fill_space = space, space
    end
  end
  if stroke_space then
    local space = stroke_space
    stroke_space = false
    if state.stroke ~= space then
      word(space)
      word("CS")
      state.stroke, state.stroke_space = space, space
    end
  end
end

-- Before anything that is not part of a text object's or the graphics state.
local function outside()
  flush_spaces()
  if in_text then fail("not in text") end
end

-- Before anything that shows or marks; it is also what keeps a q … Q alive.
local function mark()
  flush_spaces()
  state.painted = true
end

local function begin_text()
  if begin_due then
    begin_due = false
    word("BT")
  end
end

-- Operators ---------------------------------------------------------------------------------------------------------

local specs, handlers = {}, {}

-- ``spec``: one letter an operand: n number, s string, a array, N name, * anything; "…" any number.
local function on(list, spec, handler)
  for operator in list:gmatch("%S+") do
    specs[operator], handlers[operator] = spec, handler
  end
end

-- q Q cm ------------------------------------------------------------------------------------------------------------

on("q", "", function()
  outside()
  if path then fail("q in a path") end
  if depth >= MAX_DEPTH then fail("nesting") end
  local inner = {}
  for key, value in pairs(state) do inner[key] = value end
  inner.painted = false
  inner.from = size()
  depth = depth + 1
  stack[depth] = state
  state = inner
  word("q")
end)

on("Q", "", function()
  fill_space, stroke_space = false, false
  outside()
  if path then fail("Q in a path") end
  if depth == 0 then
    -- Readers do not agree on what comes back.
    if not exact then fail("unbalanced") end
    word("Q")
    local before = state
    state = fresh()
    state.painted = before.painted
    return
  end
  local inner = state
  state = stack[depth]
  stack[depth] = nil
  depth = depth - 1
  if inner.painted then
    state.painted = true
    word("Q")
  else
    rewind(inner.from)
  end
end)

-- Matrices stay as they are: an error would grow with the distance from the origin.
on("cm", "nnnnnn", function()
  flush_spaces()
  -- Not allowed in text, but written, and every reader does it: it stays where it stands.
  if in_text then begin_text() end
  if path then fail("cm in a path") end
  local a, b, c, d, e, f = nums[1], nums[2], nums[3], nums[4], nums[5], nums[6]
  if a == 1 and b == 0 and c == 0 and d == 1 and e == 0 and f == 0 then return end
  local s = state
  put_all("cm")
  s.a, s.b, s.c, s.d = a * s.a + b * s.c, a * s.b + b * s.d, c * s.a + d * s.c, c * s.b + d * s.d
  point_grids()
end)

-- The general graphics state ----------------------------------------------------------------------------------------

on("w", "n", function()
  local from = size()
  local value = nums[1]
  put_step(1, value, exact and 0 or min(2 * tolerance / max(min(state.sx, state.sy), 1e-9), abs(value) * 0.02))
  word("w")
  set("w", from)
end)

on("J j ri M i", "*", function(operator)
  local from = size()
  put_all(operator)
  set(operator, from)
end)

on("d", "an", function()
  local from = size()
  put_all("d")
  set("d", from)
end)

on("gs", "N", function()
  flush_spaces()
  local name = ffi.string(p + froms[1] + 1, tos[1] - froms[1] - 1)
  local known = names["G " .. name]
  if known and state.gs == name then return end
  put_all("gs")
  state.gs = known and name or false
  if not known and not names["M " .. name] then
    for _, key in pairs(SETS) do
      if key:byte() == 61 then state[key] = nil end
    end
    state.font = false
  end
end)

-- Colours -----------------------------------------------------------------------------------------------------------

-- Three decimals, or what it takes for the same of 256 levels.
local function put_color(i)
  if kinds[i] ~= NUMBER then return put_raw(i) end
  local value = nums[i]
  if exact or abs(value) > 1e6 then return spelled(p, froms[i], tos[i]) end
  local integer = nearest(value, 1, 3)
  if math.floor(integer * 0.255 + 0.5) == math.floor(value * 255 + 0.5) then
    fixed(integer, 3)
  else
    fixed(nearest(value, 1, 5), 5)
  end
end

local function device_color(operator)
  local stroke = operator == "G" or operator == "RG" or operator == "K"
  if stroke then stroke_space = false else fill_space = false end
  local from = size()
  for i = 1, count do put_color(i) end
  word(operator)
  set(stroke and "stroke" or "fill", from)
  if stroke then state.stroke_space = nil else state.fill_space = nil end
end

on("g G", "n", device_color)
on("rg RG", "nnn", device_color)
on("k K", "nnnn", device_color)

on("cs", "N", function() fill_space = ffi.string(p + froms[1], tos[1] - froms[1]) end)
on("CS", "N", function() stroke_space = ffi.string(p + froms[1], tos[1] - froms[1]) end)

on("sc scn", "…", function(operator)
  if count == 0 then fail("operands") end
  local from = size()
  local space = fill_space
  fill_space = false
  for i = 1, count do put_color(i) end
  word(operator)
  local text = text_from(from)
  if text:byte() == 32 then text = text:sub(2) end
  rewind(from)
  local now = space or state.fill_space
  if now and state.fill == now .. "\n" .. text then return end
  if space and space ~= state.fill_space then
    word(space)
    word("cs")
    state.fill_space = space
  end
  word(text)
  state.fill = now and now .. "\n" .. text or nil
end)

on("SC SCN", "…", function(operator)
  if count == 0 then fail("operands") end
  local from = size()
  local space = stroke_space
  stroke_space = false
  for i = 1, count do put_color(i) end
  word(operator)
  local text = text_from(from)
  if text:byte() == 32 then text = text:sub(2) end
  rewind(from)
  local now = space or state.stroke_space
  if now and state.stroke == now .. "\n" .. text then return end
  if space and space ~= state.stroke_space then
    word(space)
    word("CS")
    state.stroke_space = space
  end
  word(text)
  state.stroke = now and now .. "\n" .. text or nil
end)

-- Paths -------------------------------------------------------------------------------------------------------------

-- Segments without a length, and m without a segment, paint nothing; programs that trace or clip write many.

local function put_point(i)
  local s = state
  if exact then
    lx, ly = nums[i], nums[i + 1]
    spelled(p, froms[i], tos[i])
    return spelled(p, froms[i + 1], tos[i + 1])
  end
  local x, y = nums[i], nums[i + 1]
  if abs(x) > 1e9 or abs(y) > 1e9 then fail("large numbers") end
  lx, ly = x, y
  x, y = nearest(x, s.gm, s.gd), nearest(y, s.hm, s.hd)
  rx, ry = x, y
  fixed(x, s.gd)
  fixed(y, s.hd)
end

on("m", "nn", function()
  outside()
  path, curved = true, false
  if size() == move_to then rewind(move_from) end
  move_from = size()
  put_point(1)
  word("m")
  move_to = size()
end)

local function cut(from)
  cuts[cut_count + 1], cuts[cut_count + 2] = from, size()
  cut_count = cut_count + 2
end

local function line(x, y)
  if not exact and rx then
    local s = state
    if abs(x) < 1e9 and abs(y) < 1e9 and (x ~= lx or y ~= ly)
      and nearest(x, s.gm, s.gd) == rx and nearest(y, s.hm, s.hd) == ry then
      -- The shortest line may be the broadest: it is not to become none.
      fixed(nearest(x, 1, s.gd + 3), s.gd + 3)
      fixed(nearest(y, 1, s.hd + 3), s.hd + 3)
      lx, ly, rx = x, y, false
      return word("l")
    end
  end
  put_point(1)
  word("l")
end

local function put_line(x, y)
  local from = size()
  nums[1], nums[2] = x, y
  -- Not after lines: what is left might be a rectangle, which renderers draw on whole pixels.
  local none = curved and x == lx and y == ly
  line(x, y)
  if none then cut(from) else curved = false end
end

-- Whether the points from one to another of a line lie on the straight line between these, as far as can be seen.
local function straight(from, to, limit)
  local ax, ay = xs[from], ys[from]
  local dx, dy = xs[to] - ax, ys[to] - ay
  local span = length(dx, dy)
  if not (span > 0) then return false end
  local px, py = ax, ay
  for k = from + 1, to do
    local x, y = xs[k], ys[k]
    local along = (x - px) * dx + (y - py) * dy
    -- A turn, however short its sides, shows in a broad stroke's joins.
    if along < STRAIGHT * length(x - px, y - py) * span then return false end
    if abs((x - ax) * dy - (y - ay) * dx) > limit * span then return false end
    px, py = x, y
  end
  return true
end

-- The lines that are waiting, without points that lie between their neighbours.
local function flush_lines()
  local n = lines
  lines = 0
  local first, second = nums[1], nums[2]
  local kept = 0
  if n >= MANY_LINES then
    local limit = tolerance * BETWEEN / max(state.sx, state.sy, 1e-9)
    local i = 1
    kept, keep[1] = 1, 1
    while i < n do
      local j = i + 1
      while j < n and j - i < MOST_JOINED and straight(i, j + 1, limit) do j = j + 1 end
      kept, i = kept + 1, j
      keep[kept] = j
    end
  end
  -- Few are left of a rectangle, which renderers draw on whole pixels.
  if kept >= MANY_LINES then
    for k = 1, kept do put_line(xs[keep[k]], ys[keep[k]]) end
  else
    for k = 1, n do put_line(xs[k], ys[k]) end
  end
  nums[1], nums[2] = first, second
end

on("l", "nn", function()
  outside()
  path, drawn = true, true
  if exact then return put_line(nums[1], nums[2]) end
  lines = lines + 1
  xs[lines], ys[lines] = nums[1], nums[2]
  if lines == MOST_LINES then flush_lines() end
end)

on("c", "nnnnnn", function()
  outside()
  path, drawn, curved = true, true, true
  put_point(1)
  put_point(3)
  put_point(5)
  word("c")
end)

on("v y", "nnnn", function(operator)
  outside()
  path, drawn, curved = true, true, true
  put_point(1)
  put_point(3)
  word(operator)
end)

on("h", "", function()
  outside()
  path, drawn, curved = true, true, false
  rx = false
  word("h")
end)

local function put_side(origin, side, m, d, s)
  local integer
  if abs(side) * s < THIN then
    integer = nearest(side, m, d)
    if abs(integer / powers[d] - side) > abs(side) * 0.02 then
      m, d = grid(abs(side) * 0.02)
      integer = nearest(side, m, d)
    end
  else
    -- It ends where the next begins.
    integer = nearest(origin + side, m, d) - nearest(origin, m, d)
  end
  fixed(integer, d)
end

on("re", "nnnn", function()
  outside()
  path, drawn, curved = true, true, false
  rx = false
  if exact then return put_all("re") end
  local s, x, y, w, h = state, nums[1], nums[2], nums[3], nums[4]
  if abs(x) > 1e8 or abs(y) > 1e8 or abs(w) > 1e8 or abs(h) > 1e8 then return put_all("re") end
  fixed(nearest(x, s.rm, s.rd), s.rd)
  fixed(nearest(y, s.sm, s.sd), s.sd)
  put_side(x, w, s.rm, s.rd, s.sx)
  put_side(y, h, s.sm, s.sd, s.sy)
  word("re")
end)

-- The end of a path: whether there is anything to paint or to clip by.
local function finish(stroked, closed)
  local any = path or clip
  -- A last point that is closed is one that round caps show, and a clip by nothing hides all.
  if path and not clip and not closed and size() == move_to then
    rewind(move_from)
    any = drawn
  end
  if not stroked and cut_count > 0 then write.cut(cuts, cut_count) end
  path, clip, rx, drawn, curved, move_to, cut_count = false, false, false, false, false, -1, 0
  return any
end

on("f F f*", "", function(operator)
  outside()
  if not finish(false, false) then return end
  mark()
  word(operator == "F" and "f" or operator)
end)

on("S s B B* b b*", "", function(operator)
  outside()
  if not finish(true, operator:byte() ~= operator:upper():byte()) then return end
  mark()
  word(operator)
end)

on("n", "", function()
  outside()
  if finish(false, false) then word("n") end
end)

on("W W*", "", function(operator)
  outside()
  clip = true
  word(operator)
end)

-- Text --------------------------------------------------------------------------------------------------------------
--
-- Where text begins is never rounded: programs that extract text put it in an order by its place, and where two places
-- are the same, the last bit of how they were computed decides. How far its strings are apart is given in thousandths of
-- the font's size: of these, tenths are kept. What one adjustment leaves, the next takes up, so that no glyph moves
-- further than half a tenth. (Whole ones would take up to 7 % less of a document, but of 106 two, with dense tables, were
-- then read in another order by pdftotext.)

local function in_object()
  if not in_text then fail("text outside of BT … ET") end
end

on("BT", "", function()
  outside()
  if path then fail("BT") end
  in_text, begin_due, owed = true, true, 0
end)

on("ET", "", function()
  if not in_text then fail("ET") end
  flush_spaces()
  in_text = false
  if begin_due and not clipping then
    begin_due = false
  else
    begin_text()
    word("ET")
  end
end)

on("Tc Tw Tz Ts TL", "n", function(operator)
  local from = size()
  put_all(operator)
  set(operator, from)
end)

on("Tr", "n", function()
  local from = size()
  put_all("Tr")
  set("Tr", from)
  if nums[1] > 3 then clipping = true end
end)

on("Tf", "Nn", function()
  local from = size()
  put_all("Tf")
  set("Tf", from)
  state.font = ffi.string(p + froms[1] + 1, tos[1] - froms[1] - 1)
  owed = 0
end)

local function move(operator)
  in_object()
  owed = 0
  flush_spaces()
  begin_text()
  put_all(operator)
  if operator == "TD" then state["=TL"] = nil end
end

on("Td TD", "nn", move)
on("T*", "", move)

on("Tm", "nnnnnn", move)

local function hold(i)
  if ekinds[i] == HEX then write.hold_hex(p, efroms[i], etos[i]) else write.hold_literal(p, efroms[i], etos[i]) end
end

-- Whether a string may go on with what follows it as one.
local function may_join(font)
  return names["S " .. font] or (names["D " .. font] and write.held % 2 == 0)
end

local TENTHS, DECIMALS = 10, 1

-- The strings and adjustments of the last array.
local function show()
  in_object()
  for i = 1, elements do
    local kind = ekinds[i]
    if kind ~= NUMBER and kind ~= STRING and kind ~= HEX then fail("TJ") end
  end
  if elements == 0 then return end
  mark()
  begin_text()
  local font = state.font or ""
  local from = size()
  local open, strings, numbers = false, 0, false
  local round = not exact and names["E " .. font]
  word("[")
  for i = 1, elements do
    if ekinds[i] == NUMBER then
      if abs(enums[i]) > 1e8 then fail("large numbers") end
      local tenths = enums[i]
      if round then
        tenths = floor((enums[i] + owed) * TENTHS + 0.5)
        owed = owed + enums[i] - tenths / TENTHS
      end
      if tenths ~= 0 then
        if open then write.literal(); open = false end
        if round then fixed(tenths, DECIMALS) else spelled(p, efroms[i], etos[i]) end
        numbers = true
      end
    else
      if open and not may_join(font) then write.literal(); open = false end
      if not open then strings = strings + 1 end
      hold(i)
      open = true
    end
  end
  if strings == 1 and not numbers and not arrays then
    rewind(from)
    write.literal()
    word("Tj")
  elseif strings == 0 and not numbers then
    rewind(from)
  else
    if open then write.literal() end
    word("]TJ")
  end
end

on("TJ", "a", function()
  if not plain_array then fail("TJ") end
  show()
end)

local function one_string(i)
  elements = 1
  ekinds[1], efroms[1], etos[1], enums[1] = kinds[i], froms[i], tos[i], 0
end

on("Tj", "s", function()
  one_string(1)
  show()
end)

on("'", "s", function()
  in_object()
  owed = 0
  mark()
  begin_text()
  put_all("'")
end)

on('"', "nns", function()
  in_object()
  owed = 0
  mark()
  begin_text()
  put_all('"')
  state["=Tw"], state["=Tc"] = nil, nil
end)

-- All else ----------------------------------------------------------------------------------------------------------

on("Do", "N", function()
  outside()
  mark()
  put_all("Do")
end)

on("sh", "N", function()
  outside()
  mark()
  put_all("sh")
end)

on("BI", "", function(_, from)
  outside()
  mark()
  local stop = scan.inline_image()
  if not stop then fail("inline image") end
  copy(p, from, stop)
  write.blank()  -- readers look for the white space after EI
end)

local function marked(operator)
  mark()
  if in_text then begin_text() end
  put_all(operator)
end

on("BMC MP", "N", marked)
on("BDC DP", "N*", marked)
on("EMC", "", marked)
on("BX EX", "", marked)

on("d0", "nn", function() mark(); put_all("d0") end)
on("d1", "nnnnnn", function() mark(); put_all("d1") end)

-- The stream --------------------------------------------------------------------------------------------------------

local FITS = {
  n = function(kind) return kind == NUMBER end,
  s = function(kind) return kind == STRING or kind == HEX end,
  a = function(kind) return kind == ARRAY end,
  N = function(kind) return kind == NAME end,
  ["*"] = function() return true end,
}
local tests = {}
for operator, spec in pairs(specs) do
  local list = {}
  for letter in spec:gmatch("[nsaN*]") do list[#list + 1] = FITS[letter] end
  tests[operator] = spec ~= "…" and list or false
end

local function read_array(from)
  elements, plain_array = 0, true
  local level = 1
  while true do
    local kind, start, stop, value = token()
    if kind == CLOSE then
      level = level - 1
      if level == 0 then return stop end
    elseif kind == OPEN then
      level, plain_array = level + 1, false
    elseif kind == NUMBER or kind == STRING or kind == HEX or kind == NAME then
      elements = elements + 1
      ekinds[elements], efroms[elements], etos[elements], enums[elements] = kind, start, stop, value
    elseif kind == DICTIONARY or kind == WORD then
      plain_array = false
    else
      fail("array")
    end
  end
end

local CONSTANTS = { ["true"] = true, ["false"] = true, ["null"] = true }

local function run()
  while true do
    local kind, from, to, value = token()
    if kind == WORD then
      local operator = ffi.string(p + from, to - from)
      local handler = handlers[operator]
      if not handler then
        if not CONSTANTS[operator] then fail("operator") end
        count = count + 1
        kinds[count], froms[count], tos[count], nums[count] = kind, from, to, 0
      else
        local test = tests[operator]
        if test then
          if #test ~= count then fail("operands") end
          for i = 1, count do
            if not test[i](kinds[i]) then fail("operands") end
          end
        end
        if lines > 0 and operator ~= "l" then flush_lines() end
        handler(operator, from)
        count = 0
      end
    elseif kind == END then
      break
    elseif kind == NUMBER or kind == NAME or kind == STRING or kind == HEX or kind == DICTIONARY or kind == OPEN then
      if kind == OPEN then kind, to = ARRAY, read_array(from) end
      count = count + 1
      if count > MAX_OPERANDS then fail("operands") end
      kinds[count], froms[count], tos[count], nums[count] = kind, from, to, value
    else
      fail("syntax")
    end
  end
  if count > 0 or in_text or path or clip then fail("end") end
end

return function(data, listed, wanted_scale, wanted_tolerance)
  p = scan.open(data)
  write.reset(#data + 4096)
  write.held = 0
  names = {}
  for entry in listed:gmatch("[^\n]+") do names[entry] = true end
  scale, tolerance = wanted_scale, wanted_tolerance
  exact = not (tolerance > 0 and scale > 0 and scale < 1e6)
  state, stack, depth = fresh(), {}, 0
  point_grids()
  count, path, clip, rx = 0, false, false, false
  lines = 0
  drawn, curved, move_from, move_to, cuts, cut_count = false, false, -1, -1, {}, 0
  -- Deflate prefers one operator to two of which each is shorter at times.
  arrays = data:find("TJ", 1, true) ~= nil
  fill_space, stroke_space = false, false
  in_text, begin_due, clipping, owed = false, false, false, 0
  local fine, why = pcall(run)
  if not fine then return nil, tostring(why) end
  return write.text(0), ""
end
