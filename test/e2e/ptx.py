"""Runs PTX on the CPU, all threads of a grid side by side in numpy: what a GPU would do with the text that qcc writes.

It knows the instructions that qcc's kernels for bytes have and refuses all others. Threads that part are run from the
earliest instruction on, so that they meet again; at barriers and at what a warp does together they wait for each other.
Asynchronous copies arrive as late as they may: at the wait. Accesses that are not aligned, or outside memory, are
errors. Lane maps of mma and ldmatrix are those of the PTX manual.
"""

import re

import numpy as np

U64 = np.uint64
MEETINGS = {"bar", "shfl", "ldmatrix", "mma"}  # what the threads of a block or warp do together
BASE = 1 << 20  # of addresses in memory, so that small numbers are none


def bits(text):
    return int(re.search(r"(\d+)$", text).group(1))


def signed(values, width):
    shift = U64(64 - width)
    return (values << shift).view(np.int64) >> np.int64(64 - width)


def floats(values):
    return (values & U64(0xFFFFFFFF)).astype(np.uint32).view(np.float32)


def from_floats(values):
    return np.asarray(values, np.float32).view(np.uint32).astype(U64)


def from_integers(values, width):
    mask = U64((1 << width) - 1)
    return np.asarray(values).astype(np.int64).view(U64) & mask


def from_tf32(word, _):
    """What an instruction makes of the last 13 bits is not said."""
    return np.where(word & U64(0x1FFF), np.float32(np.nan), floats(word))


# How many elements of an operand of mma a register has, and element i of them.
OPERANDS = {
    "u8": (4, lambda word, i: (word >> U64(8 * i) & U64(0xFF)).view(np.int64)),
    "s8": (4, lambda word, i: signed(word >> U64(8 * i), 8)),
    "bf16": (2, lambda word, i: floats((word >> U64(16 * i) & U64(0xFFFF)) << U64(16))),
    "tf32": (1, from_tf32),
}
PRODUCTS = {
    ("m16n8k32", "s32", "u8", "s8", "s32"),
    ("m8n8k16", "s32", "u8", "s8", "s32"),
    ("m16n8k16", "f32", "bf16", "bf16", "f32"),
    ("m16n8k8", "f32", "tf32", "tf32", "f32"),
}


class Kernel:
    def __init__(self, text):
        head, _, body = text.partition("{")
        self.name, parameters = re.search(r"\.entry\s+(\w+)\s*\(([^)]*)\)", head, re.S).groups()
        self.parameters = [line.split()[-1] for line in parameters.split(",") if line.strip()]
        self.threads = int(re.search(r"\.reqntid\s+(\d+)", head).group(1))
        self.shared, self.shared_bytes = {}, 0
        for align, name, size in re.findall(r"\.shared\s+\.align\s+(\d+)\s+\.b8\s+(\w+)\[(\d+)\]", body):
            self.shared_bytes = -(-self.shared_bytes // int(align)) * int(align)
            self.shared[name] = self.shared_bytes
            self.shared_bytes += int(size)
        self.code, self.labels = [], {}
        for statement in re.sub(r"(\$\w+:)", r"\1;", body).split(";"):
            line = " ".join(statement.split()).lstrip("} ")  # the end of a register's scope
            if re.match(r"\$\w+:$", line):
                self.labels[line[:-1]] = len(self.code)
            elif line and line[0] not in ".{":
                self.code.append(self.decode(line))

    @staticmethod
    def decode(line):
        guard, negated = None, False
        if line[0] == "@":
            word, line = line.split(None, 1)
            negated, guard = word[1] == "!", word.lstrip("@!")
        name, _, rest = line.partition(" ")
        operands = re.findall(r"\{[^}]*\}|\[[^\]]*\]|[^,\s]+", rest)
        lists = [[x.strip() for x in o[1:-1].split(",")] if o[0] == "{" else o for o in operands]
        return guard, negated, name.split("."), lists


def parse(text):
    text = re.sub(r"//[^\n]*", "", text)
    entries = text.split(".visible .entry")[1:]
    return {k.name: k for k in (Kernel(".entry" + entry.rstrip()[: entry.rstrip().rindex("}")]) for entry in entries)}


class Grid:
    """One launch."""

    def __init__(self, kernel, memory, arguments, blocks):
        self.kernel, self.memory = kernel, memory
        self.count = blocks * kernel.threads
        index = np.arange(self.count, dtype=U64)
        self.block, self.thread = index // U64(kernel.threads), index % U64(kernel.threads)
        self.registers = {"%tid.x": self.thread, "%ctaid.x": self.block, "%laneid": self.thread % U64(32)}
        self.parameters = dict(zip(kernel.parameters, arguments))
        # One array for all blocks; what was not written is no zero.
        self.shared = np.full(max(blocks * kernel.shared_bytes, 1), 0xFF, np.uint8)
        self.groups = [[]]

    def run(self):
        code = self.kernel.code
        at, waiting = np.zeros(self.count, np.int64), np.zeros(self.count, bool)
        while not (at >= len(code)).all():
            runs = ~waiting & (at < len(code))
            assert runs.any(), "some threads wait for others that never come"
            here = int(at[runs].min())
            guard, negated, name, operands = code[here]
            arrived = runs & (at == here)
            if name[0] in MEETINGS:
                waiting |= arrived
                arrived = self.complete(name[0], waiting & (at == here), at >= len(code))
                waiting &= ~arrived
                if not arrived.any():
                    continue
            self.active = arrived & (self.registers[guard] != U64(negated)) if guard else arrived
            at[arrived] += 1
            if name[0] == "bra":
                at[self.active] = self.kernel.labels[operands[0]]
            elif name[0] == "ret":
                at[self.active] = len(code)
            elif name[0] != "bar":
                getattr(self, "do_" + name[0])(name, operands)

    def complete(self, word, here, done):
        """Threads whose block (at a barrier) or warp is all here."""
        size = self.kernel.threads if word == "bar" else 32
        return np.repeat((here | done).reshape(-1, size).all(1), size) & here

    # Operands

    def value(self, operand):
        if operand in self.registers:
            return self.registers[operand]
        if operand in self.kernel.shared:
            start = self.block * U64(self.kernel.shared_bytes) + U64(self.kernel.shared[operand])
            return start
        if operand.startswith("0f"):
            return np.full(self.count, int(operand[2:], 16), U64)
        return np.full(self.count, int(operand.rstrip("U"), 0) & (2**64 - 1), U64)

    def address(self, operand):
        base, _, offset = operand[1:-1].partition("+")
        return self.value(base).view(np.int64) + (int(offset, 0) if offset else 0)

    def assign(self, register, values):
        if register == "_":
            return
        old = self.registers.get(register)
        if old is None:
            old = np.zeros(self.count, U64)
        self.registers[register] = np.where(self.active, np.asarray(values).astype(U64), old)

    def integer(self, operand, kind):
        values = self.value(operand)
        if kind[0] == "s":
            return signed(values, bits(kind))
        return values & U64(2 ** bits(kind) - 1)

    # Arithmetic

    def arithmetic(self, name, operands, of_integers, of_floats=None):
        kind = name[-1]
        if kind == "f32":
            assert "rn" in name or name[0] in ("min", "max", "selp"), f"{name} may be contracted"
            with np.errstate(all="ignore"):
                return self.assign(operands[0], from_floats(of_floats(*[floats(self.value(o)) for o in operands[1:]])))
        result = of_integers(*[self.integer(o, kind) for o in operands[1:]])
        self.assign(operands[0], from_integers(result, bits(kind)))

    def do_add(self, name, o):
        self.arithmetic(name, o, np.add, np.add)

    def do_sub(self, name, o):
        self.arithmetic(name, o, np.subtract, np.subtract)

    def do_min(self, name, o):
        self.arithmetic(name, o, np.minimum, np.fmin)

    def do_max(self, name, o):
        self.arithmetic(name, o, np.maximum, np.fmax)

    def do_mul(self, name, o):
        width = bits(name[-1])
        if name[-1] == "f32":
            return self.arithmetic(name, o, None, np.multiply)
        a, b = (self.integer(x, name[-1]) for x in o[1:])
        if name[1:] == ["hi", "u64"]:
            products = a.astype(object) * b.astype(object) // 2**64
            return self.assign(o[0], products.astype(U64))
        product = a * b
        if name[1] == "hi":
            assert width <= 32
            return self.assign(o[0], from_integers(product.view(np.int64) >> width, width))
        self.assign(o[0], from_integers(product, 2 * width if name[1] == "wide" else width))

    def do_mad(self, name, o):
        assert name[1] == "lo"
        self.arithmetic(name, o, lambda a, b, c: a * b + c)

    def do_div(self, name, o):
        self.arithmetic(name, o, lambda a, b: a // np.maximum(b, 1), np.divide)

    def do_rcp(self, name, o):
        self.arithmetic(name, o, None, lambda a: np.float32(1) / a)

    def do_sqrt(self, name, o):
        self.arithmetic(name, o, None, np.sqrt)

    def do_abs(self, name, o):
        assert name[-1] == "f32"
        self.assign(o[0], self.value(o[1]) & U64(0x7FFFFFFF))

    def do_rem(self, name, o):
        self.arithmetic(name, o, lambda a, b: a % np.maximum(b, 1))

    def do_neg(self, name, o):
        assert name[-1] == "f32"
        self.assign(o[0], self.value(o[1]) ^ U64(1 << 31))

    def do_not(self, name, o):
        width = 1 if name[-1] == "pred" else bits(name[-1])
        self.assign(o[0], ~self.value(o[1]) & U64(2**width - 1))

    def do_fma(self, name, o):
        self.arithmetic(name, o, None, lambda a, b, c: a.astype(np.longdouble) * b + c)

    def do_dp4a(self, name, o):
        assert name[1:] == ["u32", "s32"]
        total = self.integer(o[3], "s32")
        for shift in range(0, 32, 8):
            a, b = (self.value(x) >> U64(shift) & U64(0xFF) for x in o[1:3])
            total = total + a.view(np.int64) * signed(b, 8)
        self.assign(o[0], from_integers(total, 32))

    def do_and(self, name, o):
        self.assign(o[0], self.value(o[1]) & self.value(o[2]))

    def do_or(self, name, o):
        self.assign(o[0], self.value(o[1]) | self.value(o[2]))

    def do_xor(self, name, o):
        self.assign(o[0], self.value(o[1]) ^ self.value(o[2]))

    def do_shl(self, name, o):
        self.assign(o[0], from_integers(self.value(o[1]) << self.value(o[2]), bits(name[-1])))

    def do_shr(self, name, o):
        shifted = self.integer(o[1], name[-1]) >> self.value(o[2]).astype(np.int64 if name[-1][0] == "s" else U64)
        self.assign(o[0], from_integers(shifted, bits(name[-1])))

    def do_bfe(self, name, o):
        start, length = int(o[2]), int(o[3])
        field = self.value(o[1]) >> U64(start) & U64(2**length - 1)
        self.assign(o[0], from_integers(signed(field, length), 32) if name[-1] == "s32" else field)

    def do_prmt(self, name, o):
        both = self.integer(o[1], "u32") | self.integer(o[2], "u32") << U64(32)
        selector, result = int(o[3].rstrip("U"), 0), np.zeros(self.count, U64)
        for i in range(4):
            digit = selector >> 4 * i & 0xF
            assert digit < 8, "a sign is replicated"
            result |= (both >> U64(8 * digit) & U64(0xFF)) << U64(8 * i)
        self.assign(o[0], result)

    def do_mov(self, name, o):
        parts = next((x for x in o if isinstance(x, list)), None)
        if parts is None:
            return self.assign(o[0], self.value(o[1]))
        width = bits(name[-1]) // len(parts)
        mask = U64(2**width - 1)
        if parts is o[0]:
            for i, part in enumerate(parts):
                self.assign(part, self.value(o[1]) >> U64(width * i) & mask)
        else:
            self.assign(o[0], sum((self.value(part) & mask) << U64(width * i) for i, part in enumerate(parts)))

    def do_cvta(self, name, o):
        self.assign(o[0], self.value(o[1]))

    def do_cvt(self, name, o):
        to, source = name[-2:]
        values = self.value(o[1])
        if to == "f32" and source == "f16":
            result = from_floats((values & U64(0xFFFF)).astype(np.uint16).view(np.float16))
        elif to == "f32" and source == "f32":
            assert name[1] == "rni"
            result = from_floats(np.rint(floats(values)))
        elif to == "f32":
            assert name[1] == "rn"
            result = from_floats(self.integer(o[1], source).astype(np.float64 if bits(source) < 64 else np.float32))
        elif source == "f32":
            assert name[1] == "rni" and to == "s32"
            rounded = np.nan_to_num(np.rint(floats(values).astype(np.float64)), nan=0.0)
            result = from_integers(np.clip(rounded, -(2.0**31), 2.0**31 - 1), 32)
        else:
            result = from_integers(self.integer(o[1], source), bits(to))
        self.assign(o[0], result)

    def do_setp(self, name, o):
        kind, relation = name[-1], name[1]
        if kind == "f32":
            a, b = floats(self.value(o[1])), floats(self.value(o[2]))
        else:
            a, b = (self.integer(x, kind.replace("b", "u")) for x in o[1:])
        if kind == "f32":
            unordered = np.isnan(a) | np.isnan(b)
            if relation in ("num", "nan"):
                return self.assign(o[0], unordered == (relation == "nan"))
        compare = {"lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal}
        compare = {**compare, "eq": np.equal, "ne": np.not_equal}
        holds = compare[relation[:2]](a, b)
        if kind == "f32":  # numpy's not_equal is true for NaN
            holds = holds | unordered if relation.endswith("u") else holds & ~unordered
        self.assign(o[0], holds)

    def do_selp(self, name, o):
        self.assign(o[0], np.where(self.value(o[3]) != 0, self.value(o[1]), self.value(o[2])))

    # Memory

    def place(self, name, operand, size):
        """The array and the indices that an access of `size` bytes begins at."""
        at = self.address(operand)[self.active]
        space = self.shared if "shared" in name else self.memory
        at = at - (0 if "shared" in name else BASE)
        assert (at % size == 0).all(), f"{name} is not aligned"
        assert (at >= 0).all() and (at + size <= len(space)).all(), f"{name} is outside memory"
        return space, at

    def do_ld(self, name, o):
        if "param" in name:
            return self.assign(o[0], np.full(self.count, self.parameters[o[1][1:-1]], U64))
        registers = o[0] if isinstance(o[0], list) else [o[0]]
        width = bits(name[-1]) // 8
        space, at = self.place(name, o[1], width * len(registers))
        for i, register in enumerate(registers):
            loaded = np.zeros(self.count, U64)
            for byte in range(width):
                loaded[self.active] |= space[at + i * width + byte].astype(U64) << U64(8 * byte)
            if name[-1][0] == "s":
                loaded = signed(loaded, 8 * width).view(U64)
            self.assign(register, loaded)

    def do_st(self, name, o):
        registers = o[1] if isinstance(o[1], list) else [o[1]]
        width = bits(name[-1]) // 8
        space, at = self.place(name, o[0], width * len(registers))
        for i, register in enumerate(registers):
            values = self.value(register)[self.active]
            for byte in range(width):
                space[at + i * width + byte] = (values >> U64(8 * byte) & U64(0xFF)).astype(np.uint8)

    def do_cp(self, name, o):
        assert name[1] == "async"
        if name[2] == "commit_group":
            self.groups.append([])
        elif name[2] == "wait_group":
            while len(self.groups) - 1 > int(o[0]):
                for to, data in self.groups.pop(0):
                    self.shared[to] = data
        else:
            size = int(o[2])
            count = self.integer(o[3], "s32")[self.active] if len(o) > 3 else np.full(self.active.sum(), size)
            assert ((0 <= count) & (count <= size)).all()
            _, to = self.place(["shared"], o[0], size)
            memory, source = self.place(["global"], o[1], size)
            each = np.arange(size)
            data = np.where(each < count[:, None], memory[source[:, None] + each], 0).astype(np.uint8)
            self.groups[-1].append((to[:, None] + each, data))

    # Warps

    def warps(self, values):
        return values.reshape(-1, 32)

    def do_ldmatrix(self, name, o):
        assert name[1:] == ["sync", "aligned", "m8n8", "x4", "shared", "b16"]
        warps = self.warps(self.active)
        assert (warps.all(1) | ~warps.any(1)).all(), "a part of a warp loads a matrix"
        rows, lane = self.warps(self.address(o[1])), np.arange(32)
        used = rows[warps.any(1)]
        assert (used % 16 == 0).all()
        # The eight rows of a matrix are read at once: in 8 groups of 4 banks each.
        banks = np.sort(used.reshape(-1, 4, 8) // 16 % 8, axis=2)
        assert (banks == np.arange(8)).all(), "rows of a matrix are in the same bank"
        rows = np.where(warps, rows, 0)
        for matrix, register in enumerate(o[0]):
            at = rows[:, 8 * matrix + lane // 4] + 4 * (lane % 4)
            loaded = sum(self.shared[at + byte].astype(U64) << U64(8 * byte) for byte in range(4))
            self.assign(register, loaded.reshape(-1))

    def matrix(self, registers, kind, depth_first):
        """Registers of a (row by depth) or b (depth by column): 16 bytes of depth, then the next 16, from lane to lane."""
        count, decode = OPERANDS[kind]
        group, inner = np.arange(32) // 4, np.arange(32) % 4
        halves = 1 if depth_first or len(registers) == 1 else 2  # of 16 rows
        depth = 4 * count * len(registers) // halves
        shape = (depth, 8) if depth_first else (8 * halves, depth)
        result = np.zeros((self.count // 32, *shape), np.int64 if kind[1] == "8" else np.float64)
        for i, register in enumerate(registers):
            for element in range(count):
                at = count * inner + element + 4 * count * (i // halves)
                place = (at, group) if depth_first else (group + 8 * (i % halves), at)
                result[:, place[0], place[1]] = decode(self.warps(self.value(register)), element)
        return result

    def do_shfl(self, name, o):
        assert name[1:] == ["sync", "bfly", "b32"] and int(o[3]) == 31 and int(o[4]) == -1, (name, o)
        warps = self.warps(self.active)
        assert (warps.all(1) | ~warps.any(1)).all(), "a part of a warp exchanges registers"
        other = np.arange(32) ^ int(o[2])
        self.assign(o[0], self.warps(self.value(o[1]))[:, other].reshape(-1))

    def do_mma(self, name, o):
        """Sum q of lane 4g + t is at row g + 8 (q / 2), column 2t + q % 2."""
        assert name[1:3] == ["sync", "aligned"] and name[4:6] == ["row", "col"] and tuple(name[3:4] + name[6:]) in PRODUCTS, name
        registers = [x if isinstance(x, list) else [x] for x in o]
        a, b = self.matrix(registers[1], name[7], False), self.matrix(registers[2], name[8], True)
        group, inner = np.arange(32) // 4, np.arange(32) % 4
        with np.errstate(all="ignore"):
            product = a @ b
        results = []
        for i, register in enumerate(registers[3]):
            added = product[:, group + 8 * (i // 2), 2 * inner + i % 2].reshape(-1)
            old = self.value(register)
            results.append(from_floats(floats(old) + added) if name[6] == "f32" else from_integers(signed(old, 32) + added, 32))
        for register, result in zip(registers[0], results):
            self.assign(register, result)
