-- CCITT group 4 to bits (ITU-T T.6). Run by LuaJIT.
--
-- The chunk is a function: decode(data, width, height, aligned, seconds)
--   data      the code words; a string
--   aligned   every row begins on a byte (PDF's EncodedByteAlign)
--   seconds   of processor time it may take
-- It returns packed rows, each padded to a byte, a set bit being black. Otherwise nil and why: "damaged" (anything that
-- a faultless encoder would not write, down to a missing row: readers differ in what they make of it) or "slow".
-- It reads `data` and eight bytes behind it, which it adds; what it writes to is its own, of sizes fixed by `width` and
-- `height`.

local ffi = require("ffi")
local bit = require("bit")
local band, bor, lshift, rshift = bit.band, bit.bor, bit.lshift, bit.rshift

-- Tables 2 and 3 of T.4: the code words of runs of 0 to 63, then of 64, 128 … 1728; then those of 1792, 1856 … 2560,
-- which both colours share.
local WHITE = [[
00110101 000111 0111 1000 1011 1100 1110 1111 10011 10100 00111 01000 001000 000011 110100 110101 101010 101011 0100111
0001100 0001000 0010111 0000011 0000100 0101000 0101011 0010011 0100100 0011000 00000010 00000011 00011010 00011011
00010010 00010011 00010100 00010101 00010110 00010111 00101000 00101001 00101010 00101011 00101100 00101101 00000100
00000101 00001010 00001011 01010010 01010011 01010100 01010101 00100100 00100101 01011000 01011001 01011010 01011011
01001010 01001011 00110010 00110011 00110100
11011 10010 010111 0110111 00110110 00110111 01100100 01100101 01101000 01100111 011001100 011001101 011010010 011010011
011010100 011010101 011010110 011010111 011011000 011011001 011011010 011011011 010011000 010011001 010011010 011000
010011011]]
local BLACK = [[
0000110111 010 11 10 011 0011 0010 00011 000101 000100 0000100 0000101 0000111 00000100 00000111 000011000 0000010111
0000011000 0000001000 00001100111 00001101000 00001101100 00000110111 00000101000 00000010111 00000011000 000011001010
000011001011 000011001100 000011001101 000001101000 000001101001 000001101010 000001101011 000011010010 000011010011
000011010100 000011010101 000011010110 000011010111 000001101100 000001101101 000011011010 000011011011 000001010100
000001010101 000001010110 000001010111 000001100100 000001100101 000001010010 000001010011 000000100100 000000110111
000000111000 000000100111 000000101000 000001011000 000001011001 000000101011 000000101100 000001011010 000001100110
000001100111
0000001111 000011001000 000011001001 000001011011 000000110011 000000110100 000000110101 0000001101100 0000001101101
0000001001010 0000001001011 0000001001100 0000001001101 0000001110010 0000001110011 0000001110100 0000001110101
0000001110110 0000001110111 0000001010010 0000001010011 0000001010100 0000001010101 0000001011010 0000001011011
0000001100100 0000001100101]]
local LONG = [[
00000001000 00000001100 00000001101 000000010010 000000010011 000000010100 000000010101 000000010110 000000010111
000000011100 000000011101 000000011110 000000011111]]
-- Table 1 of T.6: horizontal, pass, and vertical by -3 to 3.
local MODES = "001 0001 0000010 000010 010 1 011 000011 0000011"
local HORIZONTAL, PASS, VERTICAL_0 = 0, 1, 5

local RUN_BITS, MODE_BITS = 13, 7
-- Rows between two looks at the clock.
local CLOCK_ROWS = 64
-- Changes of colour in a row; paper has some thousands. Two lists of them are kept, at four bytes each.
local MOST_CHANGES = 0x400000

-- For every pattern of so many bits: the code word it begins with, as its number and length; length 0 = none.
local function lookup(words, bits)
  local numbers, lengths = ffi.new("int32_t[?]", lshift(1, bits)), ffi.new("uint8_t[?]", lshift(1, bits))
  local number = 0
  for word in words:gmatch("%d+") do
    local free = bits - #word
    local first = lshift(tonumber(word, 2), free)
    for pattern = first, first + lshift(1, free) - 1 do
      numbers[pattern], lengths[pattern] = number, #word
    end
    number = number + 1
  end
  return numbers, lengths
end

local white_runs, white_lengths = lookup(WHITE .. " " .. LONG, RUN_BITS)
local black_runs, black_lengths = lookup(BLACK .. " " .. LONG, RUN_BITS)
local modes, mode_lengths = lookup(MODES, MODE_BITS)

-- The bits at bit `at`, at most 24.
local function peek(data, at, bits)
  local i = rshift(at, 3)
  local word = bor(lshift(data[i], 24), lshift(data[i + 1], 16), lshift(data[i + 2], 8), data[i + 3])
  return rshift(lshift(word, band(at, 7)), 32 - bits)
end

-- A run's length and the bit behind it; -1 where there is none.
local function read_run(data, at, bits, numbers, lengths)
  local total = 0
  while at < bits do
    local pattern = peek(data, at, RUN_BITS)
    local number, length = numbers[pattern], lengths[pattern]
    if length == 0 then return -1, at end
    at = at + length
    if number < 64 then return total + number, at end
    total = total + (number - 63) * 64
    if total > 0x1000000 then return -1, at end
  end
  return -1, at
end

local function blacken(row, from, to)
  if from >= to then return end
  local first, last = rshift(from, 3), rshift(to - 1, 3)
  local head, tail = rshift(0xFF, band(from, 7)), band(lshift(0xFF, band(-to, 7)), 0xFF)
  if first == last then
    row[first] = bor(row[first], band(head, tail))
  else
    row[first] = bor(row[first], head)
    for i = first + 1, last - 1 do row[i] = 0xFF end
    row[last] = bor(row[last], tail)
  end
end

return function(data, width, height, aligned, seconds)
  if width < 1 or height < 1 then return nil, "damaged" end
  local ends = os.clock() + seconds
  local bits = #data * 8
  local padded = data .. ("\0"):rep(8)
  local source = ffi.cast("const uint8_t *", padded)
  local row_bytes = rshift(width + 7, 3)
  local out = ffi.new("uint8_t[?]", row_bytes * height)
  -- Where the colour changes, in the row above and in this one, and `width` from then on.
  -- A change takes a bit at least, so the data bounds their number, whatever width is claimed.
  local changes = math.min(width, bits)
  if changes > MOST_CHANGES then return nil, "damaged" end
  local above, here = ffi.new("int32_t[?]", changes + 8), ffi.new("int32_t[?]", changes + 8)
  for i = 0, 3 do here[i] = width end
  local at = 0

  for y = 0, height - 1 do
    if y % CLOCK_ROWS == 0 and os.clock() > ends then return nil, "slow" end
    above, here = here, above
    if aligned then at = band(at + 7, -8) end
    -- a0 and b1 as in T.6; `count` changes so far: the colour is black where that is odd.
    local a0, b1, count = -1, 0, 0
    while a0 < width do
      -- The first change right of a0 to the colour that this is not.
      if band(b1, 1) ~= band(count, 1) then b1 = b1 > 0 and b1 - 1 or b1 + 1 end
      while above[b1] <= a0 and above[b1] < width do b1 = b1 + 2 end
      if at >= bits then return nil, "damaged" end
      local pattern = peek(source, at, MODE_BITS)
      local mode, length = modes[pattern], mode_lengths[pattern]
      if length == 0 then return nil, "damaged" end
      at = at + length
      if mode == PASS then
        a0 = above[b1 + 1]
      else
        local a1, a2 = above[b1] + mode - VERTICAL_0, -1
        if mode == HORIZONTAL then
          local first, second
          if band(count, 1) == 0 then
            first, at = read_run(source, at, bits, white_runs, white_lengths)
            second, at = read_run(source, at, bits, black_runs, black_lengths)
          else
            first, at = read_run(source, at, bits, black_runs, black_lengths)
            second, at = read_run(source, at, bits, white_runs, white_lengths)
          end
          if first < 0 or second < 0 then return nil, "damaged" end
          a1 = (a0 < 0 and 0 or a0) + first
          a2 = a1 + second
        end
        -- Runs of no pixels stand at the ends of a row alone.
        if a1 <= a0 or a1 > width or a2 > width or (a2 == a1 and a1 < width) then return nil, "damaged" end
        here[count] = a1
        count = count + 1
        a0 = a1
        if mode == HORIZONTAL then
          here[count] = a2
          count = count + 1
          a0 = a2
        end
      end
    end
    for i = count, count + 3 do here[i] = width end
    local row = out + y * row_bytes
    for i = 0, count - 1, 2 do blacken(row, here[i], here[i + 1]) end
  end
  if at > bits then return nil, "damaged" end
  return ffi.string(out, row_bytes * height)
end
