-- Operands of Type 2 charstrings (Adobe Technical Note 5177, table 1): read, and written in their shortest form.

local ffi = require("ffi")
local bit = require("bit")

local numbers = {}

-- The value of the operand that begins there, which is known to be whole.
function numbers.read(code, at)
  local byte = code[at]
  if byte >= 32 and byte < 247 then return byte - 139 end
  if byte == 28 then
    local value = code[at + 1] * 256 + code[at + 2]
    return value < 32768 and value or value - 65536
  end
  if byte < 251 then return (byte - 247) * 256 + code[at + 1] + 108 end
  if byte < 255 then return (251 - byte) * 256 - code[at + 1] - 108 end
  local high, low = code[at + 1] * 256 + code[at + 2], code[at + 3] * 256 + code[at + 4]
  return (high < 32768 and high or high - 65536) + low / 65536
end

-- Write a number, an integer or to the nearest 1/65536, for which there is room; where it ends.
function numbers.write(out, at, value)
  if value == math.floor(value) then
    if value >= -107 and value <= 107 then
      out[at] = value + 139
      return at + 1
    end
    if value >= -1131 and value <= 1131 then
      local rest = (value > 0 and value or -value) - 108
      local high = math.floor(rest / 256)
      out[at], out[at + 1] = (value > 0 and 247 or 251) + high, rest - 256 * high
      return at + 2
    end
    if value >= -32768 and value <= 32767 then
      out[at], out[at + 1], out[at + 2] = 28, bit.band(bit.arshift(value, 8), 255), bit.band(value, 255)
      return at + 3
    end
    error("charstring number out of range", 0)
  end
  local fixed = math.floor(value * 65536 + 0.5)
  if not (fixed >= -2147483648 and fixed < 2147483648) then error("charstring number out of range", 0) end
  out[at] = 255
  for place = 1, 4 do out[at + place] = bit.band(bit.arshift(fixed, 32 - 8 * place), 255) end
  return at + 5
end

return numbers
