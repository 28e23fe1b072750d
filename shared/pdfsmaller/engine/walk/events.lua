-- What one content stream draws and which codes it shows, whatever its resources are.
--
-- events(data, special, most) → drawn, matrices, sources, codes, inline, colors; or nil and why the stream was not read:
-- "syntax" where another parser may still read it, "limit" where there is too much of it.
--
--   special   names that change how text is read, one a line: "G name" a graphics state that sets a font, "W name" a
--             font whose strings are wanted whole (and "WG name" one set by a graphics state).
--   most      how many different things it may draw.
--   drawn     "Do source name", "gs source name", "scn source name", one a line, each once for a matrix and source.
--   matrices  of each the matrix in force: four doubles, NaN where readers do not agree on it.
--   sources   where a font in force may come from, one a line: "" from outside, "F name" by Tf, "G name" by gs, "?" not
--             known. In "drawn" by their number from 0.
--   codes     of each source: whether text is shown with it, with how many one-byte codes, two-byte codes and strings
--             (four uint32), the codes, and the strings, if they are wanted, each after its length.
--   inline    bytes of the largest inline image.
--   colors    1 where colours other than DeviceGray are set, 2 where those are, 4 where there are inline images; added.

local ffi = require "ffi"
local scan = require "scan"
local token = scan.token
local NUMBER, NAME, STRING, HEX = scan.NUMBER, scan.NAME, scan.STRING, scan.HEX
local WORD, END, BAD = scan.WORD, scan.END, scan.BAD
local NAN = 0 / 0
local MAX_DEPTH, MAX_SOURCES, MAX_STRINGS = 100000, 4096, 2000000

local function op(text)
  local value = 0
  for i = 1, #text do value = value + text:byte(i) * 256 ^ (i - 1) end
  return value
end
local Q_SAVE, Q_RESTORE, CM, DO, GS, TF = op "q", op "Q", op "cm", op "Do", op "gs", op "Tf"
local TJ, TJ_ARRAY, QUOTE, QUOTES, BI = op "Tj", op "TJ", op "'", op '"', op "BI"
local SCN, SCN_STROKE, SC, SC_STROKE, CS, CS_STROKE = op "scn", op "SCN", op "sc", op "SC", op "cs", op "CS"
local RG, RG_STROKE, K, K_STROKE, G, G_STROKE = op "rg", op "RG", op "k", op "K", op "g", op "G"

local p
local nums = ffi.new("double[6]")
local matrix = ffi.new("double[4]")
local text, room = ffi.new("uint8_t[?]", 65536), 65536
local used                                              -- bytes of decoded strings
local starts, stops, after, segments = {}, {}, {}, 0    -- the strings; the next of the same source
local first_of, last_of = {}, {}                        -- by source
local ids, sources                                      -- descriptions of sources
local bytes_seen, pairs_seen = ffi.new("uint32_t[256]"), ffi.new("uint32_t[65536]")
local generation = 0
local word32 = ffi.new("uint32_t[4]")

local function source_of(description)
  local known = ids[description]
  if known then return known end
  sources = sources + 1
  if sources >= MAX_SOURCES then error("limit", 0) end
  ids[description] = sources
  ids[sources] = description
  first_of[sources] = false
  return sources
end

local function hex_digit(c)
  if c >= 48 and c <= 57 then return c - 48 end
  if c >= 65 and c <= 70 then return c - 55 end
  if c >= 97 and c <= 102 then return c - 87 end
  return -1
end

local function decode_hex(from, to)
  local high = -1
  for i = from + 1, to - 2 do
    local digit = hex_digit(p[i])
    if digit >= 0 then
      if high < 0 then
        high = digit
      else
        text[used] = high * 16 + digit
        used, high = used + 1, -1
      end
    end
  end
  if high >= 0 then
    text[used] = high * 16
    used = used + 1
  end
end

-- n r t b f
local ESCAPES = ffi.new("uint8_t[256]")
ESCAPES[110], ESCAPES[114], ESCAPES[116], ESCAPES[98], ESCAPES[102] = 10, 13, 9, 8, 12

local function decode_literal(from, to)
  local i, stop = from + 1, to - 1
  while i < stop do
    local c = p[i]
    i = i + 1
    if c == 13 then
      if i < stop and p[i] == 10 then i = i + 1 end
      text[used] = 10
      used = used + 1
    elseif c ~= 92 then
      text[used] = c
      used = used + 1
    elseif i < stop then
      c = p[i]
      i = i + 1
      if c >= 48 and c <= 55 then
        local value, digits = c - 48, 1
        while digits < 3 and i < stop and p[i] >= 48 and p[i] <= 55 do
          value, digits, i = value * 8 + p[i] - 48, digits + 1, i + 1
        end
        text[used] = value
        used = used + 1
      elseif c == 13 then
        if i < stop and p[i] == 10 then i = i + 1 end
      elseif c ~= 10 then
        text[used] = ESCAPES[c] ~= 0 and ESCAPES[c] or c
        used = used + 1
      end
    end
  end
end

local function codes_of(source, whole, out)
  generation = generation + 1
  local bytes, pairs_, strings = {}, {}, {}
  local nb, np, count = 0, 0, 0
  local segment = first_of[source]
  while segment do
    local start, stop = starts[segment], stops[segment]
    for i = start, stop - 1 do
      local c = text[i]
      if bytes_seen[c] ~= generation then
        bytes_seen[c] = generation
        nb = nb + 1
        bytes[nb] = c
      end
    end
    local i = start
    while i < stop do
      -- A last odd byte is a code of its own and the first half of one.
      local code = i + 1 < stop and text[i] * 256 + text[i + 1] or text[i] * 256
      if pairs_seen[code] ~= generation then
        pairs_seen[code] = generation
        np = np + 1
        pairs_[np] = code
      end
      if i + 1 == stop then
        code = text[i]
        if pairs_seen[code] ~= generation then
          pairs_seen[code] = generation
          np = np + 1
          pairs_[np] = code
        end
      end
      i = i + 2
    end
    if whole then
      count = count + 1
      word32[0] = stop - start
      strings[count] = ffi.string(word32, 4) .. ffi.string(text + start, stop - start)
    end
    segment = after[segment]
  end
  word32[0], word32[1], word32[2], word32[3] = first_of[source] and 1 or 0, nb, np, count
  out[#out + 1] = ffi.string(word32, 16)
  local packed = ffi.new("uint8_t[?]", nb + 1)
  for i = 1, nb do packed[i - 1] = bytes[i] end
  out[#out + 1] = ffi.string(packed, nb)
  local wide = ffi.new("uint16_t[?]", np + 1)
  for i = 1, np do wide[i - 1] = pairs_[i] end
  out[#out + 1] = ffi.string(wide, np * 2)
  out[#out + 1] = table.concat(strings)
end

local function read(special, most)
  local a, b, c, d = 1, 0, 0, 1
  local source = 0
  local depth = 0
  local sa, sb, sc, sd, ss = {}, {}, {}, {}, {}
  local drawn, matrices, seen, draws = {}, {}, {}, 0
  local count, numbers, names = 0, 0, 0
  local name_froms, name_tos = {}, {}
  local string_count = 0
  local inline, colored, gray, images = 0, false, false, false

  local function draw(what, i)
    local line = what .. " " .. source .. " " .. ffi.string(p + name_froms[i] + 1, name_tos[i] - name_froms[i] - 1)
    if what == "scn" then
      matrix[0], matrix[1], matrix[2], matrix[3] = 1, 0, 0, 1
    else
      matrix[0], matrix[1], matrix[2], matrix[3] = a, b, c, d
    end
    local packed = ffi.string(matrix, 32)
    local key = line .. "\n" .. packed
    if not seen[key] then
      if draws >= most then error("limit", 0) end
      seen[key] = true
      draws = draws + 1
      drawn[draws], matrices[draws] = line, packed
    end
  end

  while true do
    local kind, from, to, value = token()
    if kind == WORD then
      local length = to - from
      local operator = 0
      if length == 1 then
        operator = p[from]
      elseif length == 2 then
        operator = p[from] + p[from + 1] * 256
      elseif length == 3 then
        operator = p[from] + p[from + 1] * 256 + p[from + 2] * 65536
      end
      if operator == Q_SAVE then
        if depth >= MAX_DEPTH then error("limit", 0) end
        depth = depth + 1
        sa[depth], sb[depth], sc[depth], sd[depth], ss[depth] = a, b, c, d, source
      elseif operator == Q_RESTORE then
        if depth > 0 then
          a, b, c, d, source = sa[depth], sb[depth], sc[depth], sd[depth], ss[depth]
          depth = depth - 1
        elseif not (a == 1 and b == 0 and c == 0 and d == 1) then
          a, b, c, d = NAN, NAN, NAN, NAN -- readers do not agree on what comes back
        end
      elseif operator == CM then
        if count == 6 and numbers == 6 then
          local e, f, g, h = nums[0], nums[1], nums[2], nums[3]
          a, b, c, d = e * a + f * c, e * b + f * d, g * a + h * c, g * b + h * d
        else
          a, b, c, d = NAN, NAN, NAN, NAN
        end
      elseif operator == TJ or operator == TJ_ARRAY or operator == QUOTE or operator == QUOTES then
        for i = segments - string_count + 1, segments do
          after[i] = false
          if first_of[source] then after[last_of[source]] = i else first_of[source] = i end
          last_of[source] = i
        end
        string_count = 0
      elseif operator == DO then
        for i = 1, names do draw("Do", i) end
      elseif operator == GS then
        for i = 1, names do
          draw("gs", i)
          local set = "G " .. ffi.string(p + name_froms[i] + 1, name_tos[i] - name_froms[i] - 1)
          if special[set] then source = source_of(set) end
        end
      elseif operator == TF then
        if count == 2 and names == 1 then
          source = source_of("F " .. ffi.string(p + name_froms[1] + 1, name_tos[1] - name_froms[1] - 1))
        else
          source = source_of("?")
        end
      elseif operator == BI then
        local stop = scan.inline_image()
        if not stop then error("syntax", 0) end
        images = true
        if stop - from > inline then inline = stop - from end
      elseif operator == SCN or operator == SCN_STROKE or operator == SC or operator == SC_STROKE then
        colored = true
        for i = 1, names do draw("scn", i) end
      elseif operator == RG or operator == RG_STROKE or operator == K or operator == K_STROKE or operator == CS
        or operator == CS_STROKE then
        colored = true
      elseif operator == G or operator == G_STROKE then
        gray = true
      end
      if string_count > 0 then
        segments = segments - string_count
        used, string_count = starts[segments + 1], 0
      end
      count, numbers, names = 0, 0, 0
    elseif kind == NUMBER then
      if numbers < 6 then nums[numbers] = value end
      count, numbers = count + 1, numbers + 1
    elseif kind == STRING or kind == HEX then
      segments, string_count = segments + 1, string_count + 1
      if segments > MAX_STRINGS then error("limit", 0) end
      starts[segments] = used
      if kind == STRING then decode_literal(from, to) else decode_hex(from, to) end
      stops[segments] = used
      count = count + 1
    elseif kind == NAME then
      if names < 64 then
        names = names + 1
        name_froms[names], name_tos[names] = from, to
      end
      count = count + 1
    elseif kind == END then
      break
    elseif kind == BAD then
      error("syntax", 0)
    else
      count = count + 1
    end
  end
  local codes, lines = {}, {}
  for i = 0, sources do
    local description = ids[i]
    lines[i + 1] = description
    local wanted = special["W " .. description:sub(3)] and description:byte() == 70
      or special["WG " .. description:sub(3)] and description:byte() == 71
    codes_of(i, wanted, codes)
  end
  return table.concat(drawn, "\n"), table.concat(matrices), table.concat(lines, "\n"), table.concat(codes), inline,
    (colored and 1 or 0) + (gray and 2 or 0) + (images and 4 or 0)
end

return function(data, listed, most)
  p = scan.open(data)
  if #data > room then text, room = ffi.new("uint8_t[?]", #data), #data end
  used, segments, sources = 0, 0, 0
  ids = { [""] = 0, [0] = "" }
  first_of[0] = false
  local special = {}
  for entry in listed:gmatch("[^\n]+") do special[entry] = true end
  if generation > 4e9 then
    generation = 0
    ffi.fill(bytes_seen, ffi.sizeof(bytes_seen))
    ffi.fill(pairs_seen, ffi.sizeof(pairs_seen))
  end
  local fine, drawn, matrices, found, codes, inline, colors = pcall(read, special, most)
  if room > 4194304 then text, room = ffi.new("uint8_t[?]", 65536), 65536 end
  if not fine then return nil, tostring(drawn) end
  return drawn, matrices, found, codes, inline, colors
end
