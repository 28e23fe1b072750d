-- Inline images in content, with the tokens of scan.lua.
--
-- inline(data) → a line for each: where BI is, where ID is, where its data begins and ends, where it ends itself, and 1
-- if its size is certain, else 0; nil where the content has syntax that there is no telling of.

local ffi = require "ffi"
local scan = require "scan"
local END, WORD, BAD = scan.END, scan.WORD, scan.BAD

return function(data)
  local p = scan.open(data)
  local found = {}
  while true do
    local kind, from, to = scan.token()
    if kind == END then return table.concat(found, "\n") end
    if kind == BAD then return nil end
    if kind == WORD and to - from == 2 and ffi.string(p + from, 2) == "BI" then
      local stop, id, begins, ends, certain = scan.inline_image()
      if not stop then return nil end
      found[#found + 1] = ("%d %d %d %d %d %d"):format(from, id, begins, ends, stop, certain and 1 or 0)
    end
  end
end
