"""Random programs in what Starlark and Python have in common; the same for the same seed.

Expressions are made by type, so that most of them mean something; now and then one of another type is put in its place, so that the
errors of both are compared too.
"""
import random
import re
import struct

TYPES = ("int", "float", "str", "bool", "ints", "strs", "tuple", "dict", "set")
WORDS = ("", "a", "b", "ab", "abc", "aXb", "Hello World", "  x y  ", "a,b,,c", "0x1F", "-12", "007", "1e3", "z" * 9, "l1\nl2\n", "\t",
         "q\"q", "b\\s", "The quick brown Fox", "x\x00y", "~\x7f")
MOST_DEPTH = 3


class Generator:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.lines = []
        self.indent = 0
        self.scopes = [{}]
        self.functions = []
        self.names = 0
        self.kinds = {}
        self.expressions = 0
        self.loops = 0

    # --- choices

    def chance(self, probability):
        return self.random.random() < probability

    def pick(self, *options):
        return self.random.choice(options)

    def line(self, text):
        self.lines.append(self.space() + text)

    def space(self):
        return "  " * self.indent

    def new_name(self, kind):
        self.names += 1
        name = f"v{self.names}"
        self.scopes[-1][name] = self.kinds[name] = kind
        return name

    def known(self, kind):
        return [name for scope in self.scopes for name, its in scope.items() if its == kind]

    # --- expressions

    def make(self, kind, depth=0):
        """The text of an expression of that type, in most cases."""
        self.expressions += 1
        if self.chance(0.004):
            kind = self.pick(*TYPES)
        names = self.known(kind)
        if names and self.chance(0.35):
            return self.random.choice(names)
        if depth >= MOST_DEPTH or self.chance(0.15):
            return self.literal(kind)
        if self.chance(0.04):
            return f"({self.make(kind, depth + 1)} if {self.make('bool', depth + 1)} else {self.make(kind, depth + 1)})"
        if self.chance(0.03):
            return f"({self.make(kind, depth + 1)} {self.pick('and', 'or')} {self.make(kind, depth + 1)})"
        if self.chance(0.03):
            return f"(lambda p: {self.within({'p': kind}, kind, depth + 1)})({self.make(kind, depth + 1)})"
        return getattr(self, "make_" + kind)(depth + 1)

    def within(self, names, kind, depth):
        self.scopes.append(names)
        text = self.make(kind, depth)
        self.scopes.pop()
        return text

    def literal(self, kind):
        if kind == "int":
            return self.integer()
        if kind == "float":
            if self.chance(0.2):
                return self.bits()
            return self.pick("0.0", "1.0", "-1.5", "0.1", "1e10", "1e-7", "123456.789", "1e300", "2.5e-300", "3.0", "1e22", "100000.0",
                             "1000000.0", f"{self.random.uniform(-1e3, 1e3)!r}", f"{self.random.uniform(-1, 1) * 10.0 ** self.random.randint(-20, 20)!r}")
        if kind == "str":
            return self.text(self.random.choice(WORDS))
        if kind == "bool":
            return self.pick("True", "False")
        if kind == "ints":
            return "[" + ", ".join(self.integer() for _ in range(self.random.randint(0, 4))) + "]"
        if kind == "strs":
            return "[" + ", ".join(self.text(self.random.choice(WORDS)) for _ in range(self.random.randint(0, 4))) + "]"
        if kind == "tuple":
            return self.pick("()", "(1,)", "(1, 2)", '("a", 1, 2.5)', "(None, [1], (2,))")
        if kind == "dict":
            return self.pick("{}", '{"a": 1}', '{"a": 1, "b": 2, "c": 3}', "{1: 2, 1.5: 3}", '{(1, "x"): 4}', "{1: 2, 2.5: (-3)}")
        return self.pick("set()", "set([1, 2, 3])", 'set(["a", "b"])', "set(range(5))")

    def item(self, kind, depth):
        """An item of a list, tuple or string, in most cases one that is there."""
        container = self.make(kind, depth)
        if self.chance(0.1):
            return f"{container}[{self.small()}]"
        more = {"ints": "[7, -8]", "strs": '["p", ""]', "tuple": "(1, None)", "str": '"xy"'}[kind]
        return f"({container} + {more})[{self.pick(-2, -1, 0, 1)}]"

    def bits(self):
        """The float of random bits, or one between two neighbours of few bits."""
        value = struct.unpack("<d", struct.pack("<Q", self.random.getrandbits(64)))[0] if self.chance(0.5) else self.random.getrandbits(60) / 2.0 ** self.random.randint(0, 120)
        return f"({value!r})" if value == value and abs(value) != float("inf") else "5e-324"

    def divisor(self, kind, depth):
        text = self.make(kind, depth)
        return text if self.chance(0.1) else f"({text} or {self.pick(1, -3, 7)})"

    def integer(self):
        bits = self.pick(1, 2, 3, 4, 8, 16, 31, 32, 33, 53, 54, 62, 63, 64, 65, 100, 128, 300) if self.chance(0.995) else self.random.randint(300, 5000)
        number = self.random.getrandbits(bits) if self.chance(0.7) else self.pick(2 ** bits, 2 ** bits - 1, 2 ** bits + 1)
        text = str(number) if self.chance(0.9) else hex(number)
        return f"({text})" if self.chance(0.7) else f"(-{text})"

    def text(self, value):
        escapes = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\x00": "\\x00", "\x7f": "\\x7f"}
        return '"' + "".join(escapes.get(c, c) for c in value) + '"'

    def digits(self):
        """A text that is a number in most cases."""
        return self.text(self.random.choice(WORDS)) if self.chance(0.1) else self.pick('"12"', '"-7"', '"+90"', '"11" * 40', '"0x1f"', '"0"', '"9" * 70')

    def shift(self):
        return self.pick("512", "(-1)", self.small()) if self.chance(0.05) else self.pick(0, 1, 7, 31, 62, 63, 64, 65, 200, 511)

    def small(self, depth=MOST_DEPTH):
        return str(self.random.randint(-6, 9)) if self.chance(0.97) else self.make("int", depth)

    def make_int(self, depth):
        a = self.make("int", depth)
        option = self.random.randrange(15)
        if option == 13:
            return self.long_integer(depth)
        if option == 14:
            return self.pick(f"len({self.make('float', depth)} and {self.make('str', depth)} or [])", f"({self.make('bool', depth)} and {a} or {self.integer()})",
                             f"{self.make('strs', depth)}.index({self.make('str', depth)})" if self.chance(0.1) else f"({self.make('strs', depth)} + ['w']).index('w')",
                             f"len({self.walk()}[{self.slice()}])", f"{self.make('dict', depth)}.setdefault({self.make('tuple', depth) if self.chance(0.1) else self.make('str', depth)}, {a})")
        if option < 4:
            op = self.pick('+', '-', '*', '//', '%', '&', '|', '^', '//', '%')
            return f"({a} {op} {self.divisor('int', depth) if op in '//%' else self.make('int', depth)})"
        if option == 4:
            return f"({a} {self.pick('<<', '>>')} {self.shift()})"
        if option == 5:
            return f"({self.pick('-', '~', '+', '- -')}{a})"
        if option == 6:
            return f"len({self.make(self.pick('str', 'ints', 'strs', 'tuple', 'dict', 'set'), depth)})"
        if option == 7:
            return f"{self.pick('min', 'max')}({a}, {self.make(self.pick('int', 'int', 'float'), depth)}{self.key('int', depth)})"
        if option == 8:
            return self.pick(f"int({self.make('float', depth)})", f"abs({a})", f"int(str({a}))", f"int({self.digits()}, {self.pick(0, 10, 16, 36)})",
                             f'int("%x" % abs({a}), 16)', f"int({self.make('bool', depth)})")
        if option == 9:
            return self.item("ints", depth)
        if option == 10:
            return f"{self.make('str', depth)}.{self.pick('find', 'rfind', 'count') if self.chance(0.95) else self.pick('index', 'rindex')}({self.make('str', depth)}{self.bounds()})"
        if option == 11:
            found = self.make("ints", depth)
            return self.pick(f"{self.make('dict', depth)}.get({self.make('str', depth)}, {a})", f"({found} + [{a}]).index({a})",
                             f"ord({self.item('str', depth)})", f"ord({self.make('str', depth)})" if self.chance(0.2) else a)
        walk = f"range({self.small()}, {self.small()}, {self.small()})" if self.chance(0.1) else f"range({self.pick(-5, 0, 3)}, {self.pick(7, 20)}, {self.pick(1, 2, 3)})"
        return self.called("int", depth) or f"{walk}[{self.pick(-1, 0, 1)}]"

    def long_integer(self, depth):
        """Where numbers of hundreds of digits are multiplied, divided, read or written."""
        a, b = self.make("int", depth), self.make("int", depth)
        n, m = self.random.randint(1, 900), self.random.randint(1, 400)
        big, less = f'int("{self.pick("7", "9", "12", "100")}" * {n})', f'int("{self.pick("3", "9", "80")}" * {m})'
        return self.pick(f"({big} * {a} // ({less} + abs({b})))", f"({big} % ({less} + abs({b})))", f"(({big} + {a}) % (-{less}))", f"((-{big}) // {less})",
                         f"len(str({big} * ({a})))", f'int("%x" % ({big} + abs({a})), 16)', f"({big} * {big} - {less} * ({a}))",
                         f"({big} ^ ({a}))", f"({big} & -{less})", f"({big} | ({a}))", f"({big} >> {self.shift()})", f"int(float({a}))")

    def walk(self):
        return f"range({self.pick(-5, 0, 3)}, {self.pick(7, 20, -9)}, {self.pick(1, 2, 3, -1, -4)})"

    def make_float(self, depth):
        a = self.make("float", depth)
        option = self.random.randrange(7)
        if option == 6:
            digits = str(self.random.getrandbits(self.pick(10, 50, 60, 90, 200)))
            text = self.pick(digits, f"{digits[:3]}.{digits[3:]}", f".{digits}", f"{digits}e{self.random.randint(-330, 310)}", f"-{digits}.", f"{digits[:2]}.{digits}E+{self.random.randint(0, 30)}", "1e400")
            return f'float("{text}")'
        if option < 3:
            return f"({a} {self.pick('+', '-', '*', '/', '//', '%')} {self.divisor(self.pick('float', 'int'), depth)})"
        if option == 3:
            return f"({self.make('int', depth)} {self.pick('/', '/', '+', '*', '-', '//', '%')} {self.divisor(self.pick('float', 'float', 'int'), depth)})"
        if option == 4:
            return self.pick(f"float({self.make(self.pick('int', 'int', 'bool'), depth)})", f"float(str({a}))", f"abs({a})", f"(-{a})")
        return self.called("float", depth) or f"{self.pick('min', 'max')}([{a}, {self.make('float', depth)}])"

    def make_str(self, depth):
        a = self.make("str", depth)
        option = self.random.randrange(15)
        if option == 12:
            return f"({a} + {self.text('xyzzy')})[{self.slice()}]"
        if option == 13:
            return f"type({self.make(self.pick(*TYPES), depth)})"
        if option == 14:
            return f'"%{self.pick("e", "f", "g", "s", "r", "E", "F", "G", "d")}" % {self.pick(self.bits(), self.make("float", depth), "(" + self.make("int", depth) + ",)")}'
        if option == 0:
            return f"({a} + {self.make('str', depth)})"
        if option == 1:
            return f"({a} * {self.small()})"
        if option == 2:
            return self.item("str", depth)
        if option == 3:
            return f"{a}[{self.slice()}]"
        if option == 4:
            return f"{a}.{self.pick('upper', 'lower', 'title', 'capitalize', 'strip', 'lstrip', 'rstrip')}({self.chance(0.03) and self.make(self.pick('int', 'str'), depth) or ''})"
        if option == 5:
            return f"{a}.{self.pick('strip', 'lstrip', 'rstrip', 'removeprefix', 'removesuffix')}({self.make('str', depth)})"
        if option == 6:
            return f"{a}.replace({self.make('str', depth)}, {self.make('str', depth)}{self.pick('', '', f', {self.small()}')})"
        if option == 7:
            joined = self.pick(self.make("strs", depth), f"tuple({self.make('strs', depth)})", f"set({self.make('strs', depth)})", f"dict([(s, 1) for s in {self.make('strs', depth)}])")
            return f"{a}.join({joined if self.chance(0.97) else self.make('tuple', depth)})"
        if option == 8:
            return f"{self.pick('str', 'repr')}({self.make(self.pick(*TYPES), depth)})"
        if option == 9:
            return self.percent(depth)
        if option == 10:
            return self.braces(depth)
        return self.called("str", depth) or self.item("strs", depth)

    def percent(self, depth):
        directives = [self.pick(("%d", "int"), ("%s", self.pick(*TYPES)), ("%r", self.pick(*TYPES)), ("%x", "int"), ("%o", "int"), ("%X", "int"),
                                ("%e", "float"), ("%f", "float"), ("%g", "float"), ("%c", "int") if self.chance(0.2) else ("%s", "int"), ("%d", "int"), ("%i", "int"), ("%g", "int"))
                      for _ in range(self.random.randint(0, 4))]
        text = self.pick("", "x=", "%%").join(directive for directive, _ in directives) + (self.pick("", "", ".", "%%") if self.chance(0.95) else self.pick("%", "%d"))
        args = [self.make(kind, depth) for _, kind in directives]
        if self.chance(0.05):
            return f'("%(a)s and %(b)r" % {self.make("dict", depth)})'
        if len(args) == 1 and self.chance(0.6):
            return f'("{text}" % {args[0]})'
        return f'("{text}" % ({", ".join(args)}{"," if len(args) == 1 else ""}))'

    def braces(self, depth):
        form = self.pick("{x}", "{{}}", "{x!r}", "{{{x}}}") if self.chance(0.7) else self.pick("{}", "{} {}", "{0} {1} {0}", "{x}", "{!r}", "{0!s}{x!r}", "{{{}}}", "{{}}", "{", "}", "{0}{}", "{2}", "{y}", "a{}b{x}")
        args = [self.make(self.pick(*TYPES), depth) for _ in range(self.random.randint(0, 3))]
        return f'"{form}".format({", ".join([*args, f"x = {self.make(self.pick(*TYPES), depth)}"])})'

    def make_bool(self, depth):
        kind = self.pick(*TYPES)
        option = self.random.randrange(9)
        if option < 3:
            other = kind if self.chance(0.98) else self.pick(*TYPES)
            if kind in ("dict", "bool", "tuple") and self.chance(0.9):
                return f"({self.make(kind, depth)} {self.pick('==', '!=')} {self.make(other, depth)})"
            if kind in ("int", "float"):
                other = self.pick("int", "float", other)
            return f"({self.make(kind, depth)} {self.pick('==', '!=', '<', '<=', '>', '>=')} {self.make(other, depth)})"
        if option == 3:
            pair = self.pick(("int", "ints"), ("str", "strs"), ("str", "str"), ("str", "dict"), ("int", "tuple"), ("int", "set"), ("float", "ints"))
            return f"({self.make(pair[0], depth)} {self.pick('in', 'not in')} {self.make(pair[1], depth)})"
        if option == 4:
            return f"(not {self.make(kind, depth)})"
        if option == 5:
            return f"bool({self.make(kind, depth)})"
        if option == 6:
            return f"{self.make('str', depth)}.{self.pick('isalpha', 'isdigit', 'isalnum', 'isspace', 'islower', 'isupper', 'istitle')}()"
        if option == 7:
            return f"{self.make('str', depth)}.{self.pick('startswith', 'endswith')}({self.make('str', depth)}{self.bounds()})"
        if self.chance(0.3):
            return self.pick(f"({self.make('int', depth)} in {self.walk()})", f"({self.walk()} {self.pick('==', '!=')} {self.walk()})",
                             f"({self.make('str', depth)}).{self.pick('startswith', 'endswith')}(({self.make('str', depth)}, {self.make('str', depth)}))",
                             f"(({self.make('int', depth)}, {self.make('str', depth)}) {self.pick('<', '<=', '>', '>=', '==')} ({self.make('int', depth)}, {self.make('str', depth)}))",
                             f"({self.make('int', depth)} {self.pick('<', '<=', '>', '>=', '==', '!=')} {self.bits()})",
                             f"{self.make('set', depth)}.{self.pick('issubset', 'issuperset')}({self.make(self.pick('set', 'ints'), depth)})")
        return f"{self.pick('any', 'all')}({self.make(self.pick('ints', 'strs', 'tuple', 'dict'), depth)})"

    def make_ints(self, depth):
        a = self.make("ints", depth)
        option = self.random.randrange(15)
        if option == 11:
            return f"list({self.walk()}[{self.slice()}])"
        if option == 12:
            pairs = self.pick(f"zip({self.make('strs', depth)}, {a})", f"sorted([(str(v), v) for v in {a}])")
            return f"[len(a) + b for (a, b) in {pairs}]"
        if option == 13:
            x = f"x{depth}"
            return f"[v for row in [[{x}, {self.within({x: 'int'}, 'int', depth + 1)}] for {x} in {a}[:3]] for v in row if v {self.pick('!=', '>', '<')} {self.small()}]"
        if option == 14:
            return f"[d[k] for d in [{self.make('dict', depth)}] for k in sorted(d, key = str)]"
        if option == 0:
            return f"({a} + {self.make('ints', depth)})"
        if option == 1:
            return f"({a} * {self.small()})"
        if option == 2:
            return f"{a}[{self.slice()}]"
        if option == 3:
            return f"list(range({self.small()}, {self.small()}{self.pick('', f', {self.pick(1, 2, 3, -1, -2, self.small())}')}))"
        if option == 4:
            return f"sorted({a}{self.key('int', depth)}{self.pick('', ', reverse = True')})"
        if option == 5:
            return f"list({self.pick('reversed', 'tuple', 'set', 'list')}({a}))"
        if option == 6:
            x = f"x{depth}"
            condition = f" if {self.within({x: 'int'}, 'bool', depth + 1)}" if self.chance(0.5) else ""
            return f"[{self.within({x: 'int'}, 'int', depth + 1)} for {x} in {a}{condition}]"
        if option == 7:
            x, y = f"x{depth}", f"y{depth}"
            return f"[{self.within({x: 'int', y: 'int'}, 'int', depth + 1)} for {x} in {a}[:4] for {y} in {self.within({x: 'int'}, 'ints', depth + 1)}[:3]]"
        if option == 8:
            return f"[{', '.join(self.make('int', depth + 1) for _ in range(self.random.randint(0, 3)))}]"
        if option == 9:
            return f"{self.make('dict', depth)}.values()"
        return self.called("ints", depth) or f"[len(s) for s in {self.make('strs', depth)}]"

    def make_strs(self, depth):
        a = self.make("str", depth)
        option = self.random.randrange(10)
        if option == 8:
            return f"[type(x) for x in {self.make(self.pick('tuple', 'ints'), depth)}]"
        if option == 9:
            return f"['%s=%r' % pair for pair in {self.make('dict', depth)}.items()]"
        if option == 0:
            arguments = self.pick("", '"a"', "None, " + self.small())
            return f"{a}.{self.pick('split', 'rsplit')}({arguments})"
        if option == 1:
            return f"{a}.{self.pick('split', 'rsplit')}({self.make('str', depth)} or ' ', {self.small()})"
        if option == 2:
            return f"{a}.splitlines({self.pick('', 'True')})"
        if option == 3:
            return f"list({a}.{self.pick('partition', 'rpartition')}({self.make('str', depth)} or 'b'))"
        if option == 4:
            return f"sorted({self.make('strs', depth)}{self.key('str', depth)}{self.pick('', ', reverse = True')})"
        if option == 5:
            return f"[{self.within({'s': 'str'}, 'str', depth + 1)} for s in {self.make('strs', depth)}]"
        if option == 6:
            return f"{self.make('strs', depth)}[{self.slice()}]"
        return f"[str(x) for x in {self.make(self.pick('ints', 'tuple', 'dict', 'set'), depth)}]"

    def make_tuple(self, depth):
        option = self.random.randrange(7)
        if option == 5:
            return f"tuple(enumerate({self.make('strs', depth)}, {self.small()}))"
        if option == 6:
            return f"({self.make('tuple', depth)} * {self.pick(0, 1, 2, -1)})"
        if option == 0:
            return f"({self.make('tuple', depth)} + {self.make('tuple', depth)})"
        if option == 1:
            return f"tuple({self.pick('zip', 'list', 'enumerate', 'reversed')}({self.make(self.pick('ints', 'strs', 'tuple'), depth)}))"
        if option == 2:
            return f"tuple(zip({self.make('ints', depth)}, {self.make('strs', depth)}))"
        if option == 3:
            return f"{self.make('tuple', depth)}[{self.slice()}]"
        items = [self.make(self.pick(*TYPES), depth + 1) for _ in range(self.random.randint(1, 3))]
        return f"({', '.join(items)},)"

    def make_dict(self, depth):
        option = self.random.randrange(8)
        if option == 6:
            return f"{{v: k for k, v in {self.make('dict', depth)}.items()}}"
        if option == 7:
            x, y = f"x{depth}", f"y{depth}"
            return f"{{({x}, {y}): {x} for {x} in {self.make('ints', depth)}[:3] for {y} in {self.make('strs', depth)}[:3]}}"
        if option == 0:
            return f"({self.make('dict', depth)} | {self.make('dict', depth)})"
        if option == 1:
            x = f"x{depth}"
            return f"{{{self.within({x: 'int'}, self.pick('int', 'str'), depth + 1)}: {x} for {x} in {self.make('ints', depth)}}}"
        if option == 2:
            return f"dict(zip({self.make('strs', depth)}, {self.make('ints', depth)}))"
        if option == 3:
            return f"dict({self.make('dict', depth)}, a = {self.make('int', depth)})"
        if option == 4:
            return f"dict({self.make('dict', depth)}.items())"
        keys = [self.make(self.pick("str", "int", "tuple", "float"), depth + 1) for _ in range(self.random.randint(0, 3))]
        return "{" + ", ".join(f"{key}: {self.make('int', depth + 1)}" for key in keys) + "}"

    def make_set(self, depth):
        a = self.make("set", depth)
        option = self.random.randrange(4)
        if option == 0:
            return f"({a} {self.pick('|', '&', '-', '^')} {self.make('set', depth)})"
        if option == 1:
            name = self.pick("union", "intersection", "difference", "symmetric_difference")
            return f"{a}.{name}({self.make(self.pick('ints', 'set', 'tuple'), depth)})"
        return f"set({self.make(self.pick('ints', 'strs', 'dict'), depth)})"

    def key(self, kind, depth):
        if self.chance(0.6):
            return ""
        return f", key = {self.pick('str', 'len', 'lambda p: -p', 'lambda p: (len(str(p)), p)', 'lambda p: 0', 'type', 'lambda p: ' + self.within({'p': kind}, self.pick('int', 'str'), depth + 1))}"

    def bounds(self):
        return self.pick("", "", f", {self.small()}", f", {self.small()}, {self.small()}", ", None, 3")

    def slice(self):
        parts = [self.pick("", self.small()) for _ in range(self.pick(2, 2, 3))]
        if len(parts) == 3 and self.chance(0.9):
            parts[2] = str(self.pick(1, 2, 3, -1, -2, -3, -100, 2 ** 40, "", "None"))
        if self.chance(0.05):
            parts[0] = self.pick("None", "-(1 << 70)", "1 << 70")
        return ":".join(parts)

    def called(self, kind, depth):
        """A call of a function of the program that gives that type, if there is one."""
        able = [one for one in self.functions if one["kind"] == kind]
        if not able or self.loops > 2:
            return None
        function = self.random.choice(able)
        params, wanted = function["params"], function["required"]
        given = self.random.randint(wanted, len(params)) if self.chance(0.95) else self.random.randint(0, len(params) + 1)
        named = self.random.randint(0, min(given, 2))
        args = [self.make((params + ["int"])[i], depth + 1) for i in range(given - named)]
        names = [f"p{i} = {self.make((params + ['int'])[i], depth + 1)}" for i in range(given - named, given)]
        self.random.shuffle(names)
        if function["rest"] and self.chance(0.4) and not named:
            args = [self.make(kind, depth + 1) for kind in params] + [f"*{self.make(self.pick('ints', 'tuple'), depth + 1)}"]
            names = []
        if function["kwargs"] and self.chance(0.4):
            names.append(self.pick(f"extra = {self.make('int', depth + 1)}" if not args or not args[-1].startswith("*") else "**{}", f'**{{"k": {self.make("int", depth + 1)}}}', f"**{self.make('dict', depth + 1)}"))
        return f"{function['name']}({', '.join(args + names)})"

    # --- statements

    def statements(self, count, depth=0):
        for _ in range(count):
            self.statement(depth)

    def block(self, count, depth, names=None):
        self.indent += 1
        self.scopes.append(dict(names or {}))
        start = len(self.lines)
        self.statements(count, depth + 1)
        if len(self.lines) == start:
            self.line("pass")
        self.scopes.pop()
        self.indent -= 1

    def show(self):
        self.line(f"print({', '.join(self.make(self.pick(*TYPES)) for _ in range(self.random.randint(1, 2)))})")

    def statement(self, depth):
        options = [self.show] * 6 + [self.assign] * 4 + [self.augment] * 3 + [self.change] * 3 + [self.unpack]
        if depth < 2 and self.loops < 2:
            options += [lambda: self.loop(depth), lambda: self.branch(depth), lambda: self.repeat(depth)]
        if depth == 0:
            options += [self.define] * 2 + [self.closure, self.order, self.alias, self.nest, self.recursion, self.forward, self.rows, self.reorder]
        self.random.choice(options)()

    def assign(self):
        kind = self.pick(*TYPES)
        value = self.make(kind)
        names = self.known(kind)
        inner = [name for name in names if name in self.scopes[-1] and name.startswith("v")]  # no loop's own
        if inner and self.chance(0.3):
            self.line(f"{self.random.choice(inner)} = {value}")
        else:
            self.line(f"{self.new_name(kind)} = {value}")

    def own(self, *kinds):
        able = [(name, kind) for name, kind in self.scopes[-1].items() if kind in kinds and name.startswith("v")]
        return self.random.choice(able) if able else (None, None)

    def augment(self):
        name, kind = self.own("int", "float", "str", "ints", "tuple", "dict", "set")
        if name is None:
            return self.assign()
        op = {"int": self.pick("+", "-", "*", "//", "%", "&", "|", "^", ">>"), "float": self.pick("+", "-", "*", "/"), "str": self.pick("+", "+", "*"),
              "ints": "+", "tuple": "+", "dict": "|", "set": self.pick("|", "&", "-")}[kind]
        other = "int" if op == "*" and kind == "str" else self.pick("ints", "tuple", "ints") if kind == "ints" else kind
        if kind == "ints" and self.chance(0.4):
            self.line(f"{name} += [1, 2]")
            return self.line(f"{name}[{self.pick(-2, -1, 0, 1)}] {self.pick('+', '*', '-', '//')}= {self.divisor('int', 1)}")
        if op in "//%" or op == ">>":
            return self.line(f"{name} {op}= {self.shift() if op == '>>' else self.divisor(other, 1)}")
        self.line(f"{name} {op}= {self.small() if other == 'int' and kind == 'str' else self.make(other)}")

    def change(self):
        name, kind = self.own("ints", "dict", "set")
        if name is None:
            return self.assign()
        x = self.make("int")
        texts = {
            "ints": [f"{name}.append({x})", f"{name}.extend({self.make('ints')})", f"{name}.insert({self.small()}, {x})", f"{name} += [{x}]\n{self.space()}print({name}.pop())",
                     f"{name}.append({x})\n{self.space()}print({name}.pop({self.pick(-1, 0)}))", f"{name}.append({x})\n{self.space()}{name}.remove({x})",
                     f"{name}.append({x})\n{self.space()}{name}[{self.pick(-1, 0)}] = {x}", f"{name}.clear()"],
            "dict": [f"{name}[{self.make('str')}] = {x}", f"print({name}.pop({self.make('str')}, None))", f"{name}[7] = 8\n{self.space()}print({name}.popitem())",
                     f"{name}.update({self.make('dict')})", f"{name}.update(a = {x})", f"print({name}.setdefault({self.make('str')}, {x}))",
                     f"{name}[{self.make('tuple')}] = {x}", f"{name}.clear()", f"{name}[1] = {x}\n{self.space()}print({name}[1.0])"],
            "set": [f"{name}.add({x})", f"{name}.discard({x})", f"{name}.add({x})\n{self.space()}{name}.remove({x})", f"{name}.add(1)\n{self.space()}print({name}.pop())", f"{name}.update({self.make('ints')})"],
        }[kind]
        self.line(self.random.choice(texts))
        self.line(f"print({name})")

    def unpack(self):
        shape = self.pick("{0}, {1} = ({2}, {3})", "({0}, {1}) = [{2}, {3}]", "[{0}, {1}] = {2}, {3}", "{0}, ({1},) = {2}, [{3}]",
                          "{0}, {1} = ([{3}] + {4} + [{2}])[::-1][:2]", "{0}, {1} = {4}" if self.chance(0.1) else "{1}, {0} = {2}, {3}")
        a, b = self.make("int"), self.make("int")
        more = self.make("ints")
        self.line(shape.format(self.new_name("int"), self.new_name("int"), a, b, more))

    def loop(self, depth):
        self.loops += 1
        if self.chance(0.3):
            source = f"{self.make(self.pick('dict', 'ints'))}"
            head, names = f"for i{self.names}, e{self.names} in enumerate({source})", {f"i{self.names}": "int", f"e{self.names}": "int"}
        else:
            head, names = f"for i{self.names} in {self.make('ints')}[:6]", {f"i{self.names}": "int"}
        self.names += 1
        self.line(head + ":")
        self.block(self.random.randint(1, 3), depth, names)
        if self.chance(0.3):
            self.line(f"  {self.pick('break', 'continue')}")
        self.loops -= 1

    def repeat(self, depth):
        self.loops += 1
        self.names += 1
        counter = f"n{self.names}"
        self.line(f"{counter} = {self.random.randint(0, 5)}")
        self.line(f"while {counter} > 0:")
        self.line(f"  {counter} -= 1")
        self.block(self.random.randint(1, 2), depth, {counter: "int"})
        self.loops -= 1

    def branch(self, depth):
        self.line(f"if {self.make('bool')}:")
        self.block(1, depth)
        if self.chance(0.4):
            self.line(f"elif {self.make(self.pick(*TYPES))}:")
            self.block(1, depth)
        if self.chance(0.5):
            self.line("else:")
            self.block(1, depth)

    def define(self):
        self.names += 1
        kind = self.pick("int", "float", "str", "ints")
        kinds = [self.pick("int", "int", "str", "ints", "float") for _ in range(self.random.randint(0, 3))]
        required = self.random.randint(0, len(kinds))
        rest, kwargs = self.chance(0.3), self.chance(0.3)
        params = [f"p{i}" + (f" = {self.make(one)}" if i >= required else "") for i, one in enumerate(kinds)]
        params += ["*rest"] * rest + ["**more"] * kwargs
        name = f"f{self.names}"
        self.line(f"def {name}({', '.join(params)}):")
        names = {f"p{i}": one for i, one in enumerate(kinds)} | ({"rest": "tuple"} if rest else {}) | ({"more": "dict"} if kwargs else {})
        functions, self.functions = self.functions, list(self.functions)
        self.indent += 1
        self.scopes.append(names)
        self.statements(self.random.randint(0, 2), 1)
        self.line(f"return {self.make(kind)}")
        self.scopes.pop()
        self.indent -= 1
        self.functions = functions + [{"name": name, "kind": kind, "params": kinds, "required": required, "rest": rest, "kwargs": kwargs}]

    def closure(self):
        """Functions that share a variable, made in a loop."""
        self.names += 1
        n = self.names
        self.line(f"def make{n}(start):")
        self.line("  state = [start]")
        self.line("  def step(by = len(state)):")
        self.line(f"    state[0] {self.pick('+', '-', '*')}= by + {self.make('int', 3)}")
        self.line("    return state[0]")
        self.line(f"  late = [lambda: k {self.pick('+', '*')} start for k in range(3)]")
        self.line("  return step, [f() for f in late]")
        self.line(f"c{n}, l{n} = make{n}({self.make('int')})")
        self.line(f"print(c{n}(), c{n}(by = 3), c{n}(), l{n})")

    def order(self):
        """Who is evaluated first."""
        self.names += 1
        n = self.names
        self.line(f"log{n} = []")
        self.line(f"def t{n}(x):")
        self.line(f"  log{n}.append(x)")
        self.line("  return x")
        t = f"t{n}"
        ints = [self.random.randint(0, 3) for _ in range(6)]
        self.line(self.pick(
            f"print({t}({ints[0]}) + {t}({ints[1]}) * {t}({ints[2]}), {t}({ints[3]}) if {t}({ints[4]}) else {t}({ints[5]}))",
            f"print([{t}(1), {t}(2)][{t}({ints[0]})], {t}({ints[1]}) and {t}({ints[2]}) or {t}({ints[3]}))",
            f"print({{{t}(1): {t}(2), {t}(3): {t}(4)}}, {t}({ints[0]}) < {t}({ints[1]}), not {t}({ints[2]}))",
            f"[0, 1, 2][{t}({ints[0]})] = {t}({ints[1]})",
            f"{t}([0, 1, 2])[{t}({ints[0]})] += {t}({ints[1]})",
            f"print([{t}(x) for x in [1, 2, 3] if {t}(x) % 2 for y in [{t}(x), {t}(5)]])",
            f"print({t}([1, 2, 3, 4])[{t}({ints[0]}):{t}({ints[1]}):{t}({ints[2]})])",
            f"print(sorted([3, 1, 2], key = {t}), max({t}(1), {t}(2)), dict(a = {t}(1), b = {t}(2)))",
            f"a{n}, b{n} = {t}(1), {t}(2)"))
        self.line(f"print(log{n})")

    def alias(self):
        """Two names for one value."""
        self.names += 1
        n = self.names
        kind = self.pick("ints", "tuple", "dict", "set", "str")
        self.line(f"a{n} = {self.make(kind)}")
        self.line(f"b{n} = a{n}")
        op = "+" if kind in ("ints", "tuple", "str") else "|"
        self.line(f"a{n} {op}= {self.make(kind)}")
        self.line(f"print(a{n}, b{n})")
        self.line(f"a{n} = a{n} {op} {self.make(kind)}")
        self.line(f"print(a{n}, b{n})")

    def nest(self):
        """Functions within functions, each with variables of the outer ones."""
        self.names += 1
        n = self.names
        self.line(f"def outer{n}(a, b = {self.make('int')}):")
        self.line("  seen = {}")
        self.line("  def middle(c, *d):")
        self.line(f"    e = [a {self.pick('+', '*', '-')} x for x in d]")
        self.line("    def inner(f = c, **g):")
        self.line(f"      seen[str(f)] = {self.within({'a': 'int', 'b': 'int', 'c': 'int', 'e': 'ints', 'f': 'int', 'g': 'dict', 'seen': 'dict'}, 'int', 1)}")
        self.line("      return a, b, c, d, e, f, g")
        self.line("    return inner")
        self.line("  return middle, seen")
        self.line(f"m{n}, s{n} = outer{n}({self.make('int')})")
        self.line(f"print(m{n}(1)(), m{n}(2, 3, *{self.make('ints')})(z = 4), m{n}(c = 5)({self.make('int')}, **{{'y': 6}}), s{n})")

    def recursion(self):
        self.names += 1
        n = self.names
        self.line(f"memo{n} = {{}}")
        self.line(f"def r{n}(n):")
        self.line(f"  if n in memo{n}: return memo{n}[n]")
        self.line(f"  if n < {self.random.randint(1, 3)}: return {self.make('int', 2)}")
        self.line(f"  memo{n}[n] = r{n}(n - 1) {self.pick('+', '-', '*', '^')} r{n}(n - {self.random.randint(2, 3)})")
        self.line(f"  return memo{n}[n]")
        self.line(f"print(r{n}({self.random.randint(1, 12)}), memo{n})")

    def forward(self):
        """Arguments that are handed on."""
        self.names += 1
        n = self.names
        self.line(f"def to{n}(a, b = 2, *c, **d):")
        self.line("  return (a, b, c, d)")
        self.line(f"def by{n}(*args, **kwargs):")
        self.line(f"  return to{n}({self.pick('', '0, ', 'k = 1, ')}*args, **kwargs)")
        names = ", ".join(f"{name} = {self.make('int', 2)}" for name in self.random.sample(["a", "b", "c", "x"], self.random.randint(0, 2)))
        args = [self.make("int", 2) for _ in range(self.random.randint(0, 3))]
        self.line(f"print(by{n}({', '.join(args + [names] * bool(names))}), [f(7) for f in [by{n}, lambda *x, **y: (x, y), lambda p, q = {self.small()}: p + q]])")

    def rows(self):
        """Loops with several variables, and ends in their midst."""
        self.names += 1
        n = self.names
        head = self.pick("for i{0}, (j{0}, k{0}) in enumerate(zip({1}, {2}))", "for (i{0}, j{0}), k{0} in [((a, b), c) for a in {1}[:3] for b in {1}[:2] for c in {2}[:2]]",
                         "for [i{0}, j{0}, k{0}] in [(a, a, b) for a in {1} for b in {2}]").format(n, self.make("ints", 2), self.make("strs", 2))
        self.line(f"t{n} = []")
        self.line(f"def rows{n}():")
        self.line(f"  {head}:")
        self.line(f"    if {self.within({f'i{n}': 'int', f'j{n}': 'int', f'k{n}': 'str'}, 'bool', 1)}: {self.pick('continue', 'break', 'return i' + str(n), f't{n}.append(0)')}")
        self.line(f"    for u in range(3):")
        self.line(f"      if u == {self.random.randint(0, 3)}: {self.pick('break', 'continue', 'pass')}")
        self.line(f"      t{n}.append((i{n}, j{n}, k{n}, u))")
        self.line(f"    i{n} = u")
        self.line(f"print(rows{n}(), t{n}[:20])")

    def reorder(self):
        """The order of a dict's keys and a set's items, as they come and go."""
        self.names += 1
        n = self.names
        kind = self.pick("dict", "set")
        self.line(f"o{n} = {'{}' if kind == 'dict' else 'set()'}")
        for _ in range(self.random.randint(3, 9)):
            key = self.pick("1", "2.0", "2", "'a'", "'b'", "(1, 'x')", "None", "1 << 64", "0.5", self.make("str", 2), self.make("int", 2))
            if kind == "dict":
                self.line(self.pick(f"o{n}[{key}] = {self.small()}", f"o{n}[{key}] = 1", f"o{n}.pop({key}, 0)", f"o{n}.update([({key}, 3)])", f"o{n} |= {{{key}: 4}}", f"o{n}.setdefault({key}, 5)"))
            else:
                self.line(self.pick(f"o{n}.add({key})", f"o{n}.add({key})", f"o{n}.discard({key})", f"o{n} |= set([{key}, 3])", f"o{n} ^= set([{key}])", f"o{n} &= set(list(o{n})[1:])"))
        self.line(f"print(o{n}, len(o{n}), [k for k in o{n}], {key} in o{n})")


PLAIN = {"int": "4", "float": "0.5", "str": '"s"', "bool": "True", "ints": "[5, 6]", "strs": '["s", "t"]', "tuple": "(7, 8)",
         "dict": '{"k": 9}', "set": "set([3])"}


class Program:
    """A program; a statement that fails ends it, so there is a way to leave that one out."""

    def __init__(self, seed):
        generator = Generator(seed)
        generator.statements(generator.random.randint(3, 12))
        generator.show()
        self.lines = "\n".join(generator.lines).split("\n")
        self.kinds = generator.kinds
        self.expressions = generator.expressions

    @property
    def text(self):
        return "\n".join(self.lines)

    def leave_out(self, line):
        """Puts plain values in place of what the statement of the top level at that line makes; False when others depend on it."""
        begin = line - 1
        while begin > 0 and self.lines[begin].startswith(" "):
            begin -= 1
        end = line
        while end < len(self.lines) and (self.lines[end].startswith((" ", "else:", "elif "))):
            end += 1
        statement = self.lines[begin]
        targets = re.fullmatch(r"([\[(]*v\d+[\w,()\[\] ]*) = .*", statement)
        names = re.findall(r"v\d+", targets[1]) if targets else []
        if not targets and not re.match(r"print\(|v\d+\W|for |while |if |n\d+ ", statement):
            return False
        if any(name not in self.kinds for name in names):
            return False
        self.lines[begin:end] = ["; ".join(f"{name} = {PLAIN[self.kinds[name]]}" for name in names) or "pass"]
        return True
