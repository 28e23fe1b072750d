-- The tokens of a content stream (ISO 32000-1, 7.2 and 7.8).
--
-- What cannot be told with certainty is BAD, and its stream is left alone: numbers of more than one sign or point,
-- strings, arrays and inline images without an end.

local ffi = require "ffi"
local band = bit.band

local M = {
  END = 0, NUMBER = 1, NAME = 2, STRING = 3, HEX = 4, OPEN = 5, CLOSE = 6, DICTIONARY = 7, WORD = 8, BAD = 9,
}
local END, NUMBER, NAME, STRING, HEX = M.END, M.NUMBER, M.NAME, M.STRING, M.HEX
local OPEN, CLOSE, DICTIONARY, WORD, BAD = M.OPEN, M.CLOSE, M.DICTIONARY, M.WORD, M.BAD

-- 0 regular, 1 white space, 2 delimiter
local class = ffi.new("uint8_t[256]")
for _, c in ipairs { 0, 9, 10, 12, 13, 32 } do class[c] = 1 end
for c in ("()<>[]{}/%"):gmatch(".") do class[c:byte()] = 2 end
M.class = class

local POWERS = ffi.new("double[23]")
for k = 0, 22 do POWERS[k] = 10 ^ k end
M.powers = POWERS

-- Lua's strings end in a zero byte, which is white space: nothing here reads beyond it.
local p = ffi.cast("const uint8_t *", "")
local n, at = 0, 0

function M.open(data)
  p, n, at = ffi.cast("const uint8_t *", data), #data, 0
  return p
end

-- The end of the literal string that begins at i, or nil.
local function string_end(i)
  local depth = 0
  while i < n do
    local c = p[i]
    if c == 92 then
      i = i + 1
    elseif c == 40 then
      depth = depth + 1
    elseif c == 41 then
      depth = depth - 1
      if depth == 0 then return i + 1 end
    end
    i = i + 1
  end
end

local function hex_end(i)
  i = i + 1
  while i < n do
    local c = p[i]
    if c == 62 then return i + 1 end
    if not (class[c] == 1 or (c >= 48 and c <= 57) or (c >= 65 and c <= 70) or (c >= 97 and c <= 102)) then return end
    i = i + 1
  end
end

local function line_end(i)
  while i < n and p[i] ~= 10 and p[i] ~= 13 do i = i + 1 end
  return i
end

local function dictionary_end(i)
  local depth = 0
  while i < n do
    local c = p[i]
    if c == 60 and p[i + 1] == 60 then
      depth, i = depth + 1, i + 2
    elseif c == 62 and p[i + 1] == 62 then
      depth, i = depth - 1, i + 2
      if depth == 0 then return i end
    elseif c == 60 then
      i = hex_end(i)  -- its end may be followed by the dictionary's: three signs, of which the first is the string's
      if not i then return end
    elseif c == 40 then
      i = string_end(i)
      if not i then return end
    elseif c == 37 then
      i = line_end(i)
    else
      i = i + 1
    end
  end
end

-- The value of the number in [from, to), or nil.
local function number(from, to)
  local i, sign = from, 1
  if p[i] == 45 then sign, i = -1, i + 1 elseif p[i] == 43 then i = i + 1 end
  local value, digits, decimals = 0, 0, 0
  while i < to and p[i] >= 48 and p[i] <= 57 do
    value, digits, i = value * 10 + (p[i] - 48), digits + 1, i + 1
  end
  if i < to and p[i] == 46 then
    i = i + 1
    while i < to and p[i] >= 48 and p[i] <= 57 do
      if decimals < 15 then value, decimals = value * 10 + (p[i] - 48), decimals + 1 end
      digits, i = digits + 1, i + 1
    end
  end
  if i < to or digits == 0 or digits > 40 then return end
  return sign * value / POWERS[decimals]
end

-- kind, start, end, and of numbers the value
function M.token()
  local i = at
  while true do
    while i < n and class[p[i]] == 1 do i = i + 1 end
    if i >= n then at = n; return END, n, n, 0 end
    if p[i] ~= 37 then break end
    i = line_end(i)
  end
  local c = p[i]
  local kind = class[c]
  if kind == 0 then
    local j = i + 1
    while j < n and class[p[j]] == 0 do j = j + 1 end
    at = j
    if (c >= 48 and c <= 57) or c == 45 or c == 46 or c == 43 then
      local value = number(i, j)
      if not value then return BAD, i, j, 0 end
      return NUMBER, i, j, value
    end
    return WORD, i, j, 0
  end
  local stop
  if c == 47 then
    stop = i + 1
    while stop < n and class[p[stop]] == 0 do stop = stop + 1 end
    kind = NAME
  elseif c == 40 then
    stop, kind = string_end(i), STRING
  elseif c == 60 and p[i + 1] == 60 then
    stop, kind = dictionary_end(i), DICTIONARY
  elseif c == 60 then
    stop, kind = hex_end(i), HEX
  elseif c == 91 then
    stop, kind = i + 1, OPEN
  elseif c == 93 then
    stop, kind = i + 1, CLOSE
  end
  if not stop then at = n; return BAD, i, n, 0 end
  at = stop
  return kind, i, stop, 0
end

-- Inline images ----------------------------------------------------------------------------------------------------

local LONG = {
  W = "Width", H = "Height", BPC = "BitsPerComponent", CS = "ColorSpace", F = "Filter", IM = "ImageMask", L = "Length",
}
local COMPONENTS = {
  ["/G"] = 1, ["/DeviceGray"] = 1, ["["] = 1, ["/RGB"] = 3, ["/DeviceRGB"] = 3, ["/CMYK"] = 4, ["/DeviceCMYK"] = 4,
}

-- Whether what follows EI at i reads like content: some tokens of plain ASCII, as qpdf looks for.
local function plausible(i)
  for k = i, math.min(i + 40, n) - 1 do
    local c = p[k]
    if c >= 127 or (c < 32 and class[c] ~= 1) then return false end
  end
  return true
end

local function ends_at(i)
  return p[i] == 69 and p[i + 1] == 73 and i + 2 <= n and (i + 2 == n or class[p[i + 2]] == 1)
end

-- The sizes that the data of an image without filter may have: one, but where its colour space is a resource.
local function sizes(entries)
  local width, height, bits = entries.Width, entries.Height, entries.BitsPerComponent
  local components = COMPONENTS[entries.ColorSpace]
  if entries.ImageMask == "true" then bits, components = 1, 1 end
  if type(width) ~= "number" or type(height) ~= "number" or type(bits) ~= "number" then return {} end
  local found = {}
  for _, n in ipairs(components and { components } or { 1, 3, 4 }) do
    found[#found + 1] = math.floor((width * bits * n + 7) / 8) * height
  end
  return found
end

-- The position of EI behind so many bytes of data, or nil.
local function end_behind(data, size)
  if type(size) ~= "number" or size < 0 or data + size > n then return end
  local i = data + size
  for _ = 1, 3 do
    if i + 1 < n and ends_at(i) then return i end
    if i >= n or class[p[i]] ~= 1 then return end
    i = i + 1
  end
end

-- Of the inline image whose BI has just been read: its end (after EI), where ID is, where its data begins and ends, and
-- whether that is certain, by the size that it says or has to have. Nothing where there is no telling.
--
-- Of a key that comes in both its forms the short one counts, as for PDFium and poppler.
function M.inline_image()
  local entries, shortened, key, short, parts = {}, {}, nil, false, 0
  local id
  while true do
    local kind, from, to, value = M.token()
    if kind == END or kind == BAD then return end
    local text = ffi.string(p + from, to - from)
    if kind == WORD and text == "ID" then id = from; break end
    if kind == NAME and not key and parts == 0 then
      key = text:sub(2)
      short = LONG[key] ~= nil
      key = LONG[key] or key
    else
      if kind == OPEN then parts = parts + 1 elseif kind == CLOSE then parts = parts - 1 end
      if not key or parts < 0 then return end
      if parts == 0 then
        if short or not shortened[key] then
          entries[key] = kind == NUMBER and value or kind == CLOSE and "[" or text
          shortened[key] = short
        end
        key = nil
      end
    end
  end
  if key or class[p[at]] ~= 1 then return end
  local data = at + 1
  for _, size in ipairs(entries.Length and { entries.Length } or entries.Filter and {} or sizes(entries)) do
    local i = end_behind(data, size)
    if i then
      at = i + 2
      return at, id, data, data + size, true
    end
  end
  local i = data
  while i + 1 < n do
    if ends_at(i) and (i == data or class[p[i - 1]] == 1) and plausible(i + 2) then
      at = i + 2
      return at, id, data, math.max(data, i - 1), false
    end
    i = i + 1
  end
end

return M
