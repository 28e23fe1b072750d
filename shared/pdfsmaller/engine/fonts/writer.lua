-- A Type 2 charstring as it is written, operand by operand (Adobe Technical Note 5177). Run by LuaJIT.
--
-- The chunk is a function: writer(most) gives one that has room for `most` bytes after each `make_room`. It is a table:
--   begin()                         from the start of its buffer
--   make_room()                     to be called before at most so many bytes
--   put(value), put_operator(op)    a number in its shortest form; an operator, of one byte
--   put_edges(stems)                where stems are, each from the end of the one before; by their numbers in `draw.lua`
--   put_mask(op, stems, within)     hintmask or cntrmask: which of the stems are within a set
--   take_back()                     the last byte is none
--   written()                       the buffer, and how many of its bytes are written; they stay until they are overwritten

local ffi = require("ffi")
local drawing = require("draw")
local write = require("numbers").write

return function(most)
  local out, room, size = nil, 0, 0
  local writer = {}

  local function put(value)
    size = write(out, size, value)
  end

  local function put_operator(op)
    out[size] = op
    size = size + 1
  end

  function writer.begin() size = 0 end

  function writer.make_room()
    if size + most <= room then return end
    room = 2 * room + 4 * most
    local larger = ffi.new("uint8_t[?]", room)
    if size > 0 then ffi.copy(larger, out, size) end
    out = larger
  end

  function writer.put_mask(op, stems, within)
    put_operator(op)
    for from = 1, #stems, 8 do
      local byte = 0
      for place = from, from + 7 do
        byte = 2 * byte + (within[stems[place]] and 1 or 0)
      end
      put_operator(byte)
    end
  end

  function writer.put_edges(stems)
    local at = 0
    for _, stem in ipairs(stems) do
      local edge, width = drawing.edges[stem], drawing.sizes[stem]
      put(edge - at)
      put(width)
      at = edge + width
    end
  end

  function writer.take_back() size = size - 1 end

  function writer.written() return out, size end

  writer.put, writer.put_operator = put, put_operator
  return writer
end
