-- eexec encryption undone (Type 1 Font Format, chapter 7). Run by LuaJIT: a loop over every byte.
--
-- The chunk is a function: eexec(data, key, seconds)
--   data     a string
--   key      the key of its first byte
--   seconds  of processor time it may take (where machine code may not be made, LuaJIT is twenty times slower)
-- It returns the decrypted string. Otherwise nil and why: "slow".

local ffi = require("ffi")
local bit = require("bit")

local CLOCK_BYTES = 65536

return function(data, key, seconds)
  local cipher, plain = ffi.cast("const uint8_t *", data), ffi.new("uint8_t[?]", #data)
  local till = os.clock() + seconds
  for start = 0, #data - 1, CLOCK_BYTES do
    if os.clock() > till then return nil, "slow" end
    for at = start, math.min(start + CLOCK_BYTES, #data) - 1 do
      plain[at] = bit.bxor(cipher[at], bit.rshift(key, 8))
      key = bit.band((cipher[at] + key) * 52845 + 22719, 0xFFFF)
    end
  end
  return ffi.string(plain, #data)
end
