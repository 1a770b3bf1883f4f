"""Types of columns and their random values, as text that the type's input function takes.

A type's family says which expressions of grammar.py take it.
"""


class Type:
    def __init__(self, name, family, make):
        self.name, self.family, self.make = name, family, make


# What the types need, made once in the schema of a case.
PREPARE = [
    "CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy', 'Very Happy')",
    "CREATE TYPE pair AS (a int, b text)",
    "CREATE DOMAIN small AS int CHECK (VALUE BETWEEN -100000 AND 100000)",
    "CREATE DOMAIN word AS text CHECK (VALUE <> 'forbidden')",
    "CREATE COLLATION ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false)",
]


def small_int(r):
    return r.choice([r.randint(-4, 4), r.randint(-4, 4), r.randint(0, 40), r.randint(-9999, 9999)])


def ints(low, high):
    return lambda r: r.choice([low, high, 0, 1, -1]) if r.random() < .04 else small_int(r)


def numeric(r):
    return r.choice(["0", "1", "1.0", "1.00", "-0.50", f"{r.randint(-99, 99)}.{r.randint(0, 99):02}",
                     f"{r.randint(-10**6, 10**6)}", "NaN" if r.random() < .1 else "2.5",
                     r.choice(["1e40", "-1e-30", "Infinity", "123456789012345678901234567890.123"])
                     if r.random() < .15 else "7"])


def wild(r):
    return r.choice(["0", "-0", "NaN", "Infinity", "-Infinity", "1e30", "-1e-30", str(r.randint(-8, 8) / 4)])


def tame(r):
    """Sums of multiples of a quarter are exact in any order."""
    return str(r.randint(-400, 400) / 4)


def text(r):
    x = r.random()
    if x < .05:
        return r.choice("xyzä") * r.choice([100, 2000, 9000])
    if x < .3:
        return r.choice(["", " ", "a", "A", "ä", "a ", "back\\slash", "tab\there", "it's", 'quo"te', "two\nlines", "\\N",
                         "NULL", "null", ",", "{}", "(1,2)", "42", "-7", "1.5", "\U0001f600", "e\u0301"])
    return r.choice("abckv") + str(r.randint(0, 15))


def short(most):
    def make(r):
        v = text(r)
        return v if len(v) <= most else v[:most].rstrip("\\")
    return make


def date(r):
    if r.random() < .04:
        return r.choice(["infinity", "-infinity", "0001-01-01", "2000-02-29", "9999-12-31"])
    return f"2026-0{r.randint(1, 3)}-{r.randint(1, 28):02}"


def clock(r):
    return r.choice(["00:00:00", "23:59:59.999999", f"{r.randint(0, 23):02}:{r.randint(0, 59):02}:{r.randint(0, 59):02}"])


def timestamp(zone):
    def make(r):
        if r.random() < .02:
            return r.choice(["infinity", "-infinity", "1969-12-31 23:59:59.999999" + zone, "2000-01-01 00:00:00" + zone])
        if r.random() < .05:
            return f"20{r.randint(0, 25):02}-0{r.randint(1, 9)}-11 10:20:30" + zone
        return (f"2026-03-0{r.randint(1, 2)} {r.randint(0, 3):02}:{r.randint(0, 59):02}:{r.randint(0, 59):02}"
                f"{r.choice(['', '.5', '.123456'])}" + zone)
    return make


def interval(r):
    return r.choice(["0", "1 day", "24 hours", "30 days", "1 mon", "-1 day", f"{r.randint(-90, 90)} minutes",
                     f"{r.randint(-3, 3)} days {r.randint(-90, 90)} seconds"])


def uuid(r):
    return f"00000000-0000-0000-0000-{r.randint(0, 20):012x}"


def jsonb(r):
    return r.choice(['{"a": 1}', '{"a": 1.0}', '{"a": "x", "b": [1, 2]}', "[]", "[1, 2]", "null", '"s"', "true",
                     f'{{"a": {r.randint(0, 5)}, "b": "{r.choice("xyz")}"}}', f'{{"k": {r.randint(0, 3)}}}'])


def int_array(r):
    return r.choice(["{}", "{1}", "{1,2}", "{1,NULL}", "{{1,2},{3,4}}", "[0:1]={1,2}", f"{{{r.randint(0, 9)},{r.randint(0, 9)}}}"])


def int_range(r):
    low = r.randint(-5, 5)
    return r.choice(["empty", "(,)", f"[{low},{low + 3})", f"[{low},{low}]", f"[{low},)"])


TYPES = [
    Type("int2", "int", ints(-2**15, 2**15 - 1)),
    Type("int4", "int", ints(-2**31, 2**31 - 1)),
    Type("int4", "int", small_int),
    Type("int8", "int", ints(-2**63, 2**63 - 1)),
    Type("small", "int", small_int),
    Type("numeric", "num", numeric),
    Type("numeric(12,3)", "num", lambda r: f"{r.randint(-10**6, 10**6) / 1000}"),
    Type("float8", "tame", tame),
    Type("float4", "tame", tame),
    Type("float8", "wild", wild),
    Type("float4", "wild", wild),
    Type("text", "text", text),
    Type("text", "text", text),
    Type("varchar(12)", "text", short(12)),
    Type("word", "text", text),
    Type("char(5)", "char", short(5)),
    Type("text COLLATE ci", "ci", lambda r: r.choice(["abc", "ABC", "aBc", "x", "X", "", "Über", "über"])),
    Type("bool", "bool", lambda r: r.choice("tf")),
    Type("date", "date", date),
    Type("time", "time", clock),
    Type("timestamp", "ts", timestamp("")),
    Type("timestamptz", "tstz", timestamp("+00")),
    Type("interval", "interval", interval),
    Type("uuid", "uuid", uuid),
    Type("bytea", "bytea", lambda r: r.choice(["\\x", "\\x00", "\\x00ff", "\\xdeadbeef", f"\\x{r.randint(0, 15):02x}"])),
    Type("jsonb", "jsonb", jsonb),
    Type("inet", "inet", lambda r: r.choice(["10.0.0.1", "10.0.0.1/24", "10.0.0.0/8", "::1", f"192.168.0.{r.randint(0, 9)}"])),
    Type("int[]", "array", int_array),
    Type("text[]", "tarray", lambda r: r.choice(["{}", "{a}", '{a,NULL,"b c"}', '{"",x}', f"{{k{r.randint(0, 5)}}}"])),
    Type("mood", "enum", lambda r: r.choice(["sad", "ok", "happy", "Very Happy"])),
    Type("int4range", "range", int_range),
    Type("pair", "pair", lambda r: f'({r.choice(["", "1", "2"])},{r.choice(["", "a", chr(34) * 2])})'),
    Type("bit(3)", "bit", lambda r: r.choice(["000", "101", "111"])),
]
