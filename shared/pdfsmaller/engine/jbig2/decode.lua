-- A page of JBIG2 to its pixels (ITU-T T.88), as a PDF embeds it: segments without a file header, those that several
-- pages share apart. Run by LuaJIT.
--
-- The chunk is a function: decode(shared, data, width, height, seconds)
--   shared         the segments that others use too, or ""; a string
--   data           the page's; a string
--   width, height  that the page is to have
--   seconds        of processor time it may take
-- It returns packed rows, each padded to a byte, a set bit being black. Otherwise nil and why: "damaged" (anything that a
-- faultless encoder would not write: readers differ in what they make of it), "unsupported" (Huffman codes,
-- halftones, refined regions, colours), "large" (symbols of more pixels than are worth it) or "slow".
-- What was shared is kept for the next page, which mostly shares the same.
-- All that it reads is within `shared` and `data`, what it writes to its own, of sizes checked before.

local ffi = require("ffi")
local bit = require("bit")
local arithmetic = require("arithmetic")
local ccitt = require("ccitt")
local regions = require("regions")
local tidied = require("tidied")
local band, bor, bxor, bnot, lshift, rshift = bit.band, bit.bor, bit.bxor, bit.bnot, bit.lshift, bit.rshift
local decode_integer, decode_id = arithmetic.decode_integer, arithmetic.decode_id

-- Pixels of all symbols of a page together, and of what refinement looks at one time.
local MOST_SYMBOL_PIXELS = 0x4000000
-- A page has thousands of symbols; more than these are an attack.
local MOST_SYMBOLS = 0x100000

-- The dictionaries of the last shared segments, where they are of at most so many pixels.
local KEPT_PIXELS = 0x800000
local kept_shared, kept_dictionaries = nil, nil

local function fail(reason) error({ reason = reason }, 0) end

-- --- segments ---------------------------------------------------------------------------------------------------------

-- Reads numbers of a string one after the other, never behind its end.
local function reader(data, at, to)
  local r = { at = at, to = to }
  function r.number(bytes)
    if r.at + bytes > r.to then fail("damaged") end
    local value = 0
    for i = 1, bytes do value = value * 256 + data:byte(r.at + i) end
    r.at = r.at + bytes
    return value
  end
  function r.signed()
    local value = r.number(1)
    return value < 128 and value or value - 256
  end
  function r.places(count)
    local found = {}
    for i = 1, 2 * count do found[i] = r.signed() end
    return found
  end
  return r
end

-- All segments' headers (7.2): { number, kind, refers, data, from, to }.
local function segments_of(data, into)
  local r = reader(data, 0, #data)
  while r.at < r.to do
    local segment = { number = r.number(4), refers = {}, data = data }
    local flags = r.number(1)
    segment.kind = band(flags, 63)
    local count = r.number(1)
    if count >= 0xE0 then
      count = (count - 0xE0) * 0x1000000 + r.number(3)
      if count > #data then fail("damaged") end
      r.number(0)
      for _ = 1, math.floor((count + 8) / 8) do r.number(1) end
    else
      count = rshift(count, 5)
    end
    local bytes = segment.number <= 256 and 1 or segment.number <= 65536 and 2 or 4
    for i = 1, count do segment.refers[i] = r.number(bytes) end
    segment.page = r.number(band(flags, 64) ~= 0 and 4 or 1)
    local length = r.number(4)
    if length == 0xFFFFFFFF then fail("unsupported") end
    segment.from, segment.to = r.at, r.at + length
    if segment.to > r.to then fail("damaged") end
    r.at = segment.to
    into[#into + 1] = segment
  end
end

-- --- drawing ----------------------------------------------------------------------------------------------------------

local OR, AND, XOR, XNOR, REPLACE = 0, 1, 2, 3, 4

-- A bitmap of a bit for each pixel.
local function canvas(width, height, black)
  local row_bytes = rshift(width + 7, 3)
  local made = {
    width = width, height = height, row_bytes = row_bytes, data = ffi.new("uint8_t[?]", math.max(1, row_bytes * height)),
  }
  if black then ffi.fill(made.data, row_bytes * height, 0xFF) end
  return made
end

-- Four pixels, a byte each (all of LuaJIT's processors have the lowest byte first), as four bits.
local function nibble(four)
  return bor(lshift(band(four, 1), 3), band(rshift(four, 6), 4), band(rshift(four, 15), 2), rshift(four, 24))
end

-- Combine a row of a byte for each pixel with row y of a canvas, from x on; what is beside the canvas is dropped. Eight
-- bytes behind the row may be read.
local function draw_row(on, x, y, row, width, operator)
  if y < 0 or y >= on.height then return end
  local data = on.data + y * on.row_bytes
  local i, stop = math.max(0, -x), math.min(width, on.width - x)
  if operator == OR then
    -- Eight at once.
    local aside, last = band(x + i, 7), on.row_bytes - 1
    while i < stop do
      local eight = ffi.cast("const int32_t *", row + i)
      local left, right = eight[0], eight[1]
      if bor(left, right) ~= 0 then
        local black = bor(lshift(nibble(left), 4), nibble(right))
        if i + 8 > stop then black = band(black, lshift(0xFF, 8 - (stop - i))) end
        local byte = rshift(x + i, 3)
        data[byte] = bor(data[byte], rshift(black, aside))
        if byte < last then data[byte + 1] = bor(data[byte + 1], lshift(black, 8 - aside)) end
      end
      i = i + 8
    end
    return
  end
  while i < stop do
    local at = x + i
    local byte, mask = rshift(at, 3), rshift(128, band(at, 7))
    local old = band(data[byte], mask) ~= 0 and 1 or 0
    local new = row[i]
    if operator == AND then
      new = band(old, new)
    elseif operator == XOR then
      new = bxor(old, new)
    elseif operator == XNOR then
      new = 1 - bxor(old, new)
    end
    if new ~= old then data[byte] = bxor(data[byte], mask) end
    i = i + 1
  end
end

-- The same of a region's canvas.
local function draw_canvas(on, region, canvas, tick)
  local row = ffi.new("uint8_t[?]", region.width + 8)
  for y = 0, region.height - 1 do
    if y % 64 == 0 then tick() end
    local source = canvas.data + y * canvas.row_bytes
    if region.operator == OR and region.x == 0 and region.y == 0 and canvas.width == on.width then
      local target = on.data + y * on.row_bytes
      for i = 0, on.row_bytes - 1 do target[i] = bor(target[i], source[i]) end
    else
      for x = 0, region.width - 1 do row[x] = band(rshift(source[rshift(x, 3)], 7 - band(x, 7)), 1) end
      draw_row(on, region.x, region.y + y, row, region.width, region.operator)
    end
  end
end

local function draw(on, x, y, bitmap, operator)
  for row = 0, bitmap.height - 1 do
    draw_row(on, x, y + row, bitmap.data + row * bitmap.width, bitmap.width, operator)
  end
end

-- --- text (6.4) -------------------------------------------------------------------------------------------------------

-- The contexts of a text region's numbers.
local function text_integers(id_bits)
  local found = { id = ffi.new("uint8_t[?]", lshift(1, id_bits)) }
  for _, name in ipairs({ "dt", "fs", "ds", "it", "ri", "rdw", "rdh", "rdx", "rdy" }) do
    found[name] = arithmetic.integers()
  end
  return found
end

-- shape: { instances, strips, corner, transposed, operator, offset, refined, refinement, id_bits, tick }
local function text(decoder, contexts, refinement_cx, shape, symbols, spend, on)
  local function number(name)
    local value = decode_integer(decoder, contexts[name])
    if value == nil or math.abs(value) > 0x3FFFFFFF then fail("damaged") end
    return value
  end
  -- Refined letters are drawn at once: one after the other lies in the same memory.
  local refined, room = { data = nil }, 0
  local strip = -number("dt") * shape.strips
  local first, done = 0, 0
  while done < shape.instances do
    strip = strip + number("dt") * shape.strips
    first = first + number("fs")
    local s = first
    while true do
      shape.tick()
      local t = strip + (shape.strips > 1 and number("it") or 0)
      local id = decode_id(decoder, contexts.id, shape.id_bits)
      local symbol = symbols[id + 1]
      if symbol == nil or math.max(math.abs(s), math.abs(t)) > 0x3FFFFFFF then fail("damaged") end
      if shape.refined and number("ri") ~= 0 then
        local wider, higher = number("rdw"), number("rdh")
        local dx, dy = math.floor(wider / 2) + number("rdx"), math.floor(higher / 2) + number("rdy")
        local width, height = symbol.width + wider, symbol.height + higher
        spend(width, height)
        if width * height > room then
          room = math.max(width * height, 2 * room)
          refined.data = regions.bitmap(room, 1).data
        end
        refined.width, refined.height = width, height
        local form = shape.refinement
        symbol = regions.refinement(
          decoder,
          refinement_cx,
          { width = width, height = height, template = form.template, adaptive = form.adaptive, typical = false },
          symbol, dx, dy, refined
        )
      end
      -- Corners: 0 bottom left, 1 top left, 2 bottom right, 3 top right.
      local right, bottom = shape.corner >= 2, shape.corner % 2 == 0
      local x, y
      if shape.transposed then
        if bottom then s = s + symbol.height - 1 end
        x, y = right and t - symbol.width + 1 or t, bottom and s - symbol.height + 1 or s
      else
        if right then s = s + symbol.width - 1 end
        x, y = right and s - symbol.width + 1 or s, bottom and t - symbol.height + 1 or t
      end
      draw(on, x, y, symbol, shape.operator)
      if shape.transposed then
        if not bottom then s = s + symbol.height - 1 end
      elseif not right then
        s = s + symbol.width - 1
      end
      done = done + 1
      local further = decode_integer(decoder, contexts.ds)
      if further == nil then break end
      if done >= shape.instances then fail("damaged") end
      s = s + further + shape.offset
    end
  end
end

local function bits_for(count)
  local bits = 0
  while lshift(1, bits) < count do bits = bits + 1 end
  return bits
end

-- --- the parts of a page ----------------------------------------------------------------------------------------------

-- A region's place (7.4.1).
local function region_of(r)
  local region = { width = r.number(4), height = r.number(4), x = r.number(4), y = r.number(4) }
  local flags = r.number(1)
  region.operator = band(flags, 7)
  if region.operator > REPLACE then fail("damaged") end
  if flags > 7 then fail("unsupported") end
  return region
end

local function run(shared, data, width, height, seconds)
  local ends = os.clock() + seconds
  local function tick()
    if os.clock() > ends then fail("slow") end
  end
  local ticks = 0
  local function seldom()
    ticks = ticks + 1
    if ticks % 64 == 0 then tick() end
  end
  local budget = MOST_SYMBOL_PIXELS
  local function spend(symbol_width, symbol_height)
    if symbol_width < 0 or symbol_height < 0 or symbol_width > 0xFFFF or symbol_height > 0xFFFF then fail("damaged") end
    budget = budget - symbol_width * symbol_height - 64
    if budget < 0 then fail("large") end
  end

  local page
  local dictionaries = {} -- by segment number

  local function symbols_of(segment)
    local found, last = {}, nil
    for _, number in ipairs(segment.refers) do
      last = dictionaries[number]
      if last == nil then fail("damaged") end
      for _, symbol in ipairs(last.symbols) do found[#found + 1] = symbol end
      if #found > MOST_SYMBOLS then fail("large") end
    end
    return found, last
  end

  -- 6.5 and 7.4.2.
  local function dictionary(segment)
    local r = reader(segment.data, segment.from, segment.to)
    local flags = r.number(2)
    if band(flags, 1) ~= 0 then fail("unsupported") end
    local aggregate, template, refining = band(flags, 2) ~= 0, band(rshift(flags, 10), 3), band(rshift(flags, 12), 1)
    local adaptive = r.places(template == 0 and 4 or 1)
    local refinement = { template = refining, adaptive = {} }
    if aggregate and refining == 0 then refinement.adaptive = r.places(2) end
    local exported, new = r.number(4), r.number(4)
    local symbols, last = symbols_of(segment)
    local inputs = #symbols
    if inputs + new > MOST_SYMBOLS then fail("large") end
    local id_bits = bits_for(inputs + new)

    local cx, refinement_cx = regions.states(template), regions.refinement_states(refining)
    if band(flags, 256) ~= 0 then -- as the dictionary before left them
      if last == nil or last.template ~= template or last.refining ~= refining then fail("damaged") end
      ffi.copy(cx, last.cx, ffi.sizeof(cx))
      ffi.copy(refinement_cx, last.refinement_cx, ffi.sizeof(refinement_cx))
    end
    local bytes = ffi.cast("const uint8_t *", segment.data)
    local decoder = arithmetic.decoder(bytes, r.at, segment.to)
    local heights, widths, counts = arithmetic.integers(), arithmetic.integers(), arithmetic.integers()
    local contexts = text_integers(id_bits)
    local symbol_height, classes = 0, 0
    while #symbols < inputs + new do
      classes = classes + 1
      if classes > 2 * new + 0xFFFF then fail("damaged") end
      seldom()
      symbol_height = symbol_height + (decode_integer(decoder, heights) or fail("damaged"))
      local symbol_width = 0
      while true do
        local wider = decode_integer(decoder, widths)
        if wider == nil then break end
        if #symbols >= inputs + new then fail("damaged") end
        symbol_width = symbol_width + wider
        spend(symbol_width, symbol_height)
        seldom()
        local symbol
        if not aggregate then
          symbol = regions.bitmap(symbol_width, symbol_height)
          regions.generic(
            decoder, cx,
            {
              width = symbol_width, height = symbol_height, template = template, adaptive = adaptive, typical = false,
              tick = seldom,
            },
            function(y, row) ffi.copy(symbol.data + y * symbol_width, row, symbol_width) end
          )
        else
          local count = decode_integer(decoder, counts)
          if count == nil or count < 1 then fail("damaged") end
          if count == 1 then
            local id = decode_id(decoder, contexts.id, id_bits)
            local dx, dy = decode_integer(decoder, contexts.rdx), decode_integer(decoder, contexts.rdy)
            local base = symbols[id + 1]
            if base == nil or dx == nil or dy == nil then fail("damaged") end
            symbol = regions.refinement(
              decoder, refinement_cx,
              {
                width = symbol_width, height = symbol_height, template = refining, adaptive = refinement.adaptive,
                typical = false,
              },
              base, dx, dy
            )
          else
            local on = canvas(symbol_width, symbol_height, false)
            text(decoder, contexts, refinement_cx, {
              instances = count, strips = 1, corner = 1, transposed = false, operator = OR, offset = 0, refined = true,
              refinement = refinement, id_bits = id_bits, tick = seldom,
            }, symbols, spend, on)
            symbol = regions.bitmap(symbol_width, symbol_height)
            for y = 0, symbol_height - 1 do
              for x = 0, symbol_width - 1 do
                local byte = on.data[y * on.row_bytes + rshift(x, 3)]
                symbol.data[y * symbol_width + x] = band(rshift(byte, 7 - band(x, 7)), 1)
              end
            end
          end
        end
        symbols[#symbols + 1] = symbol
      end
    end

    local kept, at, export = {}, 0, false
    local runs = arithmetic.integers()
    while at < inputs + new do
      seldom()
      local run = decode_integer(decoder, runs)
      if run == nil or run < 0 or at + run > inputs + new then fail("damaged") end
      if export then
        for i = at + 1, at + run do kept[#kept + 1] = symbols[i] end
      end
      at, export = at + run, not export
      classes = classes + 1
      if classes > 4 * (inputs + new) + 0x1FFFF then fail("damaged") end
    end
    if #kept ~= exported then fail("damaged") end
    dictionaries[segment.number] = {
      symbols = kept, template = template, refining = refining, cx = cx, refinement_cx = refinement_cx,
    }
  end

  local function on_page()
    if page == nil then fail("damaged") end
    return page
  end

  local function bounded(region)
    if region.width < 1 or region.height < 1 or region.width > width or region.height > height then fail("damaged") end
    if math.max(region.x, region.y) > 0x3FFFFFFF then fail("damaged") end
    return region
  end

  -- 7.4.3.
  local function text_region(segment)
    local r = reader(segment.data, segment.from, segment.to)
    local region = bounded(region_of(r))
    local flags = r.number(2)
    if band(flags, 1) ~= 0 then fail("unsupported") end
    local refined, refining = band(flags, 2) ~= 0, band(rshift(flags, 15), 1)
    local refinement = { template = refining, adaptive = {} }
    if refined and refining == 0 then refinement.adaptive = r.places(2) end
    local instances = r.number(4)
    local symbols = symbols_of(segment)
    local offset = band(rshift(flags, 10), 31)
    local on = canvas(region.width, region.height, band(flags, 512) ~= 0)
    local id_bits = bits_for(#symbols)
    text(
      arithmetic.decoder(ffi.cast("const uint8_t *", segment.data), r.at, segment.to),
      text_integers(id_bits),
      regions.refinement_states(refining),
      {
        instances = instances, strips = lshift(1, band(rshift(flags, 2), 3)), corner = band(rshift(flags, 4), 3),
        transposed = band(flags, 64) ~= 0, operator = band(rshift(flags, 7), 3),
        offset = offset < 16 and offset or offset - 32, refined = refined, refinement = refinement, id_bits = id_bits,
        tick = seldom,
      },
      symbols, spend, on
    )
    draw_canvas(on_page(), region, on, tick)
  end

  -- 7.4.6.
  local function generic_region(segment)
    local r = reader(segment.data, segment.from, segment.to)
    local region = bounded(region_of(r))
    local flags = r.number(1)
    if flags == 1 then -- MMR, which is a fax of group 4
      local rows, why = ccitt(segment.data:sub(r.at + 1, segment.to), region.width, region.height, false, ends - os.clock())
      if rows == nil then fail(why) end
      local fax = canvas(region.width, region.height, false)
      ffi.copy(fax.data, rows, #rows)
      draw_canvas(on_page(), region, fax, tick)
      return
    end
    if flags > 15 or band(flags, 1) ~= 0 then fail("unsupported") end
    local template = band(rshift(flags, 1), 3)
    local adaptive = r.places(template == 0 and 4 or 1)
    for i = 2, #adaptive, 2 do
      local dx, dy = adaptive[i - 1], adaptive[i]
      if dy > 0 or (dy == 0 and dx >= 0) then fail("damaged") end
    end
    local target = on_page()
    regions.generic(
      arithmetic.decoder(ffi.cast("const uint8_t *", segment.data), r.at, segment.to),
      regions.states(template),
      {
        width = region.width, height = region.height, template = template, adaptive = adaptive,
        typical = band(flags, 8) ~= 0, tick = tick,
      },
      function(y, row, blank)
        if blank and region.operator == OR then return end
        draw_row(target, region.x, region.y + y, row, region.width, region.operator)
      end
    )
  end

  -- 7.4.8. Of a page whose height is not said before its stripes are, the image says it.
  local function page_information(segment)
    local r = reader(segment.data, segment.from, segment.to)
    local claimed_width, claimed_height = r.number(4), r.number(4)
    r.number(8)
    local flags = r.number(1)
    if page ~= nil or claimed_width ~= width or (claimed_height ~= height and claimed_height ~= 0xFFFFFFFF) then
      fail("damaged")
    end
    page = canvas(width, height, band(flags, 4) ~= 0)
  end

  local handlers = {
    [0] = dictionary,
    [6] = text_region, [7] = text_region,
    [38] = generic_region, [39] = generic_region,
    [48] = page_information,
    [49] = function() end, [50] = function() end, [51] = function() end, [62] = function() end,
  }

  local done, problem = pcall(function()
    local function all_of(from)
      local segments = {}
      segments_of(from, segments)
      for _, segment in ipairs(segments) do
        tick()
        local handle = handlers[segment.kind]
        if handle == nil then fail("unsupported") end
        handle(segment)
      end
    end
    if shared == kept_shared then
      for number, found in pairs(kept_dictionaries) do dictionaries[number] = found end
    else
      all_of(shared)
      if page ~= nil then fail("damaged") end
      kept_shared, kept_dictionaries = nil, nil
      if budget > MOST_SYMBOL_PIXELS - KEPT_PIXELS then
        kept_shared, kept_dictionaries = shared, {}
        for number, found in pairs(dictionaries) do kept_dictionaries[number] = found end
      end
    end
    all_of(data)
  end)
  if not done then
    -- Anything else is an error of ours, which is to be seen.
    if type(problem) ~= "table" then error(problem, 0) end
    return nil, problem.reason
  end
  if page == nil then return nil, "damaged" end
  return ffi.string(page.data, page.row_bytes * height)
end

return tidied(run)
