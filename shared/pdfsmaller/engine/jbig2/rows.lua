-- Rows of a letter's pixels: words of 32, the highest bit being the first pixel. Run by LuaJIT.

local bit = require("bit")

local rows = {}

-- Words of a row of so many pixels: two at least.
function rows.words_of(width) return math.max(2, bit.rshift(width + 31, 5)) end

return rows
