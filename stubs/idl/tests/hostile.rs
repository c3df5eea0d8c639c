//! Whatever the text, the compiler comes to an end with words or code, and does not panic.
use proptest::prelude::*;

use sendrec_idl::{Options, compile};

const WORDS: [&str; 46] = [
    "struct",
    "union",
    "enum",
    "typedef",
    "program",
    "version",
    "const",
    "case",
    "default",
    "switch",
    "void",
    "opaque",
    "string",
    "int",
    "unsigned",
    "hyper",
    "bool",
    "char",
    "float",
    "a",
    "b",
    "C",
    "TRUE",
    "{",
    "}",
    "(",
    ")",
    "[",
    "]",
    "<",
    ">",
    ";",
    ":",
    ",",
    "=",
    "*",
    "0",
    "1",
    "-1",
    "4294967296",
    "0x10",
    "\"t\"",
    "/* @inout a */",
    "\n#define C a\n",
    "\n#if C\n",
    "\n#endif\n",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn words_in_any_order(words in prop::collection::vec(prop::sample::select(&WORDS[..]), 0..80)) {
        let _ = compile("any.x", &words.join(" "), &Options::default());
    }

    #[test]
    fn any_text(text in "\\PC{0,200}") {
        let _ = compile("any.x", &text, &Options::default());
    }

    #[test]
    fn a_file_with_a_piece_cut_out_or_doubled(from in 0..900_usize, length in 0..60_usize, doubled: bool) {
        let text = include_str!("../../tests/interfaces/kinds.x");
        let from = from.min(text.len());
        let to = (from + length).min(text.len());
        let (head, piece, tail) = (&text[..from], &text[from..to], &text[to..]);
        let changed = if doubled { format!("{head}{piece}{piece}{tail}") } else { format!("{head}{tail}") };
        let _ = compile("kinds.x", &changed, &Options::default());
    }
}

#[test]
fn depth_and_length_are_bounded() {
    let deep = format!("{}int a;{}", "struct a { struct {".repeat(10_000), "} b; };".repeat(10_000));
    assert!(compile("deep.x", &deep, &Options::default()).is_err());
    let braces = "#if ".to_owned() + &"(".repeat(100_000);
    assert!(compile("deep.x", &braces, &Options::default()).is_err());
    let doubling: String = (0..40).map(|n| format!("#define A{} A{n} A{n}\n", n + 1)).collect();
    assert!(compile("laughs.x", &format!("{doubling}const X = A40;"), &Options::default()).is_err());
}
