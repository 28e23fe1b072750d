-- Letters that look alike, and what each is best drawn from. Run by LuaJIT.
--
-- The chunk is a function: match(pages, boxes, pixels, join, reach, fewest, most_work, seconds)
--   pages    three 32-bit integers for each page: its components, its width, its height
--   boxes    of all components, page after page: four 32-bit integers each (x, y, width, height)
--   pixels   theirs, a byte each (0 or 1)
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
local band, bor, bxor, lshift, rshift = bit.band, bit.bor, bit.bxor, bit.lshift, bit.rshift

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
-- Symbols are made of what their letters have in common, letters are given to the nearest symbol, so many times.
local ROUNDS = 1
-- One pixel aside, in each direction: x is followed by y.
local ASIDE = { [0] = 1, 0, -1, 0, 1 }
local CLOCK_SHAPES = 64

ffi.cdef("typedef struct { int32_t black, cells[8]; double across, down; } jbig2_seen;")

local ones = ffi.new("uint8_t[65536]")
for value = 1, 65535 do ones[value] = ones[rshift(value, 1)] + band(value, 1) end
local function count(word) return ones[band(word, 0xFFFF)] + ones[rshift(word, 16)] end

-- A bitmap made ready to be compared. Loops over few pixels take offsets rather than pointers, of which LuaJIT would make
-- an object each.
--   data, words   packed rows of so many words of 32 pixels, two at least
--   above         black pixels above each row
--   cells         black pixels in two columns and four rows around the middle: what differs there differs
--   outline       how long it is, in pixels
local function shape_of(source, from, width, height)
  local words = math.max(2, rshift(width + 31, 5))
  local data, above = ffi.new("int32_t[?]", words * height), ffi.new("int32_t[?]", height + 1)
  local black, across, down, outline, hash = 0, 0, 0, 0, 0
  for y = 0, height - 1 do
    local at = from + y * width
    local before, in_row, sum = 0, 0, 0
    for x = 0, width - 1 do
      local pixel = source[at + x]
      if pixel ~= 0 then
        local word = y * words + rshift(x, 5)
        data[word] = bor(data[word], lshift(1, 31 - band(x, 31)))
        in_row, sum = in_row + 1, sum + x
      end
      outline = outline + bxor(pixel, before)
      before = pixel
    end
    outline = outline + before
    black, across, down = black + in_row, across + sum, down + y * in_row
    above[y + 1] = black
    for k = y * words, y * words + words - 1 do
      hash = bit.tobit(bxor(bit.rol(hash, 5), data[k]) * 0x9E37 + 0x79B9)
      outline = outline + count(bxor(data[k], y > 0 and data[k - words] or 0))
      if y == height - 1 then outline = outline + count(data[k]) end
    end
  end
  across, down = across / math.max(1, black), down / math.max(1, black)
  local cells = ffi.new("int32_t[8]")
  local columns = math.ceil(across) -- left of the middle
  for y = 0, height - 1 do
    local cell = 2 * math.max(0, math.min(3, math.floor((y - down) / CELL) + 2))
    local left = 0
    for k = 0, rshift(columns + 31, 5) - 1 do
      local beyond = 32 * (k + 1) - columns
      left = left + count(beyond > 0 and lshift(rshift(data[y * words + k], beyond), beyond) or data[y * words + k])
    end
    cells[cell] = cells[cell] + left
    cells[cell + 1] = cells[cell + 1] + above[y + 1] - above[y] - left
  end
  return {
    width = width, height = height, words = words, data = data, above = above, black = black, outline = outline,
    across = across, down = down, cells = cells, hash = hash,
  }
end

-- Pixels in which `two`, moved by dx and dy, differs from `one`; some number above `most` where it is above that.
local function difference(one, two, dx, dy, most)
  if dx < 0 then one, two, dx, dy = two, one, -dx, -dy end
  local top, bottom = math.max(0, dy), math.min(one.height, two.height + dy)
  if top >= bottom then return one.black + two.black end
  local above1, above2 = one.above, two.above
  local sum = above1[top] + one.black - above1[bottom] + above2[top - dy] + two.black - above2[bottom - dy]
  local data1, data2 = one.data, two.data
  local words1, words2 = one.words, two.words
  local last = rshift(math.max(one.width, two.width + dx) - 1, 5)
  -- Most letters are one word wide, or two.
  if last == 0 then
    for y = top, bottom - 1 do
      local word = bxor(data1[2 * y], rshift(data2[2 * (y - dy)], dx))
      sum = sum + ones[band(word, 0xFFFF)] + ones[rshift(word, 16)]
      if sum > most then return sum end
    end
    return sum
  end
  if last == 1 then
    for y = top, bottom - 1 do
      local left, right = data2[2 * (y - dy)], data2[2 * (y - dy) + 1]
      local word1 = bxor(data1[2 * y], rshift(left, dx))
      local word2 = bxor(data1[2 * y + 1], bor(rshift(right, dx), lshift(lshift(left, 31 - dx), 1)))
      sum = sum + ones[band(word1, 0xFFFF)] + ones[rshift(word1, 16)] + ones[band(word2, 0xFFFF)] + ones[rshift(word2, 16)]
      if sum > most then return sum end
    end
    return sum
  end
  for y = top, bottom - 1 do
    local at1, at2 = y * words1, (y - dy) * words2
    local before = 0
    for k = 0, last do
      local here = k < words2 and data2[at2 + k] or 0
      local word = bor(rshift(here, dx), lshift(lshift(before, 31 - dx), 1))
      if k < words1 then word = bxor(word, data1[at1 + k]) end
      before = here
      sum = sum + ones[band(word, 0xFFFF)] + ones[rshift(word, 16)]
    end
    if sum > most then return sum end
  end
  return sum
end

local function same(one, two)
  if one.width ~= two.width or one.height ~= two.height then return false end
  for k = 0, one.words * one.height - 1 do
    if one.data[k] ~= two.data[k] then return false end
  end
  return true
end

local function class(shape) return rshift(shape.width, CLASS_LOG) * 65536 + rshift(shape.height, CLASS_LOG) end

-- Puts a symbol among those of about its size: in `list`, and what tells most of the others from a letter in `seen`.
local function add_to(classes, symbol)
  local key = class(symbol)
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
  local seen = list.seen[list.count]
  seen.black, seen.across, seen.down = symbol.black, symbol.across, symbol.down
  ffi.copy(seen.cells, symbol.cells, ffi.sizeof(seen.cells))
  list.count = list.count + 1
  list[list.count] = symbol
end

-- Bitmaps looked at until now.
local work = 0

local function rounded(value) return math.floor(value + 0.5) end

-- The first from `i` on that may differ in no more than `most`; `count` if there is none.
local function likely(seen, i, count, shape, most)
  local black, across, cells = shape.black, shape.across, shape.cells
  local c0, c1, c2, c3, c4, c5, c6, c7 = cells[0], cells[1], cells[2], cells[3], cells[4], cells[5], cells[6], cells[7]
  while i < count do
    local one = seen[i]
    if math.abs(one.black - black) <= most then
      local other = one.cells
      local apart = math.abs(c0 - other[0]) + math.abs(c1 - other[1]) + math.abs(c2 - other[2]) + math.abs(c3 - other[3])
        + math.abs(c4 - other[4]) + math.abs(c5 - other[5]) + math.abs(c6 - other[6]) + math.abs(c7 - other[7])
      if apart <= most and math.abs(rounded(across - one.across)) < FURTHEST then return i end
    end
    i = i + 1
  end
  return count
end

-- Of the symbols of about a shape's size the one that differs least, in how many pixels and at which place; nil where all
-- differ in more than `most`. One that differs in no more than `enough` is taken at once.
local function search(classes, shape, most, enough)
  local best, best_dx, best_dy
  local key = class(shape)
  for wide = -1, 1 do
    for high = -1, 1 do
      local list = classes[key + wide * 65536 + high]
      if list ~= nil then
        work = work + list.count
        local i = likely(list.seen, 0, list.count, shape, most)
        while i < list.count do
          local symbol = list[i + 1]
          local dx, dy = rounded(shape.across - symbol.across), rounded(shape.down - symbol.down)
          local differs = difference(shape, symbol, dx, dy, most)
          if differs < most or (differs == most and best == nil) then
            most, best, best_dx, best_dy = differs, symbol, dx, dy
            if differs <= enough then return best, most, best_dx, best_dy end
          end
          i = likely(list.seen, i + 1, list.count, shape, most)
        end
      end
    end
  end
  return best, most, best_dx, best_dy
end

-- The same, and the best place for it. `guess` is one that may be it.
local function nearest(classes, shape, most, enough, guess)
  local best, best_dx, best_dy
  if guess ~= nil then
    local dx, dy = rounded(shape.across - guess.across), rounded(shape.down - guess.down)
    if math.abs(dx) < FURTHEST then
      local differs = difference(shape, guess, dx, dy, most)
      if differs <= most then most, best, best_dx, best_dy = differs, guess, dx, dy end
    end
  end
  if best == nil or most > enough then
    local found, differs, dx, dy = search(classes, shape, most, enough)
    if found ~= nil and (best == nil or differs < most) then most, best, best_dx, best_dy = differs, found, dx, dy end
  end
  if best == nil then return nil end
  -- Middles are not exact: is it nearer one pixel further?
  if most > 0 then
    local x, y = best_dx, best_dy
    for step = 0, 3 do
      local dx, dy = x + ASIDE[step], y + ASIDE[step + 1]
      local differs = difference(shape, best, dx, dy, most)
      if differs < most then most, best_dx, best_dy = differs, dx, dy end
    end
  end
  return best, most, best_dx, best_dy
end

-- What most of the letters have at each pixel, each at its place: a bitmap of bytes; nil where that is nothing.
local function average(members)
  local left, top, right, bottom = 0x7FFFFFFF, 0x7FFFFFFF, -0x7FFFFFFF, -0x7FFFFFFF
  local weight = 0
  for _, member in ipairs(members) do
    left, top = math.min(left, member.x), math.min(top, member.y)
    right, bottom = math.max(right, member.x + member.shape.width), math.max(bottom, member.y + member.shape.height)
    weight = weight + member.shape.weight
  end
  local width, height = right - left, bottom - top
  local counts = ffi.new("int32_t[?]", width * height)
  for _, member in ipairs(members) do
    local shape = member.shape
    local pixels, heavy = shape.pixels, shape.weight
    for y = 0, shape.height - 1 do
      local to, from = (y + member.y - top) * width + member.x - left, shape.from + y * shape.width
      for x = 0, shape.width - 1 do counts[to + x] = counts[to + x] + pixels[from + x] * heavy end
    end
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
  if black == 0 then return nil end
  local wide, high = x1 - x0 + 1, y1 - y0 + 1
  local made = ffi.new("uint8_t[?]", wide * high)
  for y = 0, high - 1 do
    for x = 0, wide - 1 do
      if counts[(y + y0) * width + x + x0] * 2 > weight then made[y * wide + x] = 1 end
    end
  end
  return made, wide, high
end

local function run(pages, boxes, pixels, join, reach, fewest, most_work, seconds)
  local ends = os.clock() + seconds
  work = 0
  local function stopped()
    if work > most_work then return "many" end
    return os.clock() > ends and "slow" or nil
  end
  local box = ffi.cast("const int32_t *", boxes)
  local source = ffi.cast("const uint8_t *", pixels)
  local total = #boxes / 16

  -- Letters that are exactly alike are one shape.
  local shapes, shape_at, known = {}, {}, {}
  local at = 0
  for i = 0, total - 1 do
    if i % CLOCK_SHAPES == 0 and stopped() then return nil, stopped() end
    local width, height = box[4 * i + 2], box[4 * i + 3]
    local shape = shape_of(source, at, width, height)
    local like = known[shape.hash]
    while like ~= nil and not same(like, shape) do like = like.next end
    if like == nil then
      shape.pixels, shape.from, shape.weight, shape.next = source, at, 0, known[shape.hash]
      known[shape.hash] = shape
      shapes[#shapes + 1] = shape
      shape.number = #shapes
    else
      shape = like
    end
    shape.weight = shape.weight + 1
    shape_at[i] = shape
    at = at + width * height
  end
  known = nil
  table.sort(shapes, function(one, two)
    if one.weight ~= two.weight then return one.weight > two.weight end
    return one.number < two.number
  end)

  -- The first of a kind leads those that come after it; then what they have in common does.
  local classes, leaders = {}, {}
  for i, shape in ipairs(shapes) do
    if i % CLOCK_SHAPES == 0 and stopped() then return nil, stopped() end
    local leader, _, dx, dy = nearest(classes, shape, math.floor(shape.outline * join), math.floor(shape.outline * join * ENOUGH))
    if leader == nil then
      leader, dx, dy = shape, 0, 0
      shape.members = {}
      leaders[#leaders + 1] = shape
      add_to(classes, shape)
    end
    leader.members[#leader.members + 1] = { shape = shape, x = -dx, y = -dy }
  end

  local symbols
  for _ = 1, ROUNDS do
    symbols, classes = {}, {}
    for _, shape in ipairs(shapes) do shape.leader = nil end
    for i, leader in ipairs(leaders) do
      if i % CLOCK_SHAPES == 0 and stopped() then return nil, stopped() end
      local weight = 0
      for _, member in ipairs(leader.members) do weight = weight + member.shape.weight end
      if weight >= fewest then
        local made, width, height = average(leader.members)
        if made ~= nil then
          local symbol = shape_of(made, 0, width, height)
          symbol.pixels, symbol.members, symbol.used = made, {}, 0
          for _, member in ipairs(leader.members) do member.shape.leader = symbol end
          symbols[#symbols + 1] = symbol
          add_to(classes, symbol)
        end
      end
    end
    for i, shape in ipairs(shapes) do
      if i % CLOCK_SHAPES == 0 and stopped() then return nil, stopped() end
      local symbol, differs, dx, dy = nearest(classes, shape, math.floor(shape.outline * reach), 0, shape.leader)
      shape.symbol, shape.differs, shape.dx, shape.dy = symbol, differs, dx, dy
      if symbol ~= nil then
        symbol.members[#symbol.members + 1] = { shape = shape, x = -dx, y = -dy }
        symbol.used = symbol.used + shape.weight
      end
    end
    leaders = symbols
  end

  local used = {}
  for _, symbol in ipairs(symbols) do
    if symbol.used >= fewest then used[#used + 1] = symbol end
  end
  for i, symbol in ipairs(used) do symbol.order = i end
  table.sort(used, function(one, two)
    if one.height ~= two.height then return one.height < two.height end
    if one.width ~= two.width then return one.width < two.width end
    return one.order < two.order
  end)
  local sizes, bitmaps = ffi.new("int32_t[?]", 2 * #used + 1), {}
  for i, symbol in ipairs(used) do
    symbol.id = i - 1
    sizes[2 * i - 2], sizes[2 * i - 1] = symbol.width, symbol.height
    bitmaps[i] = ffi.string(symbol.pixels, symbol.width * symbol.height)
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
    local shape, letter = shape_at[i], letters + 8 * i
    local symbol = shape.symbol
    letter[0] = -1
    if symbol ~= nil and symbol.id ~= nil then
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
        for row = 0, shape.height - 1 do
          local to = filled + (row - top) * width - left
          ffi.copy(drawn + to, shape.pixels + shape.from + row * shape.width, shape.width)
        end
        filled = filled + width * height
      end
    end
  end
  return ffi.string(sizes, 8 * #used), table.concat(bitmaps), ffi.string(letters, 32 * total), ffi.string(drawn, filled)
end

return tidied(run)
