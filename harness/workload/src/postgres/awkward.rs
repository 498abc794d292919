//! Values that have broken a copy somewhere: each list holds one value for each way of being read wrongly.

/// Texts: empty, SQL-looking, COPY-looking, composed and decomposed accents, right-to-left, joined emoji, controls.
pub(super) const TEXTS: &[&str] = &[
    "Anna",
    "",
    "José",
    "Jose\u{301}",
    "O'Brien",
    "\\N",
    "NULL",
    "\\.",
    "李小龍",
    "محمد",
    "👩\u{200d}🚀 Ada",
    "tab\there",
    "two\nlines",
    "dos\r\nlines",
    "C:\\temp\\new",
    "\"quoted\"",
    " leading and trailing ",
    "'; DROP TABLE users; --",
    "\u{feff}mark",
    "zero\u{200b}width",
    "%s {0} ${x}",
    "{a,\"b\",NULL}",
    "İstanbul ẞ ﬁ",
    "\u{1}\u{7f}",
    "𝒳𝒴𝒵",
    "<tag attr=\"1\">&amp;</tag>",
    "Łukasz",
    "Σίσυφος",
];
/// double precision.
pub(super) const DOUBLES: &[&str] = &[
    "NaN",
    "Infinity",
    "-Infinity",
    "-0",
    "0",
    "0.1",
    "1.7976931348623157e+308",
    "4.9e-324",
    "123456789.12345679",
];
/// numeric(38,10), none negative.
pub(super) const AMOUNTS: &[&str] = &[
    "0",
    "0.0000000001",
    "9999999999999999999999999999.9999999999",
    "12345678901234567890.1234567891",
    "NaN",
    "1.10",
];
/// interval.
pub(super) const INTERVALS: &[&str] = &[
    "1 year 2 mons -3 days +04:05:06.789",
    "-00:00:00.000001",
    "100000 years",
    "00:00:00",
    "30 days",
    "1 mon",
    "720:00:00",
];
/// timestamp with time zone.
pub(super) const TIMES: &[&str] = &[
    "infinity",
    "-infinity",
    "0044-03-15 12:00:00+00 BC",
    "294276-12-31 23:59:59.999999+00",
    "1970-01-01 00:00:00+00",
    "2024-10-27 02:30:00.000001+02",
];
/// tstzrange.
pub(super) const RANGES: &[&str] = &[
    "[\"2025-01-01 00:00:00+00\",\"2025-02-01 00:00:00+00\")",
    "empty",
    "(,)",
    "[\"2025-01-01 00:00:00+00\",infinity]",
    "(,\"2024-12-31 23:59:59.999999+00\"]",
];
/// inet.
pub(super) const ADDRESSES: &[&str] =
    &["10.0.0.1", "192.168.1.5/24", "::1", "2001:db8::ff00:42:8329/64", "0.0.0.0/0"];
/// jsonb: JSON null against SQL NULL, scalars, numbers beyond a double, escapes.
pub(super) const JSONB: &[&str] = &[
    "{}",
    "null",
    "[]",
    "\"text\"",
    "{\"a\":1,\"a\":2,\"n\":[true,null,1.50,12345678901234567890.10]}",
    "{\"\":\"\",\"é\":\"\\u00e9\\n\\\"\",\"key\":9007199254740993}",
    "{\"deep\":{\"deep\":{\"deep\":[[[{\"x\":1E+30}]]]}}}",
    "-0.0",
];
/// json, which keeps spacing, order, duplicate keys and escapes as written.
pub(super) const JSON: &[&str] = &[
    "{ \"a\" : 1,  \"a\":2 }",
    "  [ 1 ,\n\t2 ]  ",
    "{\"nul\":\"\\u0000\",\"é\":\"\\u00E9\"}",
    "null",
    "{\"b\":1,\"a\":1.00e+2}",
    "\"\"",
];
/// bigint, around the limits of a double and of the type.
pub(super) const BIGINTS: &[i64] =
    &[0, -1, 9_007_199_254_740_993, 2_251_799_813_685_249, i64::MAX, i64::MIN, -9_007_199_254_740_993];
