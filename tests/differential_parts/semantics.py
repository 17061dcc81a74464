"""Runs a Starlark program by CPython: where the two languages differ, the difference is written down here.

The program is parsed as Python, and operators, calls and displays that mean something else in Starlark become calls of the functions
below. What is not worth modelling raises Skip: nothing is said of the program from there on.
"""
import ast
import math
import operator
import re
import warnings

MOST_BITS = 40_000
MOST_ITEMS = 20_000
MAX_SHIFT = 512


class Skip(Exception):
    """From here on the languages may differ."""


class Failed(Exception):
    """Starlark gives an error where Python does not."""


class StarSet:
    """A set that keeps the order in which its items came."""

    def __init__(self, items=()):
        items = list(items)
        if any(is_nan(item) or has_bool(item) for item in items):
            raise Skip  # 1 and True are two items of a set in Starlark
        self.items = dict.fromkeys(items)

    def __iter__(self):
        return iter(self.items)

    def __len__(self):
        return len(self.items)

    def __contains__(self, item):
        return item in self.items

    def __eq__(self, other):
        return isinstance(other, StarSet) and self.items.keys() == other.items.keys()

    __hash__ = None

    def combined(self, op, other):
        a, b = self.items, other.items
        if op == "|":
            return StarSet([*a, *b])
        if op == "&":
            return StarSet(x for x in a if x in b)
        if op == "-":
            return StarSet(x for x in a if x not in b)
        return StarSet([*(x for x in a if x not in b), *(x for x in b if x not in a)])

    # Methods of Starlark's sets.
    def add(self, item):
        self.items[item] = None

    def remove(self, item):
        del self.items[item]

    def discard(self, item):
        hash(item)
        self.items.pop(item, None)

    def pop(self):
        item = next(iter(self.items), self)
        if item is self:
            raise Failed("empty set")
        del self.items[item]
        return item

    def clear(self):
        self.items.clear()

    def union(self, *others):
        return StarSet([*self, *(x for other in others for x in iterable(other))])

    def update(self, *others):
        for other in others:
            self.items.update(dict.fromkeys(list(iterable(other))))

    def intersection(self, *others):
        result = self
        for other in others:
            result = result.combined("&", StarSet(iterable(other)))
        return StarSet(result)

    def difference(self, *others):
        result = self
        for other in others:
            result = result.combined("-", StarSet(iterable(other)))
        return StarSet(result)

    def symmetric_difference(self, other):
        return self.combined("^", StarSet(iterable(other)))

    def issubset(self, other):
        return self.items.keys() <= StarSet(iterable(other)).items.keys()

    def issuperset(self, other):
        return self.items.keys() >= StarSet(iterable(other)).items.keys()


# --- text

def float_text(value):
    if math.isnan(value):
        return "nan"
    if math.isinf(value):
        return "+inf" if value > 0 else "-inf"
    sign, digits, exponent = re.fullmatch(r"(-?)([\d.]+)(?:e([+-]\d+))?", repr(value)).groups()
    whole, _, fraction = digits.partition(".")
    point = len(whole) + int(exponent or 0)
    digits = whole + fraction
    leading = len(digits) - len(digits.lstrip("0"))
    digits = digits.lstrip("0").rstrip("0") or "0"
    power = point - leading - 1 if value != 0 else 0
    if power < -4 or power >= 6:
        return f"{sign}{digits[0]}{'.' if len(digits) > 1 else ''}{digits[1:]}e{'-' if power < 0 else '+'}{abs(power):02}"
    if power < 0:
        return f"{sign}0.{'0' * (-power - 1)}{digits}"
    whole = digits[:power + 1].ljust(power + 1, "0")
    return f"{sign}{whole}.{digits[power + 1:] or '0'}"


ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\a": "\\a", "\b": "\\b", "\f": "\\f", "\v": "\\v"}


def quoted(text):
    return '"' + "".join(ESCAPES.get(c) or (c if c.isprintable() else f"\\x{ord(c):02x}") for c in text) + '"'


def star_repr(value, open_containers=()):
    if value is None or isinstance(value, (bool, int, range)):
        return repr(value)
    if isinstance(value, float):
        return float_text(value)
    if isinstance(value, str):
        return quoted(value)
    inner = (*open_containers, id(value))
    if id(value) in open_containers:
        return {list: "[...]", dict: "{...}", tuple: "(...)"}.get(type(value), "...")
    if isinstance(value, dict):
        return "{" + ", ".join(f"{star_repr(k, inner)}: {star_repr(v, inner)}" for k, v in value.items()) + "}"
    if not isinstance(value, (list, tuple, StarSet)):
        raise Skip
    items = ", ".join(star_repr(item, inner) for item in value)
    if isinstance(value, list):
        return f"[{items}]"
    if isinstance(value, StarSet):
        return f"set([{items}])"
    return f"({items},)" if len(value) == 1 else f"({items})"


def star_str(value):
    return value if isinstance(value, str) else star_repr(value)


# --- operators

def has_bool(value):
    if isinstance(value, (list, tuple)):
        return any(has_bool(item) for item in value)
    if isinstance(value, dict):
        return any(has_bool(item) for item in value.values())
    return isinstance(value, bool)


def is_nan(value):
    return isinstance(value, float) and math.isnan(value)


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def checked(value):
    """A result within what this model is good for."""
    if is_nan(value) or (isinstance(value, int) and value.bit_length() > MOST_BITS):
        raise Skip
    if isinstance(value, (list, tuple, str)) and len(value) > MOST_ITEMS:
        raise Skip
    return value


def float_divide(op, a, b):
    a, b = float(a), float(b)
    if b == 0:
        raise Failed("division by zero")
    if op == "/":
        return a / b
    if op == "//":
        quotient = a / b
        return float(math.floor(quotient)) if math.isfinite(quotient) and quotient != 0 else quotient
    if math.isinf(a):
        raise Skip
    rest = math.fmod(a, b)
    return rest + b if rest != 0 and (rest < 0) != (b < 0) else rest


def numbers(op, a, b):
    if op == "/" or (op in ("//", "%") and (isinstance(a, float) or isinstance(b, float))):
        return float_divide(op, a, b)
    if op == "<<" and isinstance(b, int) and b >= MAX_SHIFT:
        raise Failed("shift count too large")
    if op == "*" and isinstance(a, int) and isinstance(b, int) and a.bit_length() + b.bit_length() > MOST_BITS:
        raise Skip
    return OPERATORS[op](a, b)


def repeated(sequence, count):
    if len(sequence) * max(count, 0) > MOST_ITEMS:
        raise Skip
    return sequence * count


OPERATORS = {"+": operator.add, "-": operator.sub, "*": operator.mul, "//": operator.floordiv, "%": operator.mod, "&": operator.and_,
             "|": operator.or_, "^": operator.xor, "<<": operator.lshift, ">>": operator.rshift}


def binary(op, a, b):
    if is_number(a) and is_number(b):
        return checked(numbers(op, a, b))
    if op == "%" and isinstance(a, str):
        return checked(percent(a, b))
    if op == "+" and type(a) is type(b) and isinstance(a, (str, list, tuple)):
        return checked(a + b)
    if op == "*" and isinstance(a, (str, list, tuple)) and type(b) is int:
        return repeated(a, b)
    if op == "*" and type(a) is int and isinstance(b, (str, list, tuple)):
        return repeated(b, a)
    if op == "|" and isinstance(a, dict) and isinstance(b, dict):
        return a | b
    if op in "|&^-" and isinstance(a, StarSet) and isinstance(b, StarSet):
        return a.combined(op, b)
    raise Failed(f"{a!r} {op} {b!r}")


def in_place(op, a, b):
    """x op= y for an x that was read already."""
    if op == "+" and isinstance(a, list) and not isinstance(b, str):
        a.extend(list(iterable(b)))
        return checked(a)
    if op == "|" and isinstance(a, dict) and isinstance(b, dict):
        a.update(b)
        return a
    if op in "|&^-" and isinstance(a, StarSet) and isinstance(b, StarSet):
        a.items = a.combined(op, b).items
        return a
    return binary(op, a, b)


def in_place_item(container, key, op, value):
    old = index(container, key)
    container[key] = in_place(op, old, value())


def unary(op, a):
    if op == "not":
        return not truth(a)
    if not is_number(a) or (op == "~" and isinstance(a, float)):
        raise Failed(f"{op}{a!r}")
    return {"-": operator.neg, "+": operator.pos, "~": operator.invert}[op](a)


def truth(value):
    return len(value) > 0 if isinstance(value, StarSet) else bool(value)


def plain(*values):
    """What both languages compare alike: a bool is no number in Starlark, and NaN has an order."""
    if any(is_nan(value) or has_bool(value) or holds_set(value) for value in values):
        raise Skip


def holds_set(value):
    return isinstance(value, (list, tuple)) and any(isinstance(item, StarSet) or holds_set(item) for item in value)


def equal(a, b):
    if isinstance(a, bool) or isinstance(b, bool):
        return type(a) is type(b) and a == b
    plain(a, b)
    return a == b


def compare(op, a, b):
    if op in ("==", "!="):
        return equal(a, b) == (op == "==")
    if op in ("in", "not in"):
        return contains(b, a) == (op == "in")
    if isinstance(a, StarSet) and isinstance(b, StarSet):
        a, b = a.items.keys(), b.items.keys()
    elif type(a) is not bool or type(b) is not bool:
        plain(a, b)
    return {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}[op](a, b)


def contains(container, item):
    if isinstance(container, (list, tuple)):
        return any(equal(item, one) for one in container)
    plain(item)
    if isinstance(container, range) and not is_number(item):
        raise Failed("in range")
    return item in container


def index(container, key):
    if isinstance(key, bool) or isinstance(container, StarSet):
        raise Failed("index")
    return container[key]


def part(container, *bounds):
    if any(isinstance(bound, bool) for bound in bounds):
        raise Failed("slice")
    return container[slice(*bounds)]


# --- formats

def percent(text, args):
    operands = list(args) if isinstance(args, tuple) else [args]
    mapping = isinstance(args, dict)
    out = []
    at = used = 0
    while at < len(text):
        c = text[at]
        at += 1
        if c != "%":
            out.append(c)
            continue
        if text[at:at + 1] == "%":
            out.append("%")
            at += 1
            continue
        if text[at:at + 1] == "(":
            close = text.index(")", at)
            operand = args[text[at + 1:close]] if mapping else operands[len(operands)]
            at = close + 1
        else:
            operand = operands[used]
            used += 1
        out.append(converted(text[at], operand))
        at += 1
    if used < len(operands) and not mapping:
        raise Failed("too many arguments for format string")
    return "".join(out)


def ascii_of(code):
    if code > 127:
        raise Skip  # strings are of bytes in Starlark
    return chr(code)


def converted(conversion, value):
    if conversion == "%":
        return "%"
    if conversion == "s":
        return star_str(value)
    if conversion == "r":
        return star_repr(value)
    if conversion == "c":
        if isinstance(value, str) and len(value) == 1:
            return value
        if type(value) is int and 0 <= value < 0x110000:
            return ascii_of(value)
        raise Failed("%c")
    if not is_number(value):
        raise Failed("format wants a number")
    if conversion in "dioxX":
        return {"d": "{}", "i": "{}", "o": "{:o}", "x": "{:x}", "X": "{:X}"}[conversion].format(math.trunc(value))
    value = float(value)
    if conversion in "gG":
        text = float_text(value)
        return text.replace("e", "E") if conversion == "G" and math.isfinite(value) else text
    if conversion not in "eEfF" or not math.isfinite(value):
        raise Skip
    return f"%{conversion}" % value


class Argument:
    """An argument of str.format, with Starlark's texts."""

    def __init__(self, value):
        self.value = value

    def __str__(self):
        return star_str(self.value)

    def __repr__(self):
        return star_repr(self.value)

    def __format__(self, spec):
        if spec:
            raise Failed("format spec")
        return star_str(self.value)


# --- functions

def iterable(value):
    if isinstance(value, str):
        raise Failed("a string is not iterable")
    if isinstance(value, range) and (abs(value.start - value.stop) > 2**62 or len(value) > MOST_ITEMS):
        raise Skip
    return iter(value)


def printed(*values, sep=" "):
    OUT.append(sep.join(star_str(value) for value in values))


OUT = []


def star_int(x=0, base=None):
    if isinstance(x, str):
        base = 10 if base is None else base
        if not re.fullmatch(r"[+-]?[0-9a-zA-Z]+", x):
            raise Failed("int")
        return int(x, base)
    return int(x) if base is None else int(x, base)


def star_float(x=0.0):
    if isinstance(x, str):
        if not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", x):
            raise Failed("float") if not re.search("[a-zA-Z_ ]", x) else Skip
        if math.isinf(float(x)):
            raise Failed("too large")
    return float(x)


def star_abs(x):
    if not is_number(x):
        raise Failed("abs")
    return abs(x)


def star_sorted(items, key=None, reverse=False):
    items = list(iterable(items))
    keys = [key(item) for item in items] if key else items
    plain(*keys)
    if any(isinstance(one, StarSet) for one in keys):
        raise Skip
    rows = sorted(range(len(items)), key=lambda i: keys[i], reverse=reverse)
    return [items[i] for i in rows]


def extreme(which):
    def function(*args, key=None):
        items = list(iterable(args[0])) if len(args) == 1 else list(args)
        keys = [key(item) if key else item for item in items]
        if len(keys) > 1:
            plain(*keys)
        if any(isinstance(one, StarSet) for one in keys):
            raise Skip
        return items[which(range(len(items)), key=lambda i: keys[i])]
    return function


def star_range(*args):
    if any(type(arg) is not int or not -2**63 <= arg < 2**63 for arg in args):
        raise Failed("range")
    return range(*args)


def star_enumerate(items, start=0):
    if isinstance(start, bool):
        raise Failed("enumerate")
    return list(enumerate(iterable(items), start))


def star_len(value):
    return len(value)


def usual_key(key):
    if has_bool(key):
        raise Skip  # 1 and True are two keys of a dict in Starlark
    return key


def star_dict(*pairs, **kwargs):
    result = {}
    for source in pairs:
        if isinstance(source, dict):
            result.update(source)
            continue
        for pair in iterable(source):
            key, value = iterable(pair)
            result[usual_key(key)] = value
    return {**result, **kwargs}


TYPE_NAMES = {type(None): "NoneType", bool: "bool", int: "int", float: "float", str: "string", list: "list", tuple: "tuple", dict: "dict",
              range: "range", StarSet: "set"}


def star_type(value):
    return TYPE_NAMES.get(type(value), "function")


def star_ord(text):
    return ord(text)


BUILTINS = {
    "print": printed, "str": star_str, "repr": star_repr, "int": star_int, "float": star_float, "bool": lambda x=False: truth(x),
    "abs": star_abs, "sorted": star_sorted, "min": extreme(min), "max": extreme(max), "range": star_range, "len": star_len,
    "list": lambda x=(): list(iterable(x)), "tuple": lambda x=(): tuple(iterable(x)), "set": lambda x=(): StarSet(iterable(x)),
    "dict": star_dict, "zip": lambda *x: list(zip(*map(iterable, x))), "enumerate": star_enumerate,
    "reversed": lambda x: list(iterable(x))[::-1], "any": lambda x: any(map(truth, iterable(x))),
    "all": lambda x: all(map(truth, iterable(x))), "type": star_type, "ord": star_ord, "chr": lambda x: ascii_of(x) if type(x) is int and x >= 0 else chr(x),
}


# --- methods

def no_bool(*values):
    if any(isinstance(value, bool) for value in values):
        raise Skip


def method_find(name, text, part, *bounds):
    no_bool(*bounds)
    start = bounds[0] if bounds and bounds[0] is not None else 0
    if not part and (start > len(text) or len(bounds) > 1):
        raise Skip
    return getattr(text, name)(part, *bounds)


def method_strip(name, text, cut=None):
    return getattr(text, name)(None if cut == "" else cut)


def method_splitlines(text, keep=False):
    lines = text.split("\n")
    lines = [line + "\n" for line in lines[:-1]] + [lines[-1]] if keep else lines
    return lines if lines[-1] else lines[:-1]


def method_popitem(value):
    for key in value:
        return key, value.pop(key)
    raise Failed("empty dict")


def method_update(value, *pairs, **kwargs):
    value.update(star_dict(*pairs, **kwargs))


def list_position(name, value, item, *bounds):
    no_bool(*bounds)
    plain(item, *value)
    return getattr(value, name)(item, *bounds)


METHODS = {
    **{(str, name): (lambda text, *args, name=name: method_find(name, text, *args))
       for name in ("find", "rfind", "index", "rindex", "count", "startswith", "endswith")},
    **{(str, name): (lambda text, *args, name=name: method_strip(name, text, *args)) for name in ("strip", "lstrip", "rstrip")},
    **{(str, name): getattr(str, name)
       for name in ("lower", "upper", "capitalize", "title", "isalpha", "isalnum", "isdigit", "isspace", "islower", "isupper", "istitle",
                    "split", "rsplit", "replace", "partition", "rpartition", "removeprefix", "removesuffix")},
    (str, "join"): lambda text, items: text.join(list(iterable(items))),
    (str, "splitlines"): method_splitlines,
    (str, "format"): lambda text, *args, **kwargs: text.format(*map(Argument, args), **{k: Argument(v) for k, v in kwargs.items()}),
    **{(list, name): getattr(list, name) for name in ("append", "clear", "insert", "pop")},
    (list, "extend"): lambda value, items: value.extend(list(iterable(items))),
    (list, "index"): lambda value, *args: list_position("index", value, *args),
    (list, "remove"): lambda value, *args: list_position("remove", value, *args),
    (dict, "clear"): dict.clear,
    **{(dict, name): (lambda value, key, *args, name=name: getattr(value, name)(usual_key(key), *args)) for name in ("get", "pop", "setdefault")},
    (dict, "keys"): lambda value: list(value.keys()),
    (dict, "values"): lambda value: list(value.values()),
    (dict, "items"): lambda value: list(value.items()),
    (dict, "popitem"): method_popitem,
    (dict, "update"): method_update,
    **{(StarSet, name): getattr(StarSet, name)
       for name in ("add", "remove", "discard", "pop", "clear", "union", "update", "intersection", "difference", "symmetric_difference",
                    "issubset", "issuperset")},
}


def receiver(value, name):
    """What has that method: looked for before the arguments are evaluated."""
    if (type(value), name) not in METHODS:
        raise Failed(f"no method {name}")
    return value


def method(value, name, *args, **kwargs):
    no_bool(*(args if isinstance(value, str) and name not in ("splitlines", "format") else ()))
    if name in ("pop", "insert") and isinstance(value, list):
        no_bool(*args[:1])
    return METHODS[type(value), name](value, *args, **kwargs)


def display(*pairs):
    result = {}
    for key, value in pairs:
        if usual_key(key) in result:
            raise Failed("duplicate key")
        result[key] = value
    return result


def unpackable(value):
    return list(iterable(value))


SYMBOLS = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%", ast.BitAnd: "&", ast.BitOr: "|",
           ast.BitXor: "^", ast.LShift: "<<", ast.RShift: ">>", ast.USub: "-", ast.UAdd: "+", ast.Invert: "~", ast.Not: "not",
           ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.In: "in", ast.NotIn: "not in"}


def call(function, *args):
    return ast.Call(ast.Name(function, ast.Load()), list(args), [])


def symbol(op):
    return ast.Constant(SYMBOLS[type(op)])


class Translator(ast.NodeTransformer):
    """Replaces what means something else in Starlark by calls of the functions above."""

    def visit_BinOp(self, node):
        self.generic_visit(node)
        return call("_binary", symbol(node.op), node.left, node.right)

    def visit_UnaryOp(self, node):
        self.generic_visit(node)
        return call("_unary", symbol(node.op), node.operand)

    def visit_Compare(self, node):
        self.generic_visit(node)
        return call("_compare", symbol(node.ops[0]), node.left, node.comparators[0])

    def visit_Subscript(self, node):
        self.generic_visit(node)
        if not isinstance(node.ctx, ast.Load):
            node.slice = call("_key", node.slice)
            return node
        if isinstance(node.slice, ast.Slice):
            bounds = (node.slice.lower, node.slice.upper, node.slice.step)
            return call("_slice", node.value, *(bound or ast.Constant(None) for bound in bounds))
        return call("_index", node.value, node.slice)

    def visit_DictComp(self, node):
        self.generic_visit(node)
        node.key = call("_key", node.key)
        return node

    def visit_Dict(self, node):
        self.generic_visit(node)
        return call("_display", *(ast.Tuple([k, v], ast.Load()) for k, v in zip(node.keys, node.values)))

    def visit_Call(self, node):
        self.generic_visit(node)
        if not isinstance(node.func, ast.Attribute):
            return node
        name = ast.Constant(node.func.attr)
        result = call("_method", call("_receiver", node.func.value, name), name, *node.args)
        result.keywords = node.keywords
        return result

    def visit_Starred(self, node):
        self.generic_visit(node)
        node.value = call("_iterable", node.value)
        return node

    def visit_Assign(self, node):
        self.generic_visit(node)
        if isinstance(node.targets[0], (ast.Tuple, ast.List)):
            node.value = call("_unpackable", node.value)
        return node

    def visit_AugAssign(self, node):
        self.generic_visit(node)
        target = node.target
        if isinstance(target, ast.Name):
            value = call("_in_place", symbol(node.op), ast.Name(target.id, ast.Load()), node.value)
            return ast.copy_location(ast.Assign([target], value), node)
        later = ast.Lambda(ast.arguments([], [], None, [], [], None, []), node.value)
        return ast.copy_location(ast.Expr(call("_in_place_item", target.value, target.slice, symbol(node.op), later)), node)

    def visit_For(self, node):
        self.generic_visit(node)
        node.iter = call("_iterable", node.iter)
        return node

    def visit_comprehension(self, node):
        self.generic_visit(node)
        node.iter = call("_iterable", node.iter)
        return node


HELPERS = {"_binary": binary, "_unary": unary, "_compare": compare, "_index": index, "_slice": part, "_display": display, "_key": usual_key, "_method": method, "_receiver": receiver,
           "_unpackable": unpackable, "_in_place": in_place, "_in_place_item": in_place_item, "_iterable": iterable}


def failing_line(error):
    """The line of the program's top level that came to an error."""
    frame = error.__traceback__
    while frame is not None and frame.tb_frame.f_code.co_filename != "chunk":
        frame = frame.tb_next
    return frame.tb_lineno if frame else 0


def run(text):
    """(lines printed, "ok" | "failed" | "skipped", why, line of the top level that failed or was left out) of a program."""
    OUT.clear()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # calls of what is no function and the like are meant
        tree = ast.fix_missing_locations(Translator().visit(ast.parse(text)))
        code = compile(tree, "chunk", "exec")
    try:
        exec(code, {"__builtins__": {}, **BUILTINS, **HELPERS})
    except (Skip, RecursionError) as error:  # the model recurses where a value holds itself
        return list(OUT), "skipped", "", failing_line(error)
    except OverflowError as error:
        # What CPython cannot hold in a machine word says nothing of Starlark; what a float cannot hold does.
        return list(OUT), "failed" if "float" in str(error) else "skipped", str(error), failing_line(error)
    except (Failed, ArithmeticError, LookupError, NameError, TypeError, ValueError, AttributeError, StopIteration) as error:
        return list(OUT), "failed", f"{type(error).__name__}: {error}", failing_line(error)
    return list(OUT), "ok", "", 0
