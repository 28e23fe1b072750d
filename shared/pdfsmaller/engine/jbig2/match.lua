-- Letters that look alike, and what each is best drawn from. Run by LuaJIT.
--
-- The chunk is a function: match(pages, boxes, rows, join, reach, fewest, most_work, seconds)
--   pages    three 32-bit integers for each page: its components, its width, its height
--   boxes    of all components, page after page: four 32-bit integers each (x, y, width, height)
--   rows     their pixels, as components.lua gives them
--   join     letters belong together that differ in at most so many pixels for each of their outline
--   reach    a letter is drawn from a symbol that differs in at most so many
--   fewest     letters that a symbol is made for
--   most_work  bitmaps that may be looked at, to be compared or left alone
--   seconds  of processor time it may take
-- It returns four strings: the symbols' boxes (two integers each: width, height) by height and width, their pixels, the
-- letters (a record of eight integers for each component: see text.lua; symbol -1 where there is none for it), and the
-- pixels of those that are refined. Otherwise nil and why: "many" (there is too much to compare)
-- or "slow".
--
-- A symbol is what most of its letters have at each pixel: letters that are refined from it differ from it in fewer pixels
-- than from one another. Nothing is ever drawn as another letter: what differs is refined.

local ffi = require("ffi")
local bit = require("bit")
local tidied = require("tidied")
local words_of = require("rows").words_of
local band, bor, bxor, lshift, rshift, tobit = bit.band, bit.bor, bit.bxor, bit.lshift, bit.rshift, bit.tobit

-- Letters are compared with those whose width and height are in the same or the next class of so many pixels.
local CLASS_LOG = 1
-- A symbol's box holds the pixels that this share of its letters have black.
local BOX_SHARE = 0.15
-- Black pixels are counted in cells of so many rows: bitmaps whose counts differ need not be compared pixel by pixel.
local CELL = 8
-- A letter need not look further for its like where it differs in this share of what it may.
local ENOUGH = 0.6
-- Bitmaps are compared no further apart.
local FURTHEST = 24
-- One pixel aside, in each direction: x is followed by y.
local ASIDE = { [0] = 1, 0, -1, 0, 1 }
local CLOCK_SHAPES = 64

-- A bitmap made ready to be compared.
--   bits            where its rows begin in `pool`: so many words of 32 pixels each, two at least
--   above           where, in `pool`, the numbers of black pixels above each row begin
--   outline         how long it is, in pixels
--   across, down    the middle of its black pixels
--   cells           black pixels in two columns and four rows around the middle: what differs there differs
--   weight          letters that are exactly so, or are drawn from this symbol
--   leader, dx, dy  what it belongs to (-1: nothing), and where that lies from its own corner
--   first, next     lists: of those that belong to it; the next of those that belong to the same, or have the same hash
--   id              of a symbol, -1 where it is none that is used
ffi.cdef([[
typedef struct {
  int32_t width, height, words, bits, above, black, outline, hash, weight, leader, dx, dy, differs, first, next, id;
  double across, down, cells[8];
} jbig2_shape;
typedef struct { double black, across, down, cells[8]; int32_t index, unused; } jbig2_seen;
]])

local ones = ffi.new("uint8_t[65536]")
for value = 1, 65535 do ones[value] = ones[rshift(value, 1)] + band(value, 1) end
local function count(word) return ones[band(word, 0xFFFF)] + ones[rshift(word, 16)] end
-- The sum of the places (0 to 7, from the left) of a byte's set bits.
local places = ffi.new("uint8_t[256]")
for value = 1, 255 do
  for place = 0, 7 do places[value] = places[value] + place * band(rshift(value, 7 - place), 1) end
end

-- Of one call: all shapes, and their pixels. Numbers of shapes and places in `pool` stand for pointers, of which LuaJIT
-- would make an object each.
local shapes, pool
local pool_room, pool_filled = 0, 0
-- Bitmaps looked at until now.
local work = 0
-- What a search finds that may be alike: which, and how far apart it is by its cells.
local found, apart_by, found_room = nil, nil, 0

-- Room for so many words more.
local function reserve(words)
  if pool_filled + words <= pool_room then return end
  local room = 2 * pool_room + words
  local larger = ffi.new("int32_t[?]", room)
  ffi.copy(larger, pool, 4 * pool_filled)
  pool, pool_room = larger, room
end

-- Finds out about a bitmap whose rows are the last in `pool`.
local function describe(index, width, height)
  local shape = shapes[index]
  local words = words_of(width)
  reserve(height + 1)
  local bits, above = pool_filled - words * height, pool_filled
  pool_filled = pool_filled + height + 1
  pool[above] = 0
  local black, across, down, outline, hash = 0, 0, 0, 0, 0
  for y = 0, height - 1 do
    local row, before, in_row = bits + y * words, 0, 0
    for k = 0, words - 1 do
      local word = pool[row + k]
      local over = y > 0 and pool[row + k - words] or 0
      if word ~= 0 then
        local sum = places[rshift(word, 24)] + places[band(rshift(word, 16), 0xFF)] + places[band(rshift(word, 8), 0xFF)]
          + places[band(word, 0xFF)] + 8 * count(band(word, 0x00FF00FF)) + 16 * count(band(word, 0xFFFF))
        local here = count(word)
        in_row, across = in_row + here, across + sum + 32 * k * here
      end
      outline = outline + count(bxor(word, bor(rshift(word, 1), lshift(before, 31)))) + count(bxor(word, over))
      hash = tobit(bxor(bit.rol(hash, 5), word) * 0x9E37 + 0x79B9)
      before = band(word, 1)
      if y == height - 1 then outline = outline + count(word) end
    end
    outline = outline + before
    black, down = black + in_row, down + y * in_row
    pool[above + y + 1] = black
  end
  across, down = across / math.max(1, black), down / math.max(1, black)
  local columns = math.ceil(across) -- left of the middle
  local cells = shape.cells
  for cell = 0, 7 do cells[cell] = 0 end
  for y = 0, height - 1 do
    local cell = 2 * math.max(0, math.min(3, math.floor((y - down) / CELL) + 2))
    local row, left = bits + y * words, 0
    for k = 0, rshift(columns + 31, 5) - 1 do
      local beyond = 32 * (k + 1) - columns
      left = left + count(beyond > 0 and lshift(rshift(pool[row + k], beyond), beyond) or pool[row + k])
    end
    cells[cell] = cells[cell] + left
    cells[cell + 1] = cells[cell + 1] + pool[above + y + 1] - pool[above + y] - left
  end
  shape.width, shape.height, shape.words, shape.bits, shape.above = width, height, words, bits, above
  shape.black, shape.outline, shape.hash, shape.across, shape.down = black, outline, hash, across, down
  shape.weight, shape.leader, shape.first, shape.next, shape.id = 0, -1, -1, -1, -1
end

-- Pixels in which `two`, moved by dx and dy, differs from `one`; some number above `most` where it is above that.
-- Whole numbers: LuaJIT would count with a fraction's if it were not told.
local function difference(one, two, dx, dy, most)
  if dx < 0 then one, two, dx, dy = two, one, -dx, -dy end
  local high1, high2 = shapes[one].height, shapes[two].height
  local top, bottom = math.max(0, dy), math.min(high1, high2 + dy)
  if top >= bottom then return shapes[one].black + shapes[two].black end
  local above1, above2 = shapes[one].above, shapes[two].above
  local sum = tobit(
    pool[above1 + top] + shapes[one].black - pool[above1 + bottom]
      + pool[above2 + top - dy] + shapes[two].black - pool[above2 + bottom - dy]
  )
  local bits1, bits2 = shapes[one].bits, shapes[two].bits
  local words1, words2 = shapes[one].words, shapes[two].words
  local last = rshift(math.max(shapes[one].width, shapes[two].width + dx) - 1, 5)
  most = tobit(most)
  -- Most letters are one word wide, or two.
  if last == 0 then
    bits2 = bits2 - 2 * dy
    for y = 2 * top, 2 * bottom - 2, 2 do
      local word = bxor(pool[bits1 + y], rshift(pool[bits2 + y], dx))
      sum = tobit(sum + ones[band(word, 0xFFFF)] + ones[rshift(word, 16)])
      if sum > most then return sum end
    end
    return sum
  end
  if last == 1 then
    bits2 = bits2 - 2 * dy
    for y = 2 * top, 2 * bottom - 2, 2 do
      local left, right = pool[bits2 + y], pool[bits2 + y + 1]
      local word1 = bxor(pool[bits1 + y], rshift(left, dx))
      local word2 = bxor(pool[bits1 + y + 1], bor(rshift(right, dx), lshift(lshift(left, 31 - dx), 1)))
      sum = tobit(
        sum + ones[band(word1, 0xFFFF)] + ones[rshift(word1, 16)] + ones[band(word2, 0xFFFF)] + ones[rshift(word2, 16)]
      )
      if sum > most then return sum end
    end
    return sum
  end
  for y = top, bottom - 1 do
    local at1, at2 = bits1 + y * words1, bits2 + (y - dy) * words2
    local before = 0
    for k = 0, last do
      local here = k < words2 and pool[at2 + k] or 0
      local word = bor(rshift(here, dx), lshift(lshift(before, 31 - dx), 1))
      if k < words1 then word = bxor(word, pool[at1 + k]) end
      before = here
      sum = tobit(sum + ones[band(word, 0xFFFF)] + ones[rshift(word, 16)])
    end
    if sum > most then return sum end
  end
  return sum
end

local function same(one, two)
  if shapes[one].width ~= shapes[two].width or shapes[one].height ~= shapes[two].height then return false end
  local bits1, bits2 = shapes[one].bits, shapes[two].bits
  for k = 0, shapes[one].words * shapes[one].height - 1 do
    if pool[bits1 + k] ~= pool[bits2 + k] then return false end
  end
  return true
end

local function class(index)
  return rshift(shapes[index].width, CLASS_LOG) * 65536 + rshift(shapes[index].height, CLASS_LOG)
end

-- Puts a symbol among those of about its size: what tells most of the others from a letter, in `seen`.
local function add_to(classes, index)
  local key = class(index)
  local list = classes[key]
  if list == nil then
    list = { count = 0, room = 8, seen = ffi.new("jbig2_seen[8]") }
    classes[key] = list
  end
  if list.count == list.room then
    local larger = ffi.new("jbig2_seen[?]", 2 * list.room)
    ffi.copy(larger, list.seen, list.room * ffi.sizeof("jbig2_seen"))
    list.room, list.seen = 2 * list.room, larger
  end
  local seen, shape = list.seen[list.count], shapes[index]
  seen.black, seen.across, seen.down, seen.index = shape.black, shape.across, shape.down, index
  ffi.copy(seen.cells, shape.cells, ffi.sizeof(seen.cells))
  list.count = list.count + 1
end

local function rounded(value) return math.floor(value + 0.5) end

-- Adds to `found` what of a list may differ in no more than `most` from a shape, `filled` being there already; how many
-- are there then.
local function likely(seen, length, index, most, filled)
  local cells = shapes[index].cells
  local black, across = shapes[index].black, shapes[index].across
  local c0, c1, c2, c3, c4, c5, c6, c7 = cells[0], cells[1], cells[2], cells[3], cells[4], cells[5], cells[6], cells[7]
  for i = 0, length - 1 do
    local other = seen[i].cells
    local apart = ((math.abs(c0 - other[0]) + math.abs(c1 - other[1])) + (math.abs(c2 - other[2]) + math.abs(c3 - other[3])))
      + ((math.abs(c4 - other[4]) + math.abs(c5 - other[5])) + (math.abs(c6 - other[6]) + math.abs(c7 - other[7])))
    if apart <= most and math.abs(rounded(across - seen[i].across)) < FURTHEST then
      found[filled], apart_by[filled] = seen[i].index, apart
      filled = filled + 1
    end
  end
  return filled
end

-- Of the symbols of about a shape's size the one that differs least, in how many pixels and at which place; nil where all
-- differ in more than `most`. One that differs in no more than `enough` is taken at once.
local function search(classes, index, most, enough)
  local key, filled = class(index), 0
  for wide = -1, 1 do
    for high = -1, 1 do
      local list = classes[key + wide * 65536 + high]
      if list ~= nil then
        work = work + list.count
        if filled + list.count > found_room then
          local room = 2 * (filled + list.count)
          local more, more_by = ffi.new("int32_t[?]", room), ffi.new("double[?]", room)
          ffi.copy(more, found, 4 * filled)
          ffi.copy(more_by, apart_by, 8 * filled)
          found, apart_by, found_room = more, more_by, room
        end
        filled = likely(list.seen, list.count, index, most, filled)
      end
    end
  end
  if filled == 0 then return nil end
  -- The nearest by cells comes first: most others are then too far by theirs.
  local nearest = 0
  for i = 1, filled - 1 do
    if apart_by[i] < apart_by[nearest] then nearest = i end
  end
  found[0], found[nearest] = found[nearest], found[0]
  apart_by[0], apart_by[nearest] = apart_by[nearest], apart_by[0]
  local best, best_dx, best_dy
  for i = 0, filled - 1 do
    if apart_by[i] <= most then
      local other = found[i]
      local dx = rounded(shapes[index].across - shapes[other].across)
      local dy = rounded(shapes[index].down - shapes[other].down)
      local differs = difference(index, other, dx, dy, most)
      if differs < most or (differs == most and best == nil) then
        most, best, best_dx, best_dy = differs, other, dx, dy
        if differs <= enough then break end
      end
    end
  end
  return best, most, best_dx, best_dy
end

-- The same, and the best place for it. `guess` is one that may be it, or -1.
local function nearest(classes, index, most, enough, guess)
  local best, best_dx, best_dy
  if guess >= 0 then
    local dx = rounded(shapes[index].across - shapes[guess].across)
    local dy = rounded(shapes[index].down - shapes[guess].down)
    if math.abs(dx) < FURTHEST then
      local differs = difference(index, guess, dx, dy, most)
      if differs <= most then most, best, best_dx, best_dy = differs, guess, dx, dy end
    end
  end
  if best == nil or most > enough then
    local other, differs, dx, dy = search(classes, index, most, enough)
    if other ~= nil and (best == nil or differs < most) then most, best, best_dx, best_dy = differs, other, dx, dy end
  end
  if best == nil then return nil end
  -- Middles are not exact: is it nearer one pixel further?
  if most > 0 then
    local x, y = best_dx, best_dy
    for step = 0, 3 do
      local dx, dy = x + ASIDE[step], y + ASIDE[step + 1]
      local differs = difference(index, best, dx, dy, most)
      if differs < most then most, best_dx, best_dy = differs, dx, dy end
    end
  end
  return best, most, best_dx, best_dy
end

-- Gives a shape to its leader, which lies dx to the right of and dy below its corner.
local function give(index, leader, dx, dy)
  local shape = shapes[index]
  shape.leader, shape.dx, shape.dy = leader, dx, dy
  shape.next, shapes[leader].first = shapes[leader].first, index
end

-- Makes shape `index` of what most of a leader's letters have at each pixel, each at its place; false where that is
-- nothing, or they are fewer than `fewest`.
local function average(leader, index, fewest)
  local left, top, right, bottom = 0x7FFFFFFF, 0x7FFFFFFF, -0x7FFFFFFF, -0x7FFFFFFF
  local weight = 0
  local member = shapes[leader].first
  while member >= 0 do
    local shape = shapes[member]
    left, top = math.min(left, -shape.dx), math.min(top, -shape.dy)
    right, bottom = math.max(right, shape.width - shape.dx), math.max(bottom, shape.height - shape.dy)
    weight = weight + shape.weight
    member = shape.next
  end
  if weight < fewest then return false end
  local width, height = right - left, bottom - top
  local counts = ffi.new("int32_t[?]", width * height)
  member = shapes[leader].first
  while member >= 0 do
    local shape = shapes[member]
    local wide, words, heavy = shape.width, shape.words, shape.weight
    for y = 0, shape.height - 1 do
      local to, from = (y - shape.dy - top) * width - shape.dx - left, shape.bits + y * words
      for x = 0, wide - 1 do
        counts[to + x] = counts[to + x] + band(rshift(pool[from + rshift(x, 5)], 31 - band(x, 31)), 1) * heavy
      end
    end
    member = shape.next
  end
  local x0, y0, x1, y1, black = width, height, -1, -1, 0
  local least = math.max(1, weight * BOX_SHARE)
  for y = 0, height - 1 do
    for x = 0, width - 1 do
      local value = counts[y * width + x]
      if value >= least then
        x0, y0, x1, y1 = math.min(x0, x), math.min(y0, y), math.max(x1, x), math.max(y1, y)
      end
      if value * 2 > weight then black = black + 1 end
    end
  end
  if black == 0 then return false end
  local wide, high = x1 - x0 + 1, y1 - y0 + 1
  local words = words_of(wide)
  reserve(words * high)
  local bits = pool_filled
  pool_filled = pool_filled + words * high
  ffi.fill(pool + bits, 4 * words * high)
  for y = 0, high - 1 do
    for x = 0, wide - 1 do
      if counts[(y + y0) * width + x + x0] * 2 > weight then
        local word = bits + y * words + rshift(x, 5)
        pool[word] = bor(pool[word], lshift(1, 31 - band(x, 31)))
      end
    end
  end
  describe(index, wide, high)
  return true
end

-- Writes a shape's pixels, a byte each, at a place where rows are so long.
local function unpack_to(target, to, stride, index)
  local shape = shapes[index]
  local width, words, bits = shape.width, shape.words, shape.bits
  for y = 0, shape.height - 1 do
    local row, from = to + y * stride, bits + y * words
    for x = 0, width - 1 do target[row + x] = band(rshift(pool[from + rshift(x, 5)], 31 - band(x, 31)), 1) end
  end
end

local function run(pages, boxes, rows, join, reach, fewest, most_work, seconds)
  local ends = os.clock() + seconds
  work = 0
  local function stopped()
    if work > most_work then return "many" end
    return os.clock() > ends and "slow" or nil
  end
  local box = ffi.cast("const int32_t *", boxes)
  local source = ffi.cast("const int32_t *", rows)
  local total = #boxes / 16
  -- No more symbols than shapes, no more shapes than components.
  shapes = ffi.new("jbig2_shape[?]", 2 * total + 1)
  pool_room, pool_filled = #rows / 2 + 1024, 0
  pool = ffi.new("int32_t[?]", pool_room)
  found_room = 1024
  found, apart_by = ffi.new("int32_t[?]", found_room), ffi.new("double[?]", found_room)

  -- Letters that are exactly alike are one shape.
  local shape_at, known = ffi.new("int32_t[?]", total + 1), {}
  local at, made = 0, 0
  for i = 0, total - 1 do
    if i % CLOCK_SHAPES == 0 and stopped() then return nil, stopped() end
    local width, height = box[4 * i + 2], box[4 * i + 3]
    local words = words_of(width) * height
    local before = pool_filled
    reserve(words)
    ffi.copy(pool + pool_filled, source + at, 4 * words)
    pool_filled = pool_filled + words
    describe(made, width, height)
    local first = known[shapes[made].hash]
    local like = first or -1
    while like >= 0 and not same(like, made) do like = shapes[like].next end
    if like < 0 then
      like, made = made, made + 1
      shapes[like].next = first or -1
      known[shapes[like].hash] = like
    else
      pool_filled = before
    end
    shapes[like].weight = shapes[like].weight + 1
    shape_at[i] = like
    at = at + words
  end
  known = nil
  -- The most frequent first; the others as they came.
  local order, rare = {}, {}
  for index = 0, made - 1 do
    local to = shapes[index].weight > 1 and order or rare
    to[#to + 1] = index
  end
  table.sort(order, function(one, two)
    if shapes[one].weight ~= shapes[two].weight then return shapes[one].weight > shapes[two].weight end
    return one < two
  end)
  for _, index in ipairs(rare) do order[#order + 1] = index end

  -- The first of a kind leads those that come after it; then what they have in common does.
  local classes, leaders = {}, {}
  for i, index in ipairs(order) do
    if i % CLOCK_SHAPES == 0 and stopped() then return nil, stopped() end
    local most = shapes[index].outline * join
    local leader, _, dx, dy = nearest(classes, index, math.floor(most), math.floor(most * ENOUGH), -1)
    if leader == nil then
      leader, dx, dy = index, 0, 0
      leaders[#leaders + 1] = index
      add_to(classes, index)
    end
    give(index, leader, dx, dy)
  end

  local symbols = made -- their numbers are from here on, up to `made`
  classes = {}
  for index = 0, symbols - 1 do shapes[index].leader = -1 end
  for i, leader in ipairs(leaders) do
    if i % CLOCK_SHAPES == 0 and stopped() then return nil, stopped() end
    if average(leader, made, fewest) then
      local member = shapes[leader].first
      while member >= 0 do
        shapes[member].leader = made
        member = shapes[member].next
      end
      add_to(classes, made)
      made = made + 1
    end
  end
  for i, index in ipairs(order) do
    if i % CLOCK_SHAPES == 0 and stopped() then return nil, stopped() end
    local shape = shapes[index]
    local symbol, differs, dx, dy = nearest(classes, index, math.floor(shape.outline * reach), 0, shape.leader)
    shape.leader = -1
    if symbol ~= nil then
      shape.leader, shape.differs, shape.dx, shape.dy = symbol, differs, dx, dy
      shapes[symbol].weight = shapes[symbol].weight + shape.weight
    end
  end

  local used = {}
  for index = symbols, made - 1 do
    if shapes[index].weight >= fewest then used[#used + 1] = index end
  end
  table.sort(used, function(one, two)
    if shapes[one].height ~= shapes[two].height then return shapes[one].height < shapes[two].height end
    if shapes[one].width ~= shapes[two].width then return shapes[one].width < shapes[two].width end
    return one < two
  end)
  local sizes, bitmaps = ffi.new("int32_t[?]", 2 * #used + 1), {}
  for i, index in ipairs(used) do
    local symbol = shapes[index]
    symbol.id = i - 1
    sizes[2 * i - 2], sizes[2 * i - 1] = symbol.width, symbol.height
    local pixels = ffi.new("uint8_t[?]", symbol.width * symbol.height)
    unpack_to(pixels, 0, symbol.width, index)
    bitmaps[i] = ffi.string(pixels, symbol.width * symbol.height)
  end

  local letters = ffi.new("int32_t[?]", 8 * total + 1)
  local room, filled = 0x10000, 0
  local drawn = ffi.new("uint8_t[?]", room)
  local page_of = ffi.cast("const int32_t *", pages)
  local page, left_on_page = -1, 0
  for i = 0, total - 1 do
    while left_on_page == 0 do
      page = page + 1
      left_on_page = page_of[3 * page]
    end
    left_on_page = left_on_page - 1
    local shape, letter = shapes[shape_at[i]], letters + 8 * i
    letter[0] = -1
    if shape.leader >= 0 and shapes[shape.leader].id >= 0 then
      local symbol = shapes[shape.leader]
      local x, y = box[4 * i], box[4 * i + 1]
      local left, top = math.min(0, shape.dx), math.min(0, shape.dy)
      local right = math.max(shape.width, shape.dx + symbol.width)
      local bottom = math.max(shape.height, shape.dy + symbol.height)
      local inside = x + left >= 0 and y + top >= 0 and x + right <= page_of[3 * page + 1] and y + bottom <= page_of[3 * page + 2]
      if not inside then left, top, right, bottom = 0, 0, shape.width, shape.height end
      local width, height = right - left, bottom - top
      local aside, below = shape.dx - left, shape.dy - top
      letter[0], letter[1], letter[2], letter[3], letter[4] = symbol.id, x + left, y + top, width, height
      letter[5], letter[6] = aside, below
      local exact = shape.differs == 0 and inside and width == symbol.width and height == symbol.height
      if math.abs(aside) >= symbol.width or math.abs(below) >= symbol.height then
        -- PDFium takes a symbol that is moved by its height or more for one that is not moved.
        letter[0] = -1
      elseif not exact then
        letter[7] = 1
        if filled + width * height > room then
          local larger = ffi.new("uint8_t[?]", 2 * room + width * height)
          ffi.copy(larger, drawn, filled)
          drawn, room = larger, 2 * room + width * height
        end
        unpack_to(drawn, filled - top * width - left, width, shape_at[i])
        filled = filled + width * height
      end
    end
  end
  return ffi.string(sizes, 8 * #used), table.concat(bitmaps), ffi.string(letters, 32 * total), ffi.string(drawn, filled)
end

-- Nothing of a call stays behind.
local function forget(...)
  shapes, pool, found, apart_by = nil, nil, nil, nil
  return ...
end

return tidied(function(...) return forget(run(...)) end)
