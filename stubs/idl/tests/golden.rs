//! What is said about files that are wrong, one for each rule, and what is made of one that is right.
use std::io::{Error, ErrorKind};
use std::path::Path;

use sendrec_idl::{Options, compile, compile_with};

/// What is said, carets and all.
fn told(text: &str) -> String {
    match compile("bad.x", text, &Options::default()) {
        Ok(made) => made.warnings.render(false),
        Err(refused) => refused.to_string(),
    }
}

/// The first line of each thing said.
fn titles(text: &str) -> Vec<String> {
    let told = told(text);
    let lines = told.lines().filter(|line| line.starts_with("error") || line.starts_with("warning"));
    lines.map(str::to_owned).collect()
}

/// Slide 25 as it is printed: two procedures have the number 2.
const SLIDE_25: &str = "#define RPC_ARGSIZE 256
#define RPC_RETSIZE 256
#define uSERVERVERS 1
#define uSERVERPROG 0x20000051

struct CallArg_t {
        char body[RPC_ARGSIZE];
};

struct Return_t {
        char body[RPC_RETSIZE];
};

program SERVERPROG {
        version SERVERVERS {
                Return_t FILE_CREATE(CallArg_t) = 1;
                Return_t FILE_READ(CallArg_t) = 2;
                Return_t FILE_WRITE(CallArg_t) = 3;
                Return_t FILE_DEL(CallArg_t) = 2;
        } = uSERVERVERS;
} = uSERVERPROG;
";

#[test]
fn the_lectures_file_as_typed_is_told_of_its_two_procedures_with_number_2() {
    insta::assert_snapshot!(told(SLIDE_25));
}

#[test]
fn corrected_it_makes_a_module() {
    let text = SLIDE_25.replace("FILE_DEL(CallArg_t) = 2", "FILE_DEL(CallArg_t) = 4");
    let made = compile("FILE_RPC.x", &text, &Options::default()).unwrap();
    insta::assert_snapshot!("slide_25_module", made.rust);
    let (server, client) = made.templates("file_rpc");
    insta::assert_snapshot!("slide_25_server", server);
    insta::assert_snapshot!("slide_25_client", client);
}

#[test]
fn each_rule_has_its_words() {
    let rules = [
        (
            "a number for two versions",
            "program P { version A { void X(void) = 1; } = 1; version B { void X(void) = 1; } = 1; } = 5;",
        ),
        (
            "a number for two programs",
            "program P { version A { void X(void) = 1; } = 1; } = 5; program Q { version A { void X(void) = 1; } = 1; } = 5;",
        ),
        (
            "a name for two procedures",
            "program P { version A { void X(void) = 1; void X(void) = 2; } = 1; } = 5;",
        ),
        ("a type twice", "struct a { int x; }; enum a { B };"),
        ("a constant twice", "const A = 1; enum b { A };"),
        ("a member twice", "struct a { int x; int x; };"),
        ("a value of an enumeration twice", "enum a { B = 1, C = 1 };"),
        ("a case twice", "union a switch (int b) { case 1: int c; case 1: int d; };"),
        ("a case that cannot be", "enum a { B = 1 }; union c switch (a d) { case 7: void; };"),
        ("a default twice", "union a switch (int b) { default: void; default: void; };"),
        ("a union decided by what cannot decide", "union a switch (hyper b) { case 1: void; };"),
        ("a name that is not defined", "struct a { colour c; }; const B = SIZE;"),
        ("a name that is nearly defined", "struct colour { int a; }; struct b { color c; };"),
        ("a constant by itself", "const A = B; const B = A;"),
        ("a negative length", "const A = -1; typedef int b[A];"),
        ("a negative number", "program P { version A { void X(void) = -1; } = 1; } = 5;"),
        ("a number of more than 64 bits", "const A = 18446744073709551616;"),
        ("an octal number with a 9", "const A = 019;"),
        ("a text for a number", "const A = \"text\"; typedef int b<A>;"),
        (
            "types that stand for one another",
            "typedef a b; typedef b a; union c switch (a d) { case 1: void; };",
        ),
        (
            "a type that holds itself, called with",
            "struct a { a b; }; program P { version V { /* @inout b */ a X(a) = 1; } = 1; } = 5;",
        ),
        ("a type that holds itself", "struct a { b c; }; struct b { a d; };"),
        ("a pointer as an argument", "program P { version A { void X(int *) = 1; } = 1; } = 5;"),
        ("procedure 0 with arguments", "program P { version A { void X(int) = 0; } = 1; } = 5;"),
        ("a void member", "struct a { void; };"),
        ("opaque without a length", "struct a { opaque b; };"),
        ("a string without a bound", "struct a { string b; };"),
        ("an array of char", "struct a { char b[9]; };"),
        ("a word of the language as a name", "struct enum { int a; };"),
        ("a missing semicolon", "struct a { int b }; const C = 1"),
        ("a sign without meaning", "struct a { int b; } & ;"),
        ("a comment without end", "const A = 1; /* and so on"),
        ("a text without end", "const A = \"and so on"),
        ("a condition without end", "#ifdef A\nconst B = 1;"),
        ("a condition that is not understood", "#if 1 +\n#endif"),
        ("an else without if", "#else\n#endif"),
        ("a directive that is not known", "#frobnicate"),
        ("a mark that is not known", "program P { version A { /* @twice */ void X(void) = 1; } = 1; } = 5;"),
        (
            "a parameter that cannot be restored",
            "program P { version A { /* @inout a */ int X(int a) = 1; } = 1; } = 5;",
        ),
        ("an enumeration without values", "enum a { };"),
        ("a macro that becomes itself", "#define A B\n#define B A\nconst C = A;"),
    ];
    let mut text = String::new();
    for (rule, file) in rules {
        text.push_str(&format!("## {rule}\n{}\n\n", told(file).trim_end()));
    }
    insta::assert_snapshot!(text);
}

#[test]
fn one_run_tells_of_all_that_is_wrong() {
    let text =
        "struct a { int b };\nconst C = ;\nenum d { E = 1, F = };\nstruct g { int h; };\nconst I = J;\n";
    let titles = titles(text);
    assert_eq!(titles.len(), 4, "{titles:#?}");
}

#[test]
fn included_files_are_read_and_errors_in_them_name_them() {
    let open = |path: &Path| match path.to_str() {
        Some("folder/types.x") => Ok("typedef opaque digest[20];\n#include \"broken.x\"\n".to_owned()),
        Some("folder/broken.x") => Ok("struct a { missing b; };\n".to_owned()),
        _ => Err(Error::new(ErrorKind::NotFound, "not there")),
    };
    let text =
        "#include \"types.x\"\n#include <rpc/types.h>\n#include \"absent.x\"\nstruct c { digest d; };\n";
    let refused = compile_with(Path::new("folder/main.x"), text, &Options::default(), &open).unwrap_err();
    insta::assert_snapshot!(refused.to_string());
}

#[test]
fn files_that_include_one_another_come_to_an_end() {
    let open = |_: &Path| Ok("#include \"again.x\"\n".to_owned());
    let refused =
        compile_with(Path::new("a.x"), "#include \"again.x\"\n", &Options::default(), &open).unwrap_err();
    assert!(refused.to_string().contains("more than 16 deep"), "{refused}");
}

#[test]
fn what_the_preprocessor_leaves_out_is_not_read() {
    let text = "
%#include \"c.h\"
%/* opened for C alone
#define SIZE (8)
#define LIMIT 9
#undef LIMIT
#ifdef RPC_HDR
this is no interface
#elif defined(SIZE) && !defined(LIMIT) && VERSION >= 3
const A = 1;	// a comment of the other kind
#else
nor is this
#endif
#if RPC_CLNT || 0
nor this
#endif
";
    let defines = vec![("VERSION".to_owned(), "3".to_owned())];
    let made = compile("a.x", text, &Options { defines, ..Options::default() }).unwrap();
    assert_eq!(made.model.constants.len(), 1);
    assert_eq!(made.model.constants[0].doc.as_deref(), Some("a comment of the other kind"));
}

#[test]
fn a_type_declared_elsewhere_cannot_decide_a_union() {
    let extern_types = vec![("colour".to_owned(), "crate::Colour".to_owned())];
    let text = "union a switch (colour c) { case 1: void; };";
    let refused = compile("a.x", text, &Options { extern_types, ..Options::default() }).unwrap_err();
    assert!(refused.to_string().contains("`c` cannot decide a union"), "{refused}");
}
