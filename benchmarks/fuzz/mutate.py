"""Damage to PDFs, by lot but always the same for the same generator.

Two kinds. *Shallow* damage is done to a file's bytes, as broken transfers do it: it meets the parser and its repair.
*Deep* damage is done to the objects of an opened document, decompressed where they are compressed: the result is a
PDF that parses, with nonsense where only images, fonts, content or structure are looked into. Most cases are deep;
some are both.
"""

from __future__ import annotations

import io
import random
import re
from collections.abc import Callable, Sequence
from typing import Any

import pikepdf
from pikepdf import Array, Dictionary, Name, Object, Pdf, Stream

#: Documents of more pages are cut to a few of them first: what is damaged is then met sooner.
MANY_PAGES = 12
#: Streams longer than this, decoded, are damaged as they are stored.
LONG_STREAM = 5_000_000
ABSURD: tuple[Any, ...] = (0, -1, 1, 2, 7, 255, 65_535, 2**31 - 1, -(2**31), 2**40, 10**15)
ABSURD_TEXT = (
    b"0",
    b"-1",
    b"1e9",
    b"-.0000001",
    b"999999999999",
    b"--3",
    b".",
    b"4294967296",
    b"null",
    b"[",
    b"<<",
    b"(",
)
_OPERATORS = b"q Q cm Do BT ET Tj TJ Tf Tm Td T* ' re f f* S W n gs cs scn sh BI ID EI BDC EMC m l c h y v d".split()
_TOKEN = re.compile(rb"\((?:\\.|[^\\)])*\)|<[^>]*>|/[^\s/\[\]<>()]*|[\[\]]|[^\s/\[\]<>()]+|\s+", re.DOTALL)
_NUMBER = re.compile(rb"-?\d+(?:\.\d+)?")
_ERRORS = (
    pikepdf.PdfError,
    pikepdf.PasswordError,
    pikepdf.ForeignObjectError,
    RuntimeError,
    ValueError,
    TypeError,
    AttributeError,
    LookupError,
    ArithmeticError,
)


def mutated(data: bytes, others: Sequence[bytes], rng: random.Random, password: str = "") -> bytes:
    """A damaged version of a document. ``others`` lend pieces to be spliced in."""
    kind = rng.random()
    if kind < 0.75:
        data = _deep(data, rng, password) or data
    if kind > 0.65:
        data = _shallow(data, others, rng)
    return data


# --- bytes ------------------------------------------------------------------------------------------------------------


def _shallow(data: bytes, others: Sequence[bytes], rng: random.Random) -> bytes:
    damaged = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        if not damaged:
            break
        rng.choice(_SHALLOW)(damaged, others, rng)
    return bytes(damaged)


def _flip(data: bytearray, _others: Sequence[bytes], rng: random.Random) -> None:
    for _ in range(rng.choice((1, 4, 20, 200))):
        data[rng.randrange(len(data))] = rng.randrange(256)


def _truncate(data: bytearray, _others: Sequence[bytes], rng: random.Random) -> None:
    del data[rng.randrange(len(data)) :]


def _cut_out(data: bytearray, _others: Sequence[bytes], rng: random.Random) -> None:
    at = rng.randrange(len(data))
    del data[at : at + rng.choice((1, 16, 512, 8192))]


def _repeat(data: bytearray, _others: Sequence[bytes], rng: random.Random) -> None:
    at, size = rng.randrange(len(data)), rng.choice((1, 16, 512, 8192))
    data[at:at] = data[at : at + size] * rng.choice((1, 3))


def _splice(data: bytearray, others: Sequence[bytes], rng: random.Random) -> None:
    other = rng.choice(others)
    at, begin, size = rng.randrange(len(data)), rng.randrange(max(1, len(other))), rng.choice((64, 2048, 32_768))
    data[at : at + size] = other[begin : begin + size]


def _renumber(data: bytearray, _others: Sequence[bytes], rng: random.Random) -> None:
    """Numbers in plain text (lengths, references, offsets) become others."""
    found = list(_NUMBER.finditer(bytes(data[:2_000_000])))
    for match in sorted(rng.sample(found, min(len(found), rng.choice((1, 3, 10)))), key=lambda m: -m.start()):
        new = rng.choice((str(rng.randrange(60)).encode(), rng.choice(ABSURD_TEXT)))
        data[match.start() : match.end()] = new


_SHALLOW = (_flip, _flip, _truncate, _cut_out, _repeat, _splice, _renumber)


# --- objects ----------------------------------------------------------------------------------------------------------


def _deep(data: bytes, rng: random.Random, password: str) -> bytes | None:
    """None where the document cannot be opened or saved."""
    try:
        with pikepdf.open(io.BytesIO(data), password=password) as pdf:
            if len(pdf.pages) > MANY_PAGES:
                first = rng.randrange(len(pdf.pages) - 2)
                del pdf.pages[first + rng.choice((1, 2)) :]
                del pdf.pages[:first]
            objects = [obj for obj in pdf.objects if isinstance(obj, Stream | Dictionary | Array)]
            for _ in range(rng.choice((1, 1, 2, 4, 8))):
                damage = rng.choices(_DEEP, [weight for _, weight in _WEIGHTS])[0]
                try:
                    damage(pdf, objects, rng)
                except _ERRORS:
                    continue
            target = io.BytesIO()
            pdf.save(
                target,
                compress_streams=rng.random() < 0.5,
                object_stream_mode=rng.choice((pikepdf.ObjectStreamMode.generate, pikepdf.ObjectStreamMode.disable)),
                static_id=True,
            )
            return target.getvalue()
    except _ERRORS:
        return None


def _content(pdf: Pdf, objects: list[Object], rng: random.Random) -> None:
    """Tokens of a page's, form's, glyph's or map's text are swapped, dropped, doubled or replaced."""
    texts = [obj for obj in objects if isinstance(obj, Stream) and _is_text(obj)]
    texts += [page.obj.Contents for page in pdf.pages if isinstance(page.obj.get("/Contents"), Stream)] * 3
    stream = rng.choice(texts)
    data = stream.read_bytes()
    if len(data) > LONG_STREAM:
        return
    tokens = _TOKEN.findall(data)
    for _ in range(rng.choice((1, 3, 10, 40))):
        at, other = rng.randrange(len(tokens)), rng.randrange(len(tokens))
        action = rng.randrange(7)
        if action == 0:
            tokens[at], tokens[other] = tokens[other], tokens[at]
        elif action == 1:
            tokens[at] = b""
        elif action == 2:
            tokens[at] += b" " + tokens[at]
        elif action == 3:
            tokens[at] = b" " + rng.choice(_OPERATORS) + b" "
        elif action == 4:
            tokens[at] = rng.randbytes(rng.choice((1, 5, 30)))
        elif action == 5:
            tokens[at] = tokens[other] * rng.choice((1, 2000))
        else:
            tokens[at] = rng.choice(ABSURD_TEXT)
    stream.write(b"".join(tokens))


def _is_text(stream: Stream) -> bool:
    if stream.get("/Subtype") == "/Form" or "/CMapName" in stream or "/PatternType" in stream:
        return True
    return all(key in ("/Length", "/Filter", "/DecodeParms") for key in stream.keys())  # noqa: SIM118


def _program(_pdf: Pdf, objects: list[Object], rng: random.Random) -> None:
    """Bytes of a font program change, below its compression."""
    programs = [
        obj[key]
        for obj in objects
        if isinstance(obj, Dictionary)
        for key in ("/FontFile", "/FontFile2", "/FontFile3")
        if isinstance(obj.get(key), Stream)
    ]
    stream = rng.choice(programs)
    stream.write(_bytes_changed(stream.read_bytes(), rng))


def _data(_pdf: Pdf, objects: list[Object], rng: random.Random) -> None:
    """Bytes of any stream change, below its compression where that can be taken off."""
    stream = rng.choice([obj for obj in objects if isinstance(obj, Stream)])
    if rng.random() < 0.5:
        data = stream.read_bytes()
        if len(data) <= LONG_STREAM:
            return stream.write(_bytes_changed(data, rng))
    return _as_stored(stream, rng)


def _image(_pdf: Pdf, objects: list[Object], rng: random.Random) -> None:
    """An image's entries say something else, or its data change as they are stored."""
    images = [obj for obj in objects if isinstance(obj, Stream) and obj.get("/Subtype") == "/Image"]
    image = rng.choice(images)
    if rng.random() < 0.4:
        return _as_stored(image, rng)
    key = rng.choice(("/Width", "/Height", "/BitsPerComponent", "/ColorSpace", "/Decode", "/SMask", "/Mask", "/Filter"))
    values: list[Any] = [
        *ABSURD,
        None,
        rng.choice(images),
        rng.choice(images).get(key),
        Array([1, 0]),
        Array([rng.choice(ABSURD) for _ in range(rng.choice((2, 6, 8)))]),
        rng.choice((Name.DeviceGray, Name.DeviceRGB, Name.DeviceCMYK, Name.Pattern, Name.DCTDecode, Name.JPXDecode)),
        Array([Name.Indexed, Name.DeviceRGB, rng.choice((0, 1, 255, 256)), b"\x00\x80\xff"]),
        Array([Name.FlateDecode, Name.DCTDecode]),
    ]
    image[key] = rng.choice(values)
    return None


def _as_stored(stream: Stream, rng: random.Random) -> None:
    keys = {key: stream.get(f"/{key}") for key in ("Filter", "DecodeParms")}
    stream.write(_bytes_changed(stream.read_raw_bytes(), rng), filter=keys["Filter"], decode_parms=keys["DecodeParms"])


def _entry(_pdf: Pdf, objects: list[Object], rng: random.Random) -> None:
    """A value anywhere becomes another: absurd, of another place, a reference, nothing."""
    holder = rng.choice(objects)
    keys: list[Any] = list(range(len(holder))) if isinstance(holder, Array) else list(holder.keys())
    key = rng.choice(keys)
    action = rng.randrange(6)
    if action == 0 and not isinstance(holder, Array):
        del holder[key]
    elif action == 1:
        holder[key] = rng.choice(ABSURD)
    elif action == 2:
        holder[key] = rng.choice(objects)
    elif action == 3:
        other = rng.choice(objects)
        values = list(other) if isinstance(other, Array) else [other[k] for k in other.keys()]  # noqa: SIM118
        holder[key] = rng.choice(values)
    elif action == 4:
        holder[key] = holder  # a loop, where the holder is an object of its own
    else:
        holder[key] = _nested(rng.choice((3, 60, 400)), rng)


def _shape(_pdf: Pdf, objects: list[Object], rng: random.Random) -> None:
    """An array is shortened, lengthened or shuffled."""
    array = rng.choice([obj for obj in objects if isinstance(obj, Array) and len(obj)])
    items = list(array)
    action = rng.randrange(3)
    if action == 0:
        del items[rng.randrange(len(items)) :]
    elif action == 1:
        items += [rng.choice(items)] * rng.choice((1, 1000))
    else:
        rng.shuffle(items)
    while len(array):
        del array[len(array) - 1]
    array.extend(items)


def _nested(depth: int, rng: random.Random) -> Object:
    value: Any = rng.choice(ABSURD[:6])
    for _ in range(depth):
        value = Array([value]) if rng.random() < 0.5 else Dictionary(Kids=value)
    return value


def _bytes_changed(data: bytes, rng: random.Random) -> bytes:
    damaged = bytearray(data or b"\0")
    action = rng.randrange(5)
    if action == 0:
        del damaged[rng.randrange(len(damaged)) :]
    elif action == 1:
        damaged += rng.randbytes(rng.choice((1, 100, 10_000)))
    elif action == 2:  # headers and tables of contents are at the beginning
        for _ in range(rng.choice((1, 3, 8))):
            damaged[rng.randrange(min(len(damaged), 300))] = rng.choice((0, 1, 127, 128, 255, rng.randrange(256)))
    elif action == 3:
        at = rng.randrange(len(damaged))
        damaged[at : at + 64] = bytes([rng.choice((0, 255))]) * len(damaged[at : at + 64])
    else:
        for _ in range(rng.choice((1, 10, 100))):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
    return bytes(damaged)


_Damage = Callable[[Pdf, list[Object], random.Random], None]
_WEIGHTS: tuple[tuple[_Damage, int], ...] = (
    (_content, 5),
    (_program, 4),
    (_image, 4),
    (_data, 2),
    (_entry, 6),
    (_shape, 1),
)
_DEEP = [damage for damage, _ in _WEIGHTS]
