-- A page being taken apart. Run by LuaJIT: loops over every pixel.
--
-- The chunk is a function: page(samples, width, height, bands, seconds)
--   samples  8 bits each, white = 255, one or three bands pixel by pixel, rows without gaps; a string
--   seconds  of processor time that all of it may take (where machine code may not be made, LuaJIT is twenty times slower)
-- It returns a function that is told what to find out, and with what: what the files beside this one say of themselves.
-- What one finds, those after it use. They return nil and why instead: "slow". Nothing of a page stays where it is told
-- to `forget`.

local ffi = require("ffi")
local levels = require("levels")

local parts = {
  blocks = require("blocks"), strokes = require("strokes"), cells = require("cells"), fill = require("fill"),
  edges = require("edges"), shares = require("shares"), misses = require("misses"),
}

return function(samples, width, height, bands, seconds)
  if #samples ~= width * height * bands then return nil, "size" end
  local till = os.clock() + seconds
  local page = {
    samples = ffi.cast("const uint8_t *", samples), width = width, height = height, bands = bands, held = samples,
    slow = function() return os.clock() > till end,
  }
  if not levels(page) then return nil, "slow" end
  return function(name, ...)
    if name ~= "forget" then return parts[name](page, ...) end
    page = nil
    samples = nil
    collectgarbage()
  end
end
