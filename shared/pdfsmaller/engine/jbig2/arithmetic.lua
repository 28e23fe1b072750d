-- The arithmetic coder of JBIG2 and what it codes besides pixels (ITU-T T.88, annexes A and E). Run by LuaJIT.
--
-- The chunk gives a table:
--   qe, after_mps, after_lps      table E.1, by a context's state
--   decoder(data, from, to)       over the bytes [from, to) of `data`, a pointer that somebody keeps alive
--   decode(decoder, states, context)                 a bit
--   skip(decoder, states, context, most)             how many zeros come now, all at once; 0 where that is not known
--   encoder(most)                 of at most so many bytes
--   encode(encoder, states, context, bit)            within `within`
--   finish(encoder)               the data as a string
--   within(work)                  what work returns; nil and "large" where an encoder's bytes did not suffice
--   integers()                    contexts of one kind of integer (annex A)
--   decode_integer(decoder, states)                  a number, or nil for "out of band"
--   encode_integer(encoder, states, value)           nil is "out of band"
--   decode_id, encode_id          the same for symbol numbers of a fixed length in bits (A.3)
--
-- States are arrays of bytes, all zero at first. Reading behind the end gives what the standard says (a marker for
-- ever), so a loop over decoded values has to be bounded by something else.
-- `encode` and `decode` have no loops: where a function that others' loops call has loops of its own, which of them LuaJIT
-- compiles is a matter of luck, and by ill luck the callers' are left to its interpreter.

local ffi = require("ffi")
local bit = require("bit")
local band, bor, bxor, lshift, rshift, tobit = bit.band, bit.bor, bit.bxor, bit.lshift, bit.rshift, bit.tobit

-- Table E.1: Qe, the next state after the more and the less probable symbol, whether the two change places.
local STATES = {
  { 0x5601, 1, 1, 1 }, { 0x3401, 2, 6, 0 }, { 0x1801, 3, 9, 0 }, { 0x0AC1, 4, 12, 0 }, { 0x0521, 5, 29, 0 },
  { 0x0221, 38, 33, 0 }, { 0x5601, 7, 6, 1 }, { 0x5401, 8, 14, 0 }, { 0x4801, 9, 14, 0 }, { 0x3801, 10, 14, 0 },
  { 0x3001, 11, 17, 0 }, { 0x2401, 12, 18, 0 }, { 0x1C01, 13, 20, 0 }, { 0x1601, 29, 21, 0 }, { 0x5601, 15, 14, 1 },
  { 0x5401, 16, 14, 0 }, { 0x5101, 17, 15, 0 }, { 0x4801, 18, 16, 0 }, { 0x3801, 19, 17, 0 }, { 0x3401, 20, 18, 0 },
  { 0x3001, 21, 19, 0 }, { 0x2801, 22, 19, 0 }, { 0x2401, 23, 20, 0 }, { 0x2201, 24, 21, 0 }, { 0x1C01, 25, 22, 0 },
  { 0x1801, 26, 23, 0 }, { 0x1601, 27, 24, 0 }, { 0x1401, 28, 25, 0 }, { 0x1201, 29, 26, 0 }, { 0x1101, 30, 27, 0 },
  { 0x0AC1, 31, 28, 0 }, { 0x09C1, 32, 29, 0 }, { 0x08A1, 33, 30, 0 }, { 0x0521, 34, 31, 0 }, { 0x0441, 35, 32, 0 },
  { 0x02A1, 36, 33, 0 }, { 0x0221, 37, 34, 0 }, { 0x0141, 38, 35, 0 }, { 0x0111, 39, 36, 0 }, { 0x0085, 40, 37, 0 },
  { 0x0049, 41, 38, 0 }, { 0x0025, 42, 39, 0 }, { 0x0015, 43, 40, 0 }, { 0x0009, 44, 41, 0 }, { 0x0005, 45, 42, 0 },
  { 0x0001, 45, 43, 0 }, { 0x5601, 46, 46, 0 },
}

-- A context's state is one number: twice the row of table E.1, plus the more probable symbol.
local qe, after_mps, after_lps = ffi.new("int32_t[94]"), ffi.new("uint8_t[94]"), ffi.new("uint8_t[94]")
for row, state in ipairs(STATES) do
  for mps = 0, 1 do
    local index = 2 * (row - 1) + mps
    qe[index] = state[1]
    after_mps[index] = 2 * state[2] + mps
    after_lps[index] = 2 * state[3] + bxor(mps, state[4])
  end
end

-- How many places a number below 0x8000 has to move up to reach it, by its upper eight bits.
local places = ffi.new("uint8_t[256]")
for upper = 1, 255 do
  local moved = upper
  while moved < 256 do
    moved, places[upper] = lshift(moved, 1), places[upper] + 1
  end
end

ffi.cdef([[
typedef struct { const uint8_t *data; int32_t at, to, a, c, due; } jbig2_decoder;
typedef struct { uint8_t *out; int32_t at, most, a, c, due; } jbig2_encoder;
]])

-- What is raised where an encoder's data would be larger than it may be.
local LARGE = "large"

-- BYTEIN (figure E.19).
local function byte_in(d)
  local at, last = d.at, d.to - 1
  if at < last and d.data[at] ~= 0xFF then
    d.at = at + 1
    d.c = tobit(d.c + lshift(d.data[at + 1], 8))
    d.due = 8
  elseif at < last and d.data[at + 1] <= 0x8F then
    d.at = at + 1
    d.c = tobit(d.c + lshift(d.data[at + 1], 9))
    d.due = 7
  else
    d.c = tobit(d.c + 0xFF00)
    d.due = 8
  end
end

local function decoder(data, from, to)
  local d = ffi.new("jbig2_decoder")
  d.data, d.at, d.to, d.a = data, from, to, 0x8000
  d.c = from < to and lshift(data[from], 16) or 0xFF0000
  byte_in(d)
  d.c = lshift(d.c, 7)
  d.due = d.due - 7
  return d
end

-- Moves the code register up until a byte is due, and takes it in; how many moves are left.
local function next_byte(d, moves)
  moves = moves - d.due
  d.c = lshift(d.c, d.due)
  byte_in(d)
  return moves
end

-- DECODE (figures E.14 to E.18).
local function decode(d, states, context)
  local state = states[context]
  local q = qe[state]
  local a, c = d.a - q, d.c
  local value = band(state, 1)
  if rshift(c, 16) < q then
    if a < q then
      states[context] = after_mps[state]
    else
      value = 1 - value
      states[context] = after_lps[state]
    end
    a = q
  else
    c = tobit(c - lshift(q, 16))
    if a >= 0x8000 then
      d.a, d.c = a, c
      return value
    end
    if a < q then
      value = 1 - value
      states[context] = after_lps[state]
    else
      states[context] = after_mps[state]
    end
  end
  local moves = a >= 0x80 and places[rshift(a, 7)] or 8 + places[lshift(a, 1)]
  d.a, d.c = lshift(a, moves), c
  -- At most three bytes come in. No loop: see the head of this file.
  if moves > d.due then
    moves = next_byte(d, moves)
    if moves > d.due then
      moves = next_byte(d, moves)
      if moves > d.due then moves = next_byte(d, moves) end
    end
  end
  d.c, d.due = lshift(d.c, moves), d.due - moves
  return value
end

-- As many of the more probable symbol, 0, as come before anything happens to the state; at most so many.
local function skip(d, states, context, most)
  local state = states[context]
  if band(state, 1) == 1 then return 0 end
  local q = qe[state]
  local steps = math.min(most, math.floor((d.a - 0x8000) / q), math.floor(rshift(d.c, 16) / q))
  if steps <= 0 then return 0 end
  d.a = d.a - q * steps
  d.c = tobit(d.c - lshift(q * steps, 16))
  return steps
end

local function encoder(most)
  local e = ffi.new("jbig2_encoder")
  -- out[0] stands before the first byte; no carry ever reaches it. The array is kept alive beside the pointer.
  local out = ffi.new("uint8_t[?]", most + 16)
  e.out, e.most, e.a, e.due = out, most, 0x8000, 12
  return e, out
end

-- BYTEOUT (figure E.10): one byte from the code register, a carry going into the last one.
local function byte_out(e)
  local out, at, c = e.out, e.at, e.c
  if at > e.most then error(LARGE, 0) end
  if out[at] ~= 0xFF and c >= 0x8000000 then
    out[at] = out[at] + 1
    if out[at] == 0xFF then c = band(c, 0x7FFFFFF) end
  end
  e.at = at + 1
  if out[at] == 0xFF then -- the next byte has room for a carry
    out[at + 1] = rshift(c, 20)
    e.c, e.due = band(c, 0xFFFFF), 7
  else
    out[at + 1] = band(rshift(c, 19), 0xFF)
    e.c, e.due = band(c, 0x7FFFF), 8
  end
end

-- Moves the code register up until a byte is due, and puts it out; how many moves are left.
local function out_with_byte(e, moves)
  moves = moves - e.due
  e.c = lshift(e.c, e.due)
  byte_out(e)
  return moves
end

-- ENCODE (figures E.4 to E.8).
local function encode(e, states, context, value)
  local state = states[context]
  local q = qe[state]
  local a = e.a - q
  if band(state, 1) == value then
    if a >= 0x8000 then
      e.a, e.c = a, e.c + q
      return
    end
    if a < q then a = q else e.c = e.c + q end
    states[context] = after_mps[state]
  else
    if a < q then e.c = e.c + q else a = q end
    states[context] = after_lps[state]
  end
  local moves = a >= 0x80 and places[rshift(a, 7)] or 8 + places[lshift(a, 1)]
  e.a = lshift(a, moves)
  if moves >= e.due then
    moves = out_with_byte(e, moves)
    if moves >= e.due then
      moves = out_with_byte(e, moves)
      if moves >= e.due then moves = out_with_byte(e, moves) end
    end
  end
  e.c, e.due = lshift(e.c, moves), e.due - moves
end

-- FLUSH (figure E.11) and the marker that ends the data.
local function finish(e)
  local top = e.c + e.a
  local c = bor(e.c, 0xFFFF)
  if c >= top then c = c - 0x8000 end
  e.c = lshift(c, e.due)
  byte_out(e)
  e.c = lshift(e.c, e.due)
  byte_out(e)
  local at = e.at
  if e.out[at] ~= 0xFF then at = at + 1 end
  e.out[at], e.out[at + 1] = 0xFF, 0xAC
  return ffi.string(e.out + 1, at + 1)
end

-- Runs work on an encoder: its result, or nil and why.
local function within(work)
  local done, result, why = pcall(work)
  if done and result ~= nil then return result end
  if done then return nil, why end
  if result == LARGE then return nil, "large" end
  error(result, 0)
end

-- Figure A.1: how many bits a value takes, and from where on, by the number of ones before it.
local WIDTHS = { [0] = 2, 4, 6, 8, 12, 32 }
local FROM = { [0] = 0, 4, 20, 84, 340, 4436 }

local function integers() return ffi.new("uint8_t[512]") end

local function after(previous, value)
  if previous < 256 then return bor(lshift(previous, 1), value) end
  return bor(band(bor(lshift(previous, 1), value), 511), 256)
end

local function decode_integer(d, states)
  local previous = 1
  local negative = decode(d, states, previous)
  previous = after(previous, negative)
  local ones = 0
  while ones < 5 do
    local more = decode(d, states, previous)
    previous = after(previous, more)
    if more == 0 then break end
    ones = ones + 1
  end
  local value = 0
  for _ = 1, WIDTHS[ones] do
    local next_bit = decode(d, states, previous)
    previous = after(previous, next_bit)
    value = value * 2 + next_bit
  end
  value = value + FROM[ones]
  if negative == 0 then return value end
  if value == 0 then return nil end
  return -value
end

-- Ones, and a zero but after five, that say how many bits come.
local PREFIXES = { [0] = 0, 2, 6, 14, 30, 31 }

local function encode_integer(e, states, value)
  local size = value == nil and 0 or math.abs(value)
  local ones = size < 4 and 0 or size < 20 and 1 or size < 84 and 2 or size < 340 and 3 or size < 4436 and 4 or 5
  local negative = (value == nil or value < 0) and 1 or 0
  local prefix, bits = math.min(5, ones + 1), WIDTHS[ones]
  local first, rest = bor(lshift(negative, prefix), PREFIXES[ones]), size - FROM[ones]
  local previous = 1
  for place = prefix + bits, 0, -1 do
    local value = place >= bits and rshift(first, place - bits) or rshift(rest, place)
    value = band(value, 1)
    encode(e, states, previous, value)
    previous = after(previous, value)
  end
end

local function decode_id(d, states, bits)
  local previous = 1
  for _ = 1, bits do previous = bor(lshift(previous, 1), decode(d, states, previous)) end
  return previous - lshift(1, bits)
end

local function encode_id(e, states, bits, value)
  local previous = 1
  for place = bits - 1, 0, -1 do
    local next_bit = band(rshift(value, place), 1)
    encode(e, states, previous, next_bit)
    previous = bor(lshift(previous, 1), next_bit)
  end
end

return {
  qe = qe,
  after_mps = after_mps,
  after_lps = after_lps,
  decoder = decoder,
  decode = decode,
  skip = skip,
  encoder = encoder,
  encode = encode,
  finish = finish,
  within = within,
  integers = integers,
  decode_integer = decode_integer,
  encode_integer = encode_integer,
  decode_id = decode_id,
  encode_id = encode_id,
}
