use super::*;

fn form(json: &str) -> Vec<u8> {
    let mut out = Vec::new();
    Canonical::default().write(json, &mut out).unwrap_or_else(|e| panic!("{json}: {e}"));
    out
}

#[test]
fn equal_texts() {
    for (a, b) in [
        (r#"{"a":1,"b":[1,2]}"#, " {\"b\" : [1 ,2],\n\"a\":1}"),
        (r#""\u00e9\/""#, "\"é/\""),
        (r#""\ud83d\ude00""#, "\"😀\""),
        ("1e21", "1.0E21"),
        ("[-0]", "[0]"),
        ("0.1000", "0.1"),
        ("123456789.123456789012345", "1.2345678912345679E8"),
        (r#"{"a":{"z":1,"y":{"q":2,"p":[]}},"A":0}"#, r#"{"A":0,"a":{"y":{"p":[],"q":2},"z":1}}"#),
        ("\"\\u0041\\n\"", "\"A\\u000a\""),
    ] {
        assert_eq!(form(a), form(b), "{a} {b}");
    }
}

#[test]
fn different_texts() {
    let all = [
        "1",
        "1.0",
        "0",
        "-0.0",
        "0.0",
        "null",
        "true",
        "false",
        "\"\"",
        "[]",
        "{}",
        "\"1\"",
        "[[]]",
        "[1,2]",
        "[2,1]",
        "[12]",
        r#"{"a":null}"#,
        r#"{"a":1,"a":2}"#,
        r#"{"a":2,"a":1}"#,
        r#"{"a":1}"#,
        "9007199254740993",
        "9007199254740992",
        "18446744073709551617",
        "18446744073709551618",
        "1e400",
        "1e401",
        r#""\ud800""#,
        r#""\udc00""#,
        "\"\u{fffd}\"",
        r#"{"":{}}"#,
        r#"{"a":[]}"#,
        r#"{"a":{}}"#,
        r#"["a","b"]"#,
        r#"{"a":"b"}"#,
        r#"["ab"]"#,
        "[null]",
        "\"a\"",
        "\"A\"",
        "\"a \"",
    ];
    for (i, a) in all.iter().enumerate() {
        for b in &all[i + 1..] {
            assert_ne!(form(a), form(b), "{a} {b}");
        }
    }
}

#[test]
fn invalid_texts() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    for json in [
        "",
        " ",
        "{",
        "[1,]",
        "{\"a\":}",
        "{\"a\"}",
        "01",
        "1.",
        ".5",
        "1e",
        "-",
        "+1",
        "tru",
        "nul",
        "\"",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\n\"",
        "1 2",
        "{,}",
        "[,]",
        "{\"a\":1,}",
        "NaN",
        "[1}",
        "{1:2}",
        "}",
        deep.as_str(),
    ] {
        assert!(Canonical::default().write(json, &mut Vec::new()).is_err(), "{json:.40}");
    }
}
